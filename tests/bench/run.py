"""Side-by-side figures: `python tests/bench/run.py [NAME ...] [--json FILE]`.

Each figure is a median of runs that alternate between us and the peer, so that a machine that slows down slows both.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from statistics import median
from unittest.mock import patch

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from afar import site_call
from catalogue import catalogue
from climate import climate
from figures import Figure, in_turn
from jobs import cancel, power_loss, progress, queue_depth
from lists import descriptions, job_list
from peers import file_server, vanilla
from support.services import Running, serve
from throughput import engine_throughput, scale_out
from zones import zonal_statistics

HERE = Path(__file__).parent
METHODS = str(HERE / "methods.py")
MEGABYTES = 100


class Caller:
    """A keep-alive connection that executes one process."""

    def __init__(self, url: str, process: str) -> None:
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"))
        self._path = f"/processes/{process}/execution"

    def __call__(self, prefer: str | None = None) -> http.client.HTTPResponse:
        headers = {"Content-Type": "application/json"} | ({"Prefer": prefer} if prefer else {})
        self._connection.request("POST", self._path, json.dumps({"inputs": {"name": "Ada"}}), headers)
        response = self._connection.getresponse()
        response.read()
        return response

    def get(self, path: str) -> dict:
        """A JSON document."""
        self._connection.request("GET", path, headers={"Accept": "application/json"})
        return json.loads(self._connection.getresponse().read())


def sync_call(folder: Path) -> Iterator[Figure]:
    """A small sync call on a connection that is kept."""
    with (
        serve(folder / "ours", [METHODS], ours=True) as ours,
        vanilla(folder / "plain", manager=None) as plain,
        vanilla(folder / "tinydb", manager="TinyDB") as tinydb,
    ):
        hello = Caller(ours.url, "hello")
        mine, peer = in_turn(hello, Caller(plain.url, "hello-world"), runs=500, warm=50)
        yield Figure("sync-call", mine * 1e3, peer * 1e3, "ms", "at most 1.5x", "pygeoapi, no manager")
        mine, peer = in_turn(hello, Caller(tinydb.url, "hello-world"), runs=500, warm=50)
        yield Figure("sync-call (jobs kept)", mine * 1e3, peer * 1e3, "ms", "at most 0.2x", "pygeoapi, TinyDB")


def async_call(folder: Path) -> Iterator[Figure]:
    """From submit to the result in the caller's hands."""
    import moorage

    def by_hand() -> None:
        location = peer("respond-async").headers["Location"]
        path = location[location.index("/jobs") :]
        while peer.get(path + "?f=json")["status"] not in ("successful", "failed"):
            time.sleep(0.002)
        peer.get(path + "/results?f=json")

    with serve(folder / "ours", [METHODS], ours=True) as ours, vanilla(folder / "tinydb", manager="TinyDB") as tinydb:
        hello = moorage.connect(ours.url).hello
        peer = Caller(tinydb.url, "hello-world")
        mine, theirs = in_turn(lambda: hello.submit(name="Ada").result(), by_hand, runs=60)
    yield Figure("async-call", mine * 1e3, theirs * 1e3, "ms", "at most 0.2x, under 10 ms", "pygeoapi, TinyDB")


def python_call(folder: Path) -> Iterator[Figure]:
    """A small call through our client, and a job that is waited for, beside the same call by hand."""
    import moorage

    with serve(folder / "ours", [METHODS], ours=True) as ours:
        hello, by_hand = moorage.connect(ours.url).hello, Caller(ours.url, "hello")
        call, job, plain = in_turn(
            lambda: hello(name="Ada"), lambda: hello.submit(name="Ada").result(), by_hand, runs=300, warm=50
        )
    yield Figure("python-call", call * 1e3, plain * 1e3, "ms", "at most 2x", "http.client, sync; DASF: 1.5 ms")
    yield Figure("python-call, as a job", job * 1e3, plain * 1e3, "ms", "at most 6 ms", "http.client, sync")


def array_100mb(folder: Path) -> Iterator[Figure]:
    """From the call to a DataArray in memory."""
    import moorage
    import xarray as xr

    files = folder / "files"
    files.mkdir(parents=True)
    xr.DataArray(numbers(), dims=("y", "x"), name="array").to_netcdf(files / "array.nc")

    def plain_bytes() -> None:
        with urllib.request.urlopen(f"{url}/array.nc") as response:
            response.read()

    def opened() -> None:
        target = folder / "downloaded.nc"
        urllib.request.urlretrieve(f"{url}/array.nc", target)
        with xr.open_dataarray(target) as array:
            array.load()

    with serve(folder / "ours", [METHODS], ours=True) as ours, file_server(files) as url:
        hub = moorage.connect(ours.url)
        mine, raw, through_xarray = in_turn(lambda: hub.array(MEGABYTES), plain_bytes, opened, runs=7, warm=2)
    yield Figure("array-100mb", mine, raw, "s", "at most 3x", "http.server, bytes in memory")
    yield Figure("array-100mb (opened)", mine, through_xarray, "s", "at most 3x", "http.server, file, xarray")


def memory(folder: Path) -> Iterator[Figure]:
    """What the web processes need above idle while 100 MB go through them."""
    import moorage
    import xarray as xr

    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "array.nc"
    xr.DataArray(numbers(), dims=("y", "x"), name="array").to_netcdf(source)
    with serve(folder / "ours", [METHODS], ours=True) as ours:
        hub = moorage.connect(ours.url)
        hub.hello(name="Ada")
        mine = _growth(ours, lambda: hub.array(MEGABYTES))
    with vanilla(folder / "plain", manager=None, array=source) as plain:
        caller = Caller(plain.url, "array")
        theirs = _growth(plain, caller)
    yield Figure("memory", mine, theirs, "MB", "under 60 MB above idle", "pygeoapi, the same bytes")


def _growth(server: Running, call: Callable[[], object]) -> float:
    """Growth of the largest web process [MB] from idle to its peak."""
    workers = [int(pid) for pid in _children(server.process.pid)]
    for pid in workers:
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak starts anew
    idle = {pid: _status(pid, "VmRSS") for pid in workers}
    for _ in range(3):
        call()
    return max(_status(pid, "VmHWM") - idle[pid] for pid in workers)


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _status(pid: int, field: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1e3 for line in lines if line.startswith(field))


def start(folder: Path) -> Iterator[Figure]:
    """From the command to the first answer, and of the client's import."""
    # of its own, but one for all: others, such as matplotlib, fill it once too
    with patch.dict(os.environ, {"XDG_CACHE_HOME": str(folder / "cache")}):
        rows = [_starts(folder / str(number), folder / "cache" / "moorage") for number in range(5)]
    first, second, peer = map(median, zip(*rows, strict=True))
    yield Figure("start (first)", first, peer, "s", "4.5 s", "pygeoapi with its openapi generated")
    yield Figure("start (second)", second, peer, "s", "2.2 s", "the same")
    imports = [[sys.executable, "-c", f"import {name}"] for name in ("moorage", "owslib.ogcapi.processes", "sys")]
    mine, peer, empty = in_turn(*[lambda c=c: subprocess.run(c, check=True) for c in imports], runs=7, warm=1)
    yield Figure("import moorage", mine - empty, peer - empty, "s", "under 0.5 s", "owslib.ogcapi.processes")


def _starts(folder: Path, cache: Path) -> tuple[float, float, float]:
    """Seconds of a first start, of one that finds its descriptions in *cache*, and of the peer's."""
    shutil.rmtree(cache, ignore_errors=True)
    (folder / "ours").mkdir(parents=True)
    first, second = (_until_answer(serve(folder / "ours", [METHODS], ours=True)) for _ in range(2))
    return first, second, _until_answer(vanilla(folder / "plain", manager=None))


def _until_answer(service: AbstractContextManager[Running]) -> float:
    """Seconds until a service answers, which is stopped then."""
    begun = time.perf_counter()
    with service:
        return time.perf_counter() - begun


def numbers():
    """100 MB of float32."""
    import numpy as np

    return np.arange(MEGABYTES * 250_000, dtype="float32").reshape(-1, 1000)


BENCHES = {
    "sync-call": sync_call,
    "python-call": python_call,
    "async-call": async_call,
    "array-100mb": array_100mb,
    "memory": memory,
    "start": start,
    "describe": descriptions,
    "job-list": job_list,
    "cancel": cancel,
    "progress": progress,
    "queue-depth": queue_depth,
    "power-loss": power_loss,
    "site-call": site_call,
    "engine-throughput": engine_throughput,
    "scale-out": scale_out,
    "climate": climate,
    "zonal-statistics": zonal_statistics,
    "catalogue": catalogue,
}


def main() -> None:
    """Measure what was named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHES], metavar="NAME", help=", ".join(BENCHES))
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    figures = []
    print(f"{'name':30} {'ours':>10} {'peer':>10} {'ratio':>8}  unit target", flush=True)
    for name in arguments.names or BENCHES:
        with tempfile.TemporaryDirectory(prefix="moorage-bench-") as folder:
            (Path(folder) / "ours").mkdir()
            for figure in BENCHES[name](Path(folder)):
                figures.append(figure)
                print(figure, flush=True)
    if arguments.json:
        rows = [asdict(figure) | {"ratio": figure.ratio} for figure in figures]
        arguments.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
