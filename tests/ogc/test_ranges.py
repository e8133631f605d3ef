"""A result is sent whole, in part, or in several parts, as RFC 9110 has it."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import HTTP

import pytest
import requests

SIZE = 200_000


@pytest.fixture(scope="module")
def result(service_url):
    """URL of a result of so many bytes, which are all the same."""
    body = {"inputs": {"size": SIZE}, "outputs": {"result": {"transmissionMode": "reference"}}}
    answer = requests.post(f"{service_url}/processes/content/execution", json=body, timeout=60)
    return answer.links["result"]["url"]


def part_of(result, ranges, **headers):
    return requests.get(result, headers={"Range": ranges} | headers, timeout=60)


def parts_of(answer):
    """Content-Range and content of each part."""
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    message = message_from_bytes(head + answer.content, policy=HTTP)
    assert not message.defects
    return [(part["Content-Range"], part.get_payload(decode=True)) for part in message.iter_parts()]


def test_one_range_is_sent_as_it_is(result):
    answer = part_of(result, "bytes=10-19")
    assert (answer.status_code, answer.content) == (206, b"x" * 10)
    assert answer.headers["Content-Range"] == f"bytes 10-19/{SIZE}"
    assert answer.headers["Content-Type"] == "application/octet-stream"


def test_several_ranges_are_sent_in_parts(result):
    answer = part_of(result, "bytes=0-0, 70000-139999, 150000-150001, 199999-300000")
    assert answer.status_code == 206
    assert answer.headers["Content-Type"].startswith("multipart/byteranges")
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert parts_of(answer) == [
        (f"bytes 0-0/{SIZE}", b"x"),
        (f"bytes 70000-139999/{SIZE}", b"x" * 70_000),
        (f"bytes 150000-150001/{SIZE}", b"xx"),
        (f"bytes 199999-199999/{SIZE}", b"x"),
    ]
    assert [place for place, _ in parts_of(part_of(result, "bytes=0-1,-2"))] == [
        f"bytes 0-1/{SIZE}",
        f"bytes 199998-199999/{SIZE}",
    ]


def test_what_lies_beyond_the_end_is_left_out(result):
    answer = part_of(result, "bytes=0-0,5-5,200000-300000")
    assert [place for place, _ in parts_of(answer)] == [f"bytes 0-0/{SIZE}", f"bytes 5-5/{SIZE}"]
    assert parts_of(part_of(result, "bytes=0-0,200000-300000")) == [(f"bytes 0-0/{SIZE}", b"x")]


@pytest.mark.parametrize("ranges", ["bytes=200000-", "bytes=200000-200001,300000-"])
def test_what_lies_beyond_the_end_cannot_be_sent(result, ranges):
    answer = part_of(result, ranges)
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "ranges",
    ["lines=0-5", "bytes=a-b", "bytes=9-5", "bytes", "bytes=5-9,0-3", "bytes=0-,-199999", "bytes=" + "0-0,2-2," * 300],
)
def test_what_is_no_fit_wish_is_passed_over(result, ranges):
    answer = part_of(result, ranges)
    assert (answer.status_code, len(answer.content)) == (200, SIZE)


def test_parts_are_those_of_the_file_the_caller_knows(result):
    etag = requests.head(result, timeout=60).headers["ETag"]
    assert part_of(result, "bytes=0-0,5-5", **{"If-Range": etag}).status_code == 206
    assert part_of(result, "bytes=0-0,5-5", **{"If-Match": etag}).status_code == 206
    assert part_of(result, "bytes=0-0,5-5", **{"If-None-Match": '"other"'}).status_code == 206
    assert part_of(result, "bytes=0-0,5-5", **{"If-Range": '"other"'}).status_code == 200
    assert part_of(result, "bytes=0-0,5-5", **{"If-Match": '"other"'}).status_code == 412
    assert part_of(result, "bytes=0-0,5-5", **{"If-None-Match": etag}).status_code == 304


def test_the_head_of_parts_is_that_of_the_whole(result):
    answer = requests.head(result, headers={"Range": "bytes=0-0,5-5"}, timeout=60)
    assert answer.status_code == 200
    assert answer.headers["Content-Length"] == str(SIZE)
