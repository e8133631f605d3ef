"""Methods that do what methods should not, and a few that behave; those on arrays are in methods_on_arrays.py.

What has only these imports neither numpy nor xarray, which are most of the time of a start.
"""

import ctypes
import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

from moorage_processes import InputError, Media, process, progress


@process
def shout(text: str = "hello") -> str:
    """Say it louder."""
    return text.upper()


@process
def slow_sum(numbers: list[float], pause: float = 0.0) -> float:
    """Add numbers, after a pause [s]."""
    time.sleep(pause)
    return float(sum(numbers))


@process
def leave_trace(folder: str, pause: float = 0.0) -> int:
    """Leave one file in a folder for each time this is begun; give how many there are."""
    (Path(folder) / f"{os.getpid()}-{time.monotonic_ns()}").touch()
    time.sleep(pause)
    return len(list(Path(folder).iterdir()))


@process(idempotent=False)
def leave_trace_once(folder: str, pause: float = 0.0) -> int:
    """The same, but never begun twice."""
    (Path(folder) / f"{os.getpid()}-{time.monotonic_ns()}").touch()
    time.sleep(pause)
    return len(list(Path(folder).iterdir()))


@process
def sleep_in_c(seconds: float) -> int:
    """Sleep in C without letting go of the interpreter."""
    return ctypes.PyDLL(None).usleep(int(seconds * 1e6))


@process
def segfault() -> int:
    """Read what is not there."""
    return ctypes.string_at(0)[0]


@process
def leave_python(code: int = 3) -> int:
    """End the process without a word."""
    os._exit(code)


@process
def exit_politely() -> int:
    """End as a script would."""
    sys.exit("enough")


@process(memory="700 MB")
def eat_memory(gigabytes: float = 3.0) -> int:
    """Fill memory, piece by piece."""
    pieces = []
    for _ in range(int(gigabytes * 100)):
        pieces.append(b"x" * 10_000_000)
        time.sleep(0.002)
    return len(pieces)


@process(memory="700 MB")
def eat_memory_elsewhere() -> int:
    """Fill memory in a process of its own."""
    program = "import time; kept = bytearray(b'x') * 2_000_000_000; time.sleep(60)"
    return subprocess.run([sys.executable, "-c", program], check=True).returncode


@process(memory="700 MB")
def fill_shared_memory(folder: str | None = None, megabytes: int = 1000) -> int:
    """Write files that lie in memory, and close them; without a folder, one that has no name."""
    nameless = os.memfd_create("test")
    for number in range(megabytes // 10):
        content = b"x" * 10_000_000
        if folder is None:
            os.write(nameless, content)
        else:
            (Path(folder) / str(number)).write_bytes(content)
        time.sleep(0.002)
    time.sleep(600)
    return nameless


@process(timeout=1.0)
def too_slow() -> int:
    """Sleep in C for longer than this may take."""
    return ctypes.CDLL(None).sleep(60)


@process
def fail(words: str = "s3cret") -> int:
    """Raise what the caller must not see."""
    raise RuntimeError(f"the password is {words}")


@process
def refuse() -> int:
    """Raise what the caller can mend."""
    raise InputError("the period holds no data; it has 1990 to 1993", input="period")


@process
def speak() -> int:
    """Say something in every way there is."""
    print("printed")
    os.system("echo spoken")  # noqa: S605
    ctypes.CDLL(None).puts(b"put")
    logging.getLogger("science").info("logged")
    return 1


@process
def chatter(go: str) -> int:
    """Say much, wait for a file, say much again, and fail."""
    print("first words", flush=True)
    for _ in range(2):
        for number in range(10_000):
            print(f"line {number}")
        sys.stdout.flush()
        while not Path(go).exists():
            time.sleep(0.01)
    raise RuntimeError("the last words")


@process
def steps(fractions: list[float], pause: float = 0.0, freeze: float = 0.0) -> int:
    """Tell progress, pause [s] after each; then stay in C [s] without letting go of the interpreter."""
    for fraction in fractions:
        progress(fraction, f"at {fraction:g}")
        time.sleep(pause)
    ctypes.PyDLL(None).usleep(int(freeze * 1e6))
    return len(fractions)


@process
def many_steps(count: int = 200_000) -> int:
    """Tell progress as often as an inner loop does."""
    for number in range(count):
        progress(number / count)
    return count


@process
def content(size: int = 1_000_000) -> Annotated[bytes, Media("application/octet-stream")]:
    """So many bytes."""
    return b"x" * size


@process
def leave_orphans(folder: str, pause: float = 0.0) -> int:
    """Start a program that outlives its parent and belongs to no group of ours."""
    command = f"setsid sh -c 'echo $$ > {folder}/orphan; exec sleep 1000' & wait"
    subprocess.Popen(["sh", "-c", command], start_new_session=True)
    while not (Path(folder) / "orphan").exists():
        time.sleep(0.01)
    time.sleep(pause)
    return int((Path(folder) / "orphan").read_text())


@process
def environment() -> list[str]:
    """Variables of this process, of one that it starts, and of the one that it was forked from, as NAME=VALUE."""
    started = subprocess.run(["env", "-0"], check=True, capture_output=True).stdout
    forked = Path(f"/proc/{os.getppid()}/environ").read_bytes()
    own = "\0".join(f"{name}={value}" for name, value in os.environ.items())
    return sorted({*own.split("\0"), *(started + forked).decode().split("\0")} - {""})


@process
def whoami() -> int:
    """The process this runs in."""
    return os.getpid()


@process
def proj_is_online() -> bool:
    """Whether PROJ may fetch grids."""
    from pyproj.network import is_network_enabled

    return bool(is_network_enabled())


@process
def strange_progress() -> int:
    """Tell progress that is none."""
    for fraction in (float("nan"), float("inf"), -1.0, 0.5):
        progress(fraction, "half \ud800 a\0 pair" * 200)
    return 1


@process(sync=False)
def decline() -> int:
    """Refuse, but only as a job."""
    raise InputError("the period holds no data; it has 1990 to 1993", input="period")


@process(sync=False)
def asset(href: str, size: int, media_type: str = "image/tiff") -> dict[str, Any]:
    """What ECMWF's data stores say of a file."""
    return {"asset": {"value": {"href": href, "type": media_type, "file:size": size}}}
