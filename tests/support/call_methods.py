"""Calls methods without a service: the calls as JSON on standard input, what came of each as JSON on standard output.

Before each call the file /call/NUMBER is looked for, so that whoever watches the system calls knows which call they
belong to.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from moorage_processes.execution.executor import Executor
from moorage_processes.execution.request import ExecutionFailed, Request


def outcome(executor: Executor, call: dict[str, Any]) -> dict[str, str | None]:
    """The reason of a failure and its words; no reason where the method succeeded."""
    request = Request(call["process"], call["inputs"], call["outputs"])
    with tempfile.TemporaryDirectory() as folder:
        try:
            executor.execute(request, Path(folder), lambda *_: None)
        except ExecutionFailed as error:
            return {"reason": error.failure.reason, "detail": error.failure.detail, "cause": repr(error.__cause__)}
    return {"reason": None, "detail": "", "cause": ""}


def main() -> None:
    """Call after call, in one process."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    given = json.load(sys.stdin)
    executor = Executor(given["executor"])
    executor.prepare()
    told = []
    for number, call in enumerate(given["calls"]):
        os.access(f"/call/{number}", os.F_OK)
        told.append(outcome(executor, call))
    os.access("/call/end", os.F_OK)
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
