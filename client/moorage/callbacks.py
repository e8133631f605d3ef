"""Callbacks of a service: signed where they are sent, verified where they arrive."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from dataclasses import dataclass
from urllib.parse import quote, unquote

from moorage.errors import SignatureError

HEADER = "Moorage-Signature"
WORD = r"[A-Za-z0-9_.~%-]+"
SEAL = re.compile(rf"t=(?P<t>[0-9]{{1,15}}),job=(?P<job>{WORD}),event=(?P<event>{WORD}),delivery=(?P<delivery>{WORD})")
"""What is signed together with the body."""


@dataclass(frozen=True)
class Callback:
    """What a callback says of itself; all of it is covered by the signature."""

    job: str
    """Id of the job."""
    event: str
    """``success`` (the body is the results document), ``failed`` (the problem) or ``inProgress`` (the status)."""
    delivery: str
    """The same each time the same news is sent: whoever has seen it need not act again."""
    sent: int
    """When it was sent [s since 1970]."""


def sign(body: bytes, secret: str | bytes, callback: Callback) -> str:
    """The ``Moorage-Signature`` header of a callback."""
    names = {"job": callback.job, "event": callback.event, "delivery": callback.delivery}
    facts = f"t={callback.sent}," + ",".join(f"{name}={quote(value, safe='')}" for name, value in names.items())
    return f"{facts},v1={_code(facts, body, secret)}"


def verify_callback(body: bytes, header: str | None, secret: str | bytes, tolerance: float = 300.0) -> Callback:
    """Make sure that a callback comes from a service that knows the secret, unchanged and just now.

    Parameters
    ----------
    body : of the request, as it came.
    header : its ``Moorage-Signature``.
    secret : what the operator of the service handed over; white space around it does not matter.
    tolerance : how old it may be, or how far the clocks may differ [s].

    Returns
    -------
    What it says of itself. Trust this rather than other headers, which are not signed.

    Raises
    ------
    SignatureError
        where it is not to be trusted; answer with status 400 or 401.
    """
    facts, _, codes = (header or "").partition(",v1=")
    found = SEAL.fullmatch(facts)
    if found is None or not codes:
        raise SignatureError(f"the {HEADER} header is missing or has not the form t=...,job=...,v1=...")
    right = _code(facts, body, secret)
    if not _any_equal(codes.split(",v1="), right):
        raise SignatureError("the signature does not fit the body: it was changed, or signed with another secret")
    if abs(time.time() - int(found["t"])) > tolerance:
        raise SignatureError(f"it was signed more than {tolerance:g} s ago, or by a clock that is wrong")
    return Callback(unquote(found["job"]), unquote(found["event"]), unquote(found["delivery"]), int(found["t"]))


def _any_equal(codes: list[str], right: str) -> bool:
    """Whether one of several codes is right: while a secret is replaced, a service may sign with both."""
    return any(hmac.compare_digest(code.encode("ascii", "replace"), right.encode()) for code in codes)


def _code(facts: str, body: bytes, secret: str | bytes) -> str:
    key = secret.encode() if isinstance(secret, str) else secret
    return hmac.new(key.strip(), facts.encode() + b"." + body, hashlib.sha256).hexdigest()
