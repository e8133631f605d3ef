"""Whoever receives a callback can tell that it comes from the service, unchanged and just now."""

from __future__ import annotations

import time
from dataclasses import replace

import moorage
import pytest
from moorage.callbacks import sign

SECRET = "something only two know"  # noqa: S105 - of this test
BODY = b'{"result": 3}'


@pytest.fixture
def told() -> moorage.Callback:
    """One that is sent just now."""
    return moorage.Callback("3688f92f-01e7", "success", "9687018e.17", int(time.time()))


def test_a_callback_that_is_signed_is_trusted_and_says_what_it_is(told):
    assert moorage.verify_callback(BODY, sign(BODY, SECRET, told), SECRET) == told


def test_the_form_of_the_header_does_not_change():
    told = moorage.Callback("a", "failed", "b", 1_700_000_000)
    # printf '%s.%s' 't=1700000000,job=a,event=failed,delivery=b' '{}' | openssl dgst -sha256 -hmac 'key'
    code = "29afe3b14ccdeb1ba21857e4061cdc877b49ee09375261c26c0691ec5cb95b1b"
    assert sign(b"{}", "key", told) == f"t=1700000000,job=a,event=failed,delivery=b,v1={code}"


def test_white_space_around_a_secret_does_not_matter(told):
    assert moorage.verify_callback(BODY, sign(BODY, SECRET, told), f"{SECRET}\n".encode()) == told


@pytest.mark.parametrize(
    "change",
    [
        lambda body, header, secret: (body + b" ", header, secret),
        lambda body, header, secret: (body, header, secret + "!"),
        lambda body, header, secret: (body, header.replace("success", "failed"), secret),
        lambda body, header, secret: (body, header.replace("job=3688", "job=4688"), secret),
        lambda body, header, secret: (body, header.replace("t=", "t=1", 1), secret),
        lambda body, header, secret: (body, header[:-1] + ("0" if header[-1] != "0" else "1"), secret),
    ],
    ids=["the body", "the secret", "the event", "the job", "the time", "the code"],
)
def test_it_is_not_trusted_after_a_change_of(change, told):
    with pytest.raises(moorage.SignatureError, match="does not fit the body"):
        moorage.verify_callback(*change(BODY, sign(BODY, SECRET, told), SECRET))


@pytest.mark.parametrize(
    "header",
    [None, "", "v1=abc", "t=1", "t=1,job=a,event=b,delivery=c", "t=x,job=a,event=b,delivery=c,v1=d", "t=1,v1="],
)
def test_a_header_of_another_form_is_told(header):
    with pytest.raises(moorage.SignatureError, match="missing or has not the form"):
        moorage.verify_callback(BODY, header, SECRET)


def test_a_code_that_is_no_text_is_just_wrong(told):
    header = sign(BODY, SECRET, told).partition("v1=")[0] + "v1=\udc80é"
    with pytest.raises(moorage.SignatureError, match="does not fit"):
        moorage.verify_callback(BODY, header, SECRET)


@pytest.mark.parametrize("age", [301, -301])
def test_one_that_was_kept_for_later_is_not_trusted(age, told):
    old = replace(told, sent=int(time.time()) - age)
    with pytest.raises(moorage.SignatureError, match="more than 300 s"):
        moorage.verify_callback(BODY, sign(BODY, SECRET, old), SECRET)
    assert moorage.verify_callback(BODY, sign(BODY, SECRET, old), SECRET, tolerance=400) == old


def test_one_of_several_codes_is_enough_while_a_secret_is_replaced(told):
    new = sign(BODY, "the new one", told).rpartition(",v1=")[2]
    header = f"{sign(BODY, SECRET, told)},v1={new}"
    for secret in (SECRET, "the new one"):
        assert moorage.verify_callback(BODY, header, secret) == told


def test_any_name_of_a_job_is_read_back(told):
    told = replace(told, job="a,b=c é")
    assert moorage.verify_callback(BODY, sign(BODY, SECRET, told), SECRET) == told
