"""Linux process tools: descendants, memory, process groups, death with the parent."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import resource
import select
import signal
import time
from collections.abc import Iterable, Iterator

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
WALL = 0x40000000
"""For ``waitid``: also children that would send no signal at their end."""
PAGE = os.sysconf("SC_PAGE_SIZE")
SHARED = re.compile(r"^RssShmem:\s*(\d+) kB", re.MULTILINE)
WRITTEN = re.compile(r"^(?:wchar|write_bytes): (\d+)", re.MULTILINE)
MARK = "MOORAGE_RUNS_FOR"
"""Environment variable by which the forkserver and all that descends from it are known."""


def die_with_parent(parent: int, by: signal.Signals = signal.SIGKILL) -> None:
    """Let the kernel send this process a signal when its parent ends, however that ends."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, by)
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ended."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1)


def children(pid: int) -> list[int]:
    """Processes that *pid* began, by any of its threads."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - read twenty times a second
            found.extend(map(int, _read(f"/proc/{pid}/task/{thread}/children").split()))
    return found


def has_children() -> bool:
    """Whether processes that this one began, or adopted, are left; far quicker than to look among all."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT | WALL)
    except ChildProcessError:
        return False
    return True


def descendants(pid: int) -> list[int]:
    """All processes that descend from *pid*."""
    return [each for child in children(pid) for each in (child, *descendants(child))]


def resident(pids: Iterable[int]) -> int:
    """Memory [bytes] that processes hold; those that have ended hold none."""
    pages = (_read(f"/proc/{pid}/statm").split()[1:2] for pid in pids)
    return PAGE * sum(int(number) for found in pages for number in found)


def resident_shared(pids: Iterable[int]) -> int:
    """The part of that which is shared memory [bytes], such as mapped files of ``/dev/shm``."""
    found = (SHARED.search(_read(f"/proc/{pid}/status")) for pid in pids)
    return sum(1024 * int(each[1]) for each in found if each)


def written_to_memory(pids: Iterable[int]) -> int:
    """Bytes that processes, and those that they have waited for, wrote to something else than a disk."""
    return sum(max(0, numbers[0] - numbers[1]) for pid in pids if (numbers := _written(pid)))


def _written(pid: int) -> list[int]:
    return [int(each) for each in WRITTEN.findall(_read(f"/proc/{pid}/io"))]


def open_files(pid: int) -> Iterator[os.stat_result]:
    """The files that a process has open."""
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208 - four times a second
            with contextlib.suppress(OSError):
                yield os.stat(f"/proc/{pid}/fd/{name}")  # noqa: PTH116 - the same


def mapped_files(pids: Iterable[int], folder: str) -> set[tuple[int, int]]:
    """Device and number of the files below a directory that processes have mapped."""
    return {
        (os.makedev(int(major, 16), int(minor, 16)), int(number))
        for pid in pids
        for line in _read(f"/proc/{pid}/maps").splitlines()
        if f" {folder}/" in line
        for (major, minor), number in [(line.split()[3].split(":"), line.split()[4])]
    }


def peak() -> int:
    """Memory [bytes] that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def kill_group(pid: int) -> None:
    """Kill a process and its group at once."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def kill_orphans(known: set[int]) -> None:
    """Kill all children of this process but the *known* ones, and what becomes an orphan by that."""
    while strangers := [pid for pid in children(os.getpid()) if pid not in known]:
        for pid in strangers:
            kill_group(pid)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def kill_marked(mark: str, patience: float = 5.0) -> int:
    """Kill all processes that carry a mark, and wait until they are gone; say how many there were.

    Parameters
    ----------
    mark : value of the environment variable :data:`MARK`.
    patience : how long to wait for them in all [s].
    """
    count, deadline = 0, time.monotonic() + patience
    while (handles := list(_marked(mark))) and time.monotonic() < deadline:
        for file in handles:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(file, signal.SIGKILL)
        for file in handles:
            end = select.poll()
            end.register(file, select.POLLIN)
            end.poll(max(0.0, deadline - time.monotonic()) * 1000)
            os.close(file)
        count += len(handles)
    return count


def _marked(mark: str) -> Iterator[int]:
    """A descriptor of each process that carries a mark."""
    wanted = f"{MARK}={mark}".encode()
    for name in os.listdir("/proc"):  # noqa: PTH208 - names are wanted
        if not name.isdecimal() or int(name) == os.getpid():
            continue
        with contextlib.suppress(ProcessLookupError):
            file = os.pidfd_open(int(name))
            # read after it was opened: the number cannot have passed on to another process unnoticed
            if wanted in _read_bytes(f"/proc/{name}/environ").split(b"\0"):
                yield file
            else:
                os.close(file)


def _read(path: str) -> str:
    return _read_bytes(path).decode()


def _read_bytes(path: str) -> bytes:
    """Content of a file of a process, empty once that is gone or where it is somebody else's."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - read twenty times a second
            return file.read()
    except OSError:
        return b""
