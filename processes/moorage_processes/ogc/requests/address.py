"""The address of a request: how long it may be."""

from __future__ import annotations

from http import HTTPStatus

from flask import request

from moorage_processes.ogc.problems import Problem

LONGEST = 8190
"""Characters of path and query; as many as other servers take, and more than browsers and proxies pass on."""


def refuse_long() -> None:
    """Before anything is done for a request.

    Raises
    ------
    Problem
        414, where the address is longer than :data:`LONGEST`.
    """
    length = len(request.environ.get("PATH_INFO", "")) + len(request.environ.get("QUERY_STRING", ""))
    if length > LONGEST:
        detail = f"the address has {length} characters; expected at most {LONGEST}. Send the inputs by POST instead"
        raise Problem(414, HTTPStatus(414).phrase.replace(" ", ""), detail)
