"""Methods on ten years of daily maps, beside the operator of cdo that does the same: time and memory.

Both read the same file, which lies in the memory of the disk, and both write what they find. Ours are called through a
service that is warm; cdo's are processes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
from figures import Figure, in_turn
from support.engines import family
from support.services import Running, serve

DAYS = int(os.environ.get("MOORAGE_BENCH_DAYS", "3650"))
"""What the targets hold for; fewer tell only that all runs and about how it stands."""
ROWS, COLUMNS = 180, 360
GAPS = 0.1
MARK = np.float32(1e20)
RUNS = int(os.environ.get("MOORAGE_BENCH_RUNS", "3"))
LEAST, WITH_GAPS, MEMORY = "at most 0.8x", "at most 1.2x", "under 400 MB"
GROWTH = "at most 2.1x"
NETCDF = "application/x-netcdf"


@dataclass(frozen=True)
class Task:
    """One method and its like in cdo."""

    name: str
    process: str
    output: str
    cdo: tuple[str, ...]
    """Operators of cdo; IN stands for the data."""
    inputs: Mapping[str, Any]


TASKS = (
    Task("monthly climatology", "climatology", "climatology", ("ymonmean", "IN"), {}),
    Task("anomaly", "climatology", "anomaly", ("ymonsub", "IN", "-ymonmean", "IN"), {}),
    Task("monthly mean", "temporal-resample", "result", ("monmean", "IN"), {"frequency": "month"}),
    Task("trend", "trend", "slope", ("trend", "IN", "INTERCEPT"), {}),
    Task("zonal mean", "area-mean", "result", ("zonmean", "IN"), {"along": "longitude"}),
    Task("global mean", "area-mean", "result", ("fldmean", "IN"), {}),
    Task("bilinear regrid", "regrid", "result", ("remapbil,r144x72", "IN"), {"resolution": 2.5}),
    Task(
        "90th percentile", "percentile", "result", ("timpctl,90", "IN", "-timmin", "IN", "-timmax", "IN"),
        {"percentiles": [90.0]},
    ),
)  # fmt: skip


def climate(folder: Path) -> Iterator[Figure]:
    """Each method beside cdo's, on data without gaps, with gaps, and on twice as many days."""
    files = {"whole": folder / "whole.nc", "gaps": folder / "gaps.nc", "double": folder / "double.nc"}
    daily_maps(files["whole"], DAYS)
    daily_maps(files["gaps"], DAYS, gaps=GAPS)
    daily_maps(files["double"], 2 * DAYS)
    _use_as_much(folder / "used", files["double"].stat().st_size)
    named = {name: {"path": str(file)} for name, file in files.items()}
    with serve(folder / "ours", ours=True, datasets=named) as service:
        for task in TASKS:
            yield from _beside_cdo(service, task, files, folder)


def _beside_cdo(service: Running, task: Task, files: Mapping[str, Path], folder: Path) -> Iterator[Figure]:
    calls = [lambda name=name: ours(service, task, name) for name in files]
    peers = [lambda name=name: cdo(task, files[name], folder) for name in files]
    ours(service, task, "whole")
    begin_to_watch(service)
    each_beside_its_peer = [one for pair in zip(calls, peers, strict=True) for one in pair]
    whole, peer, gaps, peer_with_gaps, double, peer_double = in_turn(*each_beside_its_peer, runs=RUNS, warm=0)
    peak = most_memory(service)
    yield Figure(task.name, whole, peer, "s", LEAST, f"cdo {task.cdo[0]}")
    yield Figure(f"{task.name}, gaps", gaps, peer_with_gaps, "s", WITH_GAPS, f"cdo {task.cdo[0]}, 10 % missing")
    # where memory or disk that nobody used before is slow, twice as much takes more than twice as long, theirs too
    yield Figure(f"{task.name}, doubled", double / whole, peer_double / peer, "x", GROWTH, "cdo's own growth")
    yield Figure(f"{task.name}, memory", peak, None, "MB", MEMORY, "the worker that computes, at most")


def ours(service: Running, task: Task, dataset: str) -> None:
    """One method, called."""
    call(service, task.process, {"data": dataset, **task.inputs}, {task.output: NETCDF})


def call(service: Running, process: str, inputs: Mapping[str, Any], outputs: Mapping[str, str]) -> None:
    """One call that is waited for, its results written, in the media types of *outputs*, and left at the service."""
    wanted = {
        name: {"transmissionMode": "reference", "format": {"mediaType": media_type}}
        for name, media_type in outputs.items()
    }
    order = {"inputs": inputs, "outputs": wanted, "response": "document"}
    url = f"{service.url}/processes/{process}/execution"
    request = urllib.request.Request(url, json.dumps(order).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        link = next(iter(json.load(response).values()))["href"]
    # a disk that fills up would slow down whoever comes next
    with suppress(urllib.error.HTTPError):
        job = link.partition("/results")[0]
        urllib.request.urlopen(urllib.request.Request(job, method="DELETE")).close()


def cdo(task: Task, source: Path, folder: Path) -> None:
    """The same by cdo."""
    program = shutil.which("cdo")
    assert program is not None, "the peer is not installed (Debian package cdo)"
    names = {"IN": str(source), "INTERCEPT": str(folder / "intercept.nc")}
    command = [program, "-s", "-O", *[names.get(word, word) for word in task.cdo], str(folder / "cdo.nc")]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def _use_as_much(path: Path, size: int) -> None:
    """Write as much as the largest result, and remove it: a machine may be slow with memory that nobody used before."""
    piece = bytes(2**24)
    with path.open("wb") as file:
        for _ in range(0, size, len(piece)):
            file.write(piece)
    path.unlink()


# Memory


def begin_to_watch(service: Running) -> None:
    """Let the peak of each worker of a service begin anew."""
    for pid in family(service.state):
        with suppress(OSError):
            Path(f"/proc/{pid}/clear_refs").write_text("5")


def most_memory(service: Running) -> float:
    """The most that one worker of a service has held since [MB]."""
    return max(_peak(pid) for pid in family(service.state))


def _peak(pid: int) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1e3
    return 0.0


# Data


def daily_maps(path: Path, days: int, gaps: float = 0.0) -> None:
    """A year's course, a trend and weather on a grid of one degree, contiguous; *gaps* of it are missing."""
    random = np.random.default_rng(1)
    with netCDF4.Dataset(path, "w") as file:
        latitude, variable = _described(file, days)
        usual = 288 - 40 * np.sin(np.radians(latitude)) ** 2
        for start in range(0, days, 50):
            day = np.arange(start, min(start + 50, days))
            season = np.cos(2 * np.pi * day / 365)[:, np.newaxis] * 10 * np.sin(np.radians(latitude))
            map_ = (usual + season + 2e-4 * day[:, np.newaxis])[..., np.newaxis]
            values = (map_ + random.normal(0, 3, (day.size, ROWS, COLUMNS))).astype("float32")
            if gaps:
                values[random.random(values.shape) < gaps] = MARK
            variable[day[0] : day[-1] + 1] = values


def _described(file: netCDF4.Dataset, days: int) -> tuple[np.ndarray, netCDF4.Variable]:
    axes = {
        "time": (np.arange(days) + 0.5, {"units": "days since 2001-01-01", "calendar": "365_day"}),
        "lat": (np.arange(ROWS) - 89.5, {"units": "degrees_north", "standard_name": "latitude"}),
        "lon": (np.arange(COLUMNS) + 0.5, {"units": "degrees_east", "standard_name": "longitude"}),
    }
    for name, (values, attributes) in axes.items():
        file.createDimension(name, values.size)
        axis = file.createVariable(name, "f8", (name,))
        axis.setncatts(attributes)
        axis[:] = values
    variable = file.createVariable("tas", "f4", tuple(axes), contiguous=True, fill_value=MARK)
    variable.setncatts({"units": "K", "standard_name": "air_temperature", "long_name": "air temperature"})
    variable.set_auto_mask(False)
    return axes["lat"][0], variable
