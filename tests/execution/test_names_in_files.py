"""Whatever a file or a caller names, nothing is opened for it: seen in the system calls of all methods."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import moorage_processes
import pytest
from catalogue_page import described
from moorage.formats import Kind
from moorage_processes.catalogue.catalogue import Catalogue
from moorage_processes.catalogue.loading import load_process
from support.file_servers import serving_files
from support.hostile_files import HostileFile, hostile_features, hostile_grids, hostile_stores, plain_grid
from support.hostile_texts import MARK, Bait, hostile_texts
from support.ports import free_port
from support.programs import program

SHARE = 1 if os.environ.get("MOORAGE_DEEP") else 12
"""Each method is given one in so many hostile files, each file to other methods; all of them with MOORAGE_DEEP."""
POINTS = {
    "type": "FeatureCollection",
    "features": [
        {"type": "Feature", "properties": {"value": x}, "geometry": {"type": "Point", "coordinates": [x, 50 - x / 9]}}
        for x in (6.5, 7.5, 8.5, 9.5)
    ],
}
RING = [[6, 47], [9, 47], [9, 50], [6, 50], [6, 47]]
ZONES = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [RING]}}
GIVEN: dict[str, Any] = {
    "index": "summer-days", "levels": [280.0], "percentiles": [50.0], "frequency": "month", "threshold": 280.0,
    "resolution": 1.0, "crs": "EPSG:3857", "points": POINTS, "stations": POINTS, "zones": ZONES,
}  # fmt: skip
"""Inputs that methods need besides a grid."""
LINKED = "subset"
"""The method that stores behind links are given to."""
WITHOUT_TIME = frozenset({"contours", "polygonize", "terrain", "zonal-statistics"})
CALL = re.compile(r'access\("/call/(\w+)"')
ADDRESS = re.compile(r"connect\(\d+, \{sa_family=AF_INET6?, sin6?_port=htons\((\d+)\)")


@dataclass(frozen=True)
class Call:
    """A call of a method with something hostile in it."""

    process: str
    name: str
    inputs: dict[str, Any]
    is_refused: bool = True

    def to_json(self) -> dict[str, Any]:
        process = load_process(described()[self.process])
        outputs = {
            name: each.formats[0].media_type if each.formats else "application/json"
            for name, each in process.outputs.items()
        }
        return {"process": self.process, "inputs": self.inputs, "outputs": outputs}


@pytest.fixture(scope="module")
def bait(tmp_path_factory):
    return Bait(tmp_path_factory.mktemp("bait"), free_port())


@pytest.fixture(scope="module")
def seen(bait, tmp_path_factory):
    """All calls, made in one child whose system calls are written down."""
    folder, stores = tmp_path_factory.mktemp("made"), tmp_path_factory.mktemp("stores")
    # before the child: who makes such files may open what they name
    calls = [*with_files(corpus(bait, folder)), *with_texts(bait)]
    names = list(hostile_stores(bait, stores))
    with serving_files(stores) as files:
        calls += [Call(LINKED, name, {"data": {"href": f"{files.url}/{name}"}, "bbox": box()}) for name in names]
        seen = watched(calls, tmp_path_factory.mktemp("trace"), int(files.url.rpartition(":")[2]))
    assert {path.split("/")[1] for path in files.paths} == set(names)
    return seen


def test_nothing_that_a_file_or_a_caller_names_is_opened_by_any_method(seen):
    assert {call.process for call in seen.calls} == takers()
    assert seen.opened() == {}


def test_who_names_a_file_is_told_what_is_expected(seen):
    """Each call is refused in words for its caller, or does without what was named."""
    wrong = {
        f"{call.process}: {call.name}": outcome
        for call, outcome in zip(seen.calls, seen.outcomes, strict=True)
        if outcome["reason"] not in (("input",) if call.is_refused else ("input", None))
    }
    assert wrong == {}


def test_who_watches_sees_what_is_opened(bait, tmp_path):
    script = f"import socket, pathlib; pathlib.Path({bait.file('seen')!r}).read_text(); \\\n"
    script += f"socket.socket().connect_ex(('127.0.0.1', {bait.port}))"
    _, lines = traced([sys.executable, "-c", script], b"", tmp_path)
    assert any(MARK in line for line in lines)
    assert any(ADDRESS.search(line) for line in lines)


# The calls


def takers() -> set[str]:
    """Methods that take a grid or features."""
    return {name for name in described() if hostile_input(name) is not None}


def hostile_input(name: str) -> Any:
    """The first input of a method that takes a file."""
    inputs = load_process(described()[name]).inputs.values()
    return next((each for each in inputs if each.kind in (Kind.GRID, Kind.FEATURES)), None)


def corpus(bait: Bait, folder: Path) -> dict[tuple[Kind, bool], list[HostileFile]]:
    """Hostile files by kind, and by whether a method takes a time axis."""
    features = hostile_features(bait, folder)
    grids = {has_time: hostile_grids(bait, folder, has_time=has_time) for has_time in (True, False)}
    return {(Kind.GRID, each): grids[each] for each in grids} | {(Kind.FEATURES, each): features for each in grids}


def with_files(files_of: dict[tuple[Kind, bool], list[HostileFile]]) -> Iterator[Call]:
    for number, process in enumerate(sorted(takers())):
        for declared in load_process(described()[process]).inputs.values():
            files = files_of.get((declared.kind, process not in WITHOUT_TIME), [])
            for file in files[number % SHARE :: SHARE]:
                sent = {"value": base64.b64encode(file.content).decode(), "mediaType": file.media_type}
                given = [sent, grid_for(process)] if declared.many else sent
                yield Call(process, file.name, benign(process) | {declared.id: given}, file.is_refused)


def with_texts(bait: Bait) -> Iterator[Call]:
    texts = list(hostile_texts(bait).items())
    places = [
        (process, each) for process in sorted(takers()) for each in load_process(described()[process]).inputs.values()
    ]
    for number, (process, declared) in enumerate(places):
        for name, text in texts[number % SHARE :: SHARE]:
            if declared.id in ("crs", "source_crs", "polygon_crs"):
                polygon = {"polygon": ZONES["geometry"]} if process == "subset" else {}
                yield Call(process, name, benign(process) | polygon | {declared.id: text})
            elif declared.kind is Kind.BBOX:
                yield Call(process, name, benign(process) | {declared.id: box(text)}, is_refused=False)


def box(crs: str | None = None) -> dict[str, Any]:
    return {"bbox": [6, 47, 9, 50], **({} if crs is None else {"crs": crs})}


def benign(process: str) -> dict[str, Any]:
    """What a method needs besides, with nothing wrong in it."""
    inputs = load_process(described()[process]).inputs
    needed = {
        name: each for name, each in inputs.items() if each.required or (process == "reproject" and name == "crs")
    }
    return {name: grid_for(process, each) if each.kind is Kind.GRID else GIVEN[name] for name, each in needed.items()}


def grid_for(process: str, declared: Any = None) -> Any:
    content = base64.b64encode(plain_grid(has_time=process not in WITHOUT_TIME)).decode()
    return [content, content] if declared is not None and declared.many else content


# What is seen


@dataclass(frozen=True)
class Seen:
    """What came of calls, and the system calls behind them."""

    calls: list[Call]
    outcomes: list[dict[str, str | None]]
    lines: list[str]
    allowed: int
    """The only port that may be connected to."""

    def opened(self) -> dict[str, set[str]]:
        """What was opened of that which nobody may open, by the call."""
        found: dict[str, set[str]] = {}
        current = "before"
        for line in self.lines:
            if (begun := CALL.search(line)) is not None:
                current = begun[1]
            to = ADDRESS.search(line)
            if MARK in line or (to is not None and int(to[1]) != self.allowed):
                call = self.calls[int(current)] if current.isdigit() else None
                found.setdefault(f"{call.process}: {call.name}" if call else current, set()).add(line[:160])
        assert current == "end"
        return found


def watched(calls: list[Call], folder: Path, allowed: int) -> Seen:
    """The calls, made in a child whose system calls are written down."""
    policy = {"own": "http://service.example", "allowed_hosts": ["127.0.0.0/8"], "size": 10**7}
    executor = {"catalogue": Catalogue(described().values()).to_json(), "references": policy}
    given = {"executor": executor, "calls": [call.to_json() for call in calls]}
    script = Path(__file__).parents[1] / "support" / "call_methods.py"
    told, lines = traced([sys.executable, str(script)], json.dumps(given).encode(), folder)
    return Seen(calls, json.loads(told), lines, allowed)


def traced(command: list[str], given: bytes, folder: Path) -> tuple[bytes, list[str]]:
    """What a program writes, and which files and addresses it asks the kernel for."""
    trace = folder / "trace"
    strace = [program("strace"), "-f", "--seccomp-bpf", "-e", "trace=%file,connect", "-o", str(trace), *command]
    places = os.pathsep.join([str(Path(moorage_processes.__file__).parents[1]), *sys.path])
    child = subprocess.run(
        strace, input=given, stdout=subprocess.PIPE, check=True, env=os.environ | {"PYTHONPATH": places}
    )
    return child.stdout, trace.read_text(errors="replace").splitlines()
