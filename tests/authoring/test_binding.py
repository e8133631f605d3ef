"""A described function is made callable without being described again."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import pytest
from moorage import BBox  # noqa: TC002 - a type of an input
from moorage_processes import Unit, process
from moorage_processes.authoring.binding import bind
from moorage_processes.authoring.builder import processes_of
from moorage_processes.catalogue.catalogue import Catalogue, Entry
from moorage_processes.catalogue.discovery import describe, installed_sources
from moorage_processes.catalogue.internal import INTERNAL
from moorage_processes.errors import InputError, ServingError
from moorage_processes.methods import preview
from pydantic import Field
from shapely import LinearRing, Point

if TYPE_CHECKING:
    from moorage_processes.authoring.process import Process


class Extremes(NamedTuple):
    """The lowest and highest value."""

    lowest: Annotated[float, Unit("m")]
    highest: float | None


@process(id="tidal-range")
def extremes(
    levels: list[float],
    where: Point | None = None,
    basin: LinearRing | None = None,
    box: BBox | None = None,
    scale: Annotated[float, Field(gt=0), Unit("1")] = 1.0,
) -> Extremes:
    """Extremes of some levels [m]."""
    assert where is None or isinstance(where, Point)
    assert basin is None or isinstance(basin, LinearRing)
    return Extremes(min(levels) * scale, None if box is None else max(levels) * scale)


@process
@dataclass
class Gauge:
    """A gauge."""

    datum: float
    """Its datum [m]."""

    def above(self, level: float, *, places: int = 1) -> float:
        """A level above the datum."""
        return round(level - self.datum, places)

    @staticmethod
    def unit() -> str:
        """Its unit."""
        return "m"


def rebound(process: Process, target: Any) -> Process:
    description = json.loads(json.dumps(process.describe()))
    return bind(target, process.address, description, process.limits)


def known(process: Process, side: str) -> list[Any]:
    """All that is known of each input or output; types are read anew, and pydantic's are only equal in words."""
    return [replace(each, annotation=repr(each.annotation)) for each in getattr(process, side).values()]


@pytest.mark.parametrize(
    ("target", "described"),
    [(target, each) for target in (extremes, Gauge) for each in processes_of(target)],
    ids=lambda value: getattr(value, "id", None),
)
def test_what_is_bound_is_described_as_before(target, described):
    bound = rebound(described, target)
    assert bound.describe() == described.describe()
    assert known(bound, "inputs") == known(described, "inputs")
    assert known(bound, "outputs") == known(described, "outputs")
    assert (bound.record, bound.limits, bound.address) == (described.record, described.limits, described.address)


def test_all_methods_that_come_with_moorage_are_bound_as_they_were_read():
    for each in describe((), installed_sources()):
        target = getattr(sys.modules[each.address.module], each.address.name.partition(".")[0])
        bound = rebound(each, target)
        assert known(bound, "inputs") == known(each, "inputs")
        assert known(bound, "outputs") == known(each, "outputs")
        assert bound.record is each.record


def test_a_bound_process_runs():
    bound = rebound(processes_of(extremes)[0], extremes)
    ring = {"type": "LineString", "coordinates": [[0, 0], [1, 0], [1, 1], [0, 0]]}
    raw = {"levels": [1, 3], "where": {"type": "Point", "coordinates": [1, 2]}, "basin": ring, "scale": 2}
    arguments = {name: bound.inputs[name].decode_value(value) for name, value in raw.items()}
    assert bound.call(arguments) == {"lowest": 2.0}
    with pytest.raises(InputError, match="scale: input should be greater than 0"):
        bound.inputs["scale"].decode_value(0)
    with pytest.raises(InputError, match="levels is missing"):
        bound.call({})


def test_bound_methods_of_a_class_run():
    above, unit = (rebound(each, Gauge) for each in processes_of(Gauge))
    assert above.call({"datum": 1.25, "level": 3.5, "places": 2}) == {"result": 2.25}
    assert above.call({"datum": 1.0, "level": 3.52}) == {"result": 2.5}
    assert unit.call({}) == {"result": "m"}


@pytest.mark.parametrize("side", ["inputs", "outputs"])
def test_a_function_that_is_no_longer_as_described_is_refused(side):
    process = processes_of(extremes)[0]
    description = process.describe()
    description[side] = {**description[side], "more": {}}
    with pytest.raises(ServingError, match=f"its {side} are .*, and were .*, more; start the service again"):
        bind(extremes, process.address, description, process.limits)


def test_a_method_that_has_gone_from_its_class_is_refused():
    process = processes_of(Gauge)[0]
    Renamed = type("Gauge", (), {"__module__": __name__})  # noqa: N806 - a class
    with pytest.raises(ServingError, match="above; start the service again"):
        bind(Renamed, process.address, process.describe(), process.limits)


def test_processes_of_our_own_pages_are_written_down_as_they_are():
    for entry in INTERNAL:
        name = entry.address.name
        (read,) = processes_of(getattr(preview, name))
        for side in ("inputs", "outputs"):
            told = {each: value["schema"]["type"] for each, value in entry.description[side].items()}
            assert told == {each: value["schema"]["type"] for each, value in read.describe()[side].items()}
        bound = bind(getattr(preview, name), entry.address, entry.description, entry.limits)
        assert {each.id: each.required for each in bound.inputs.values()} == {
            each.id: each.required for each in read.inputs.values()
        }


def test_a_worker_reads_no_signature_docstring_or_schema():
    """All that describes a function is left out of the process that runs it: its parts are not even imported."""
    code = (
        "import sys, json; from moorage_processes.execution.executor import Executor;"
        "executor = Executor({'catalogue': json.load(sys.stdin)}); executor.preload(); executor.prepare();"
        "print(*(name for name in ('builder', 'schema', 'statelessness', 'source_location')"
        " if f'moorage_processes.authoring.{name}' in sys.modules))"
    )
    (echo,) = (each for each in describe(["moorage_processes.methods.echo"]) if each.id == "echo")
    catalogue = json.dumps(Catalogue([Entry.of(echo), *INTERNAL]).to_json())
    ran = subprocess.run([sys.executable, "-c", code], input=catalogue, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []
