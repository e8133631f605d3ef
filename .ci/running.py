"""Run one part: its log is shown as it goes, its limit is kept, and nothing of it is left."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from parts import Part

LOGS = Path(".ci/logs")
MARK = "MOORAGE_CI_PART"
GRACE = 30.0
"""Seconds in which a part that took too long may say what it knows so far."""
AFTERWARDS = 10.0
"""Seconds in which services stop by themselves after those that used them."""
CLOSING = re.compile(r"^(?:=+ )?((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s", re.MULTILINE)
"""pytest's last line."""
COMMON = {
    "CI": "true",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
    "PYTHONUNBUFFERED": "1",
    "MOORAGE_PATIENCE": "3",  # several tests share two cores: events take longer to come, and are waited for
}


@dataclass(frozen=True)
class Result:
    """What came of a part."""

    name: str
    seconds: float
    outcome: str
    is_good: bool
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def tests(self) -> str:
        """How many tests ran, for the table."""
        ran = sum(number for word, number in self.counts.items() if word not in ("deselected", "warnings", "warning"))
        return str(ran) if self.counts else "-"


def run(part: Part, *, limit: float, prefix: str = "") -> Result:
    """Run a part for *limit* seconds at most."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{part.name.replace(' ', '-')}.log"
    mark, began = f"{os.getpid()}-{part.name}.", time.monotonic()
    with log.open("w", encoding="utf-8") as file:
        process = _begin(part, mark)
        reader = threading.Thread(target=_show, args=(process, file, prefix), daemon=True)
        reader.start()
        is_late = True
        try:
            is_late = not _ends(process, limit)
        finally:
            left = _end_all(process, mark, 0 if is_late else AFTERWARDS)
            reader.join(10)
    code, seconds = process.returncode, time.monotonic() - began
    outcome = f"took longer than {limit:.0f} s" if is_late else "passed" if code == 0 else f"failed with code {code}"
    if left and not is_late:
        outcome += f"; {left} processes were left and are ended"
    return Result(part.name, seconds, outcome, code == 0 and not is_late, counts(log.read_text(encoding="utf-8")))


def counts(log: str) -> Counter[str]:
    """What pytest counted, over all its runs in a log."""
    found: Counter[str] = Counter()
    for words in CLOSING.findall(log):
        for number, word in re.findall(r"(\d+) ([a-z]+)", words):
            found[{"errors": "error"}.get(word, word)] += int(number)
    return found


def _begin(part: Part, mark: str) -> subprocess.Popen[str]:
    # hundreds of processes of ours are begun; compiled once is enough
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", part.command],
        env=inherited | COMMON | part.environment | {MARK: mark},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def _show(process: subprocess.Popen[str], log: TextIO, prefix: str) -> None:
    assert process.stdout is not None
    # whoever is left may hold the pipe after the log is closed
    with suppress(ValueError):
        for line in process.stdout:
            log.write(line)
            log.flush()
            sys.stdout.write(f"{prefix}{line}")
            sys.stdout.flush()


def _ends(process: subprocess.Popen[str], limit: float) -> bool:
    """Wait for a part, and interrupt it where it takes too long; whether it ended by itself."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(limit)
        return True
    # pytest tells on an interrupt what has failed so far
    with suppress(ProcessLookupError, subprocess.TimeoutExpired):
        os.killpg(process.pid, signal.SIGINT)
        process.wait(GRACE)
    return False


def _end_all(process: subprocess.Popen[str], mark: str, patience: float) -> int:
    """End what a part has left, also what has made itself independent of it; how many those were."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + patience
    while (left := list(_marked(mark))) and time.monotonic() < deadline:
        time.sleep(0.2)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(left)


def end_everything() -> None:
    """End what all parts of this run have begun."""
    for pid in _marked(f"{os.getpid()}-"):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _marked(mark: str) -> Iterator[int]:
    """Processes whose mark begins so."""
    wanted = f"{MARK}={mark}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(each.startswith(wanted) for each in (folder / "environ").read_bytes().split(b"\0")):
                yield int(folder.name)
