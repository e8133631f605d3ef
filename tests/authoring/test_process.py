"""A function is described from its own signature, annotations and docstring, or refused with a remedy."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import geopandas  # noqa: TC002 - looked up when the function is described
import pandas as pd  # noqa: TC002 - the same
import pytest
import xarray as xr
from jsonschema import Draft7Validator
from moorage.formats import Kind
from moorage_processes import BBox, InputError, Media, Unit, process, progress
from moorage_processes.authoring.builder import processes_of
from moorage_processes.authoring.limits import Limits
from moorage_processes.authoring.quantities import parse_size
from pydantic import Field
from shapely import Polygon, box

if TYPE_CHECKING:
    from moorage_processes.authoring.process import Process

HERE = Path(__file__)
DIALECT = Draft7Validator(json.loads(HERE.parents[1].joinpath("support", "schema_dialect.json").read_text()))


def only(target: object) -> Process:
    (found,) = processes_of(target)
    return found


@process
def flood_days(discharge: xr.DataArray, catchment: Polygon, threshold: float = 500.0) -> xr.DataArray:
    """Days per year on which discharge exceeds a threshold inside a catchment.

    Parameters
    ----------
    discharge : daily river discharge [m3 s-1], dimensions (time, y, x).
    catchment : outline of the catchment, longitude and latitude.
    threshold : discharge [m3 s-1] above which a day counts.

    Returns
    -------
    Days per year [d], dimensions (year, y, x).
    """
    return discharge


def test_the_example_of_the_design_is_described():
    described = only(flood_days).describe()
    assert described["id"] == "flood-days"
    assert described["title"] == "Days per year on which discharge exceeds a threshold inside a catchment"
    assert list(described["inputs"]) == ["discharge", "catchment", "threshold"]
    assert described["inputs"]["discharge"]["description"] == "daily river discharge [m3 s-1], dimensions (time, y, x)."
    assert described["inputs"]["discharge"]["metadata"] == [
        {"role": "moorage:type", "title": "xarray.DataArray"},
        {"role": "moorage:unit", "title": "m3 s-1"},
    ]
    assert described["inputs"]["catchment"]["metadata"] == [{"role": "moorage:type", "title": "shapely.Polygon"}]
    assert described["inputs"]["threshold"]["schema"] == {"type": "number", "default": 500.0}
    assert [each["minOccurs"] for each in described["inputs"].values()] == [1, 1, 0]
    assert [each["maxOccurs"] for each in described["inputs"].values()] == [1, 1, 1]
    assert list(described["outputs"]) == ["result"]
    assert described["outputs"]["result"]["description"] == "Days per year [d], dimensions (year, y, x)."
    assert described["outputs"]["result"]["metadata"][1] == {"role": "moorage:unit", "title": "d"}
    assert described["jobControlOptions"] == ["sync-execute", "async-execute", "dismiss"]
    assert described["outputTransmission"] == ["value", "reference"]


def test_a_decorated_function_is_called_as_before():
    field = xr.DataArray([1.0])
    assert flood_days(field, box(0, 0, 1, 1)) is field
    assert inspect.signature(flood_days).parameters["threshold"].default == 500.0


class Statistics(NamedTuple):
    """What was found.

    Parameters
    ----------
    mean : usual value [K].
    where : the box around it.
    outline : its outline.
    """

    mean: float
    where: BBox
    outline: Polygon | None = None


@process(keywords=["everything"])
def everything(
    name: str,
    numbers: list[float],
    where: BBox,
    outlines: list[Polygon],
    when: datetime,
    zones: geopandas.GeoDataFrame,
    table: pd.DataFrame,
    grid: Annotated[xr.Dataset, Unit("K")],
    how: Literal["mean", "max"] = "mean",
    count: Annotated[int, Field(ge=1, le=9, description="how often")] = 1,
    image: Annotated[bytes, Media("image/png")] | None = None,
    limit: float | None = 5.0,
) -> Statistics:
    return Statistics(1.0, where)


def test_every_input_is_described_in_the_standards_dialect():
    described = only(everything).describe()
    for each in (*described["inputs"].values(), *described["outputs"].values()):
        assert list(DIALECT.iter_errors(each["schema"])) == []
    assert json.loads(json.dumps(described)) == described
    assert described["keywords"] == ["everything"]


def test_kinds_occurrences_and_nullability_follow_the_types():
    inputs = only(everything).inputs
    assert [inputs[name].kind for name in ("name", "where", "outlines", "zones", "table", "grid", "image")] == [
        Kind.VALUE, Kind.BBOX, Kind.GEOMETRY, Kind.FEATURES, Kind.TABLE, Kind.GRID, Kind.BYTES,
    ]  # fmt: skip
    assert inputs["outlines"].many
    assert inputs["outlines"].describe()["maxOccurs"] == "unbounded"
    assert not inputs["numbers"].many
    assert inputs["image"].schema == {"type": "string", "format": "byte", "contentMediaType": "image/png"}
    assert inputs["count"].description == "how often"
    assert inputs["count"].schema == {"type": "integer", "minimum": 1, "maximum": 9, "default": 1}
    # None means another thing than leaving it out
    assert inputs["limit"].schema == {"type": "number", "nullable": True, "default": 5.0}


def test_each_field_of_a_named_tuple_is_an_output():
    outputs = only(everything).outputs
    assert {name: each.kind for name, each in outputs.items()} == {
        "mean": Kind.VALUE,
        "where": Kind.BBOX,
        "outline": Kind.GEOMETRY,
    }
    assert outputs["mean"].description == "usual value [K]."
    assert outputs["mean"].unit == "K"


@dataclass
class Sums:
    """Two sums.

    Attributes
    ----------
    total : of all.
    part : of some.
    """

    total: int
    part: int | None = None


@process
def sums(numbers: list[int], /, *, first: int = 1) -> Sums:
    return Sums(sum(numbers), sum(numbers[:first]) if first else None)


def test_each_field_of_a_dataclass_is_an_output_and_none_is_left_out():
    found = only(sums)
    assert found.outputs["part"].description == "of some."
    assert found.call({"numbers": [1, 2]}) == {"total": 3, "part": 1}
    assert found.call({"numbers": [1, 2], "first": 0}) == {"total": 3}


def test_a_call_is_told_what_is_missing_or_unknown():
    with pytest.raises(InputError, match="numbers is missing"):
        only(sums).call({})
    with pytest.raises(InputError, match="no input 'last'; it takes numbers, first"):
        only(sums).call({"numbers": [], "last": 1})


@process
def optional(first: int | None, second: int = None, third: float = float("inf")) -> list[int | None] | None:  # noqa: RUF013
    return [first, second] if first else None


def test_what_may_be_none_may_be_left_out():
    found = only(optional)
    assert [each.required for each in found.inputs.values()] == [False, False, False]
    assert [each.schema for each in found.inputs.values()] == [
        {"type": "integer"},
        {"type": "integer"},
        {"type": "number"},
    ]
    assert found.call({}) == {}
    assert found.call({"first": 1}) == {"result": [1, None]}


@process
def wrong(what: str) -> Annotated[xr.DataArray, Unit("1")]:
    return {"array": xr.DataArray(1.0), "text": "text"}.get(what)


def test_a_method_that_returns_something_else_is_found_out():
    assert list(only(wrong).call({"what": "array"})) == ["result"]
    with pytest.raises(TypeError, match="returned a str as 'result'; it declares xarray.DataArray"):
        only(wrong).call({"what": "text"})
    with pytest.raises(TypeError, match="returned nothing"):
        only(wrong).call({"what": "nothing"})


@process(version="2.1")
class SeaLevel:
    """The level of the sea.

    Parameters
    ----------
    window : length of the running mean [months].
    """

    made = 0

    def __init__(self, window: int = 12) -> None:
        self.window = window
        SeaLevel.made += 1

    def trend(self, levels: list[float]) -> float:
        """Rise per year [mm].

        Args:
            levels: monthly levels [mm].
        """
        self.window += 1
        return self.window * sum(levels)

    @process(id="sea-mean", timeout=5)
    def mean_level(self, levels: list[float]) -> float:
        """Mean level."""
        return sum(levels) / len(levels)

    @staticmethod
    def unit() -> str:
        """The unit of all results."""
        return "mm"

    def _inner(self) -> None:
        pass


def test_a_class_is_one_process_for_each_public_method():
    found = {each.id: each for each in processes_of(SeaLevel)}
    assert list(found) == ["sea-level-trend", "sea-mean", "sea-level-unit"]
    trend = found["sea-level-trend"]
    assert list(trend.inputs) == ["window", "levels"]
    assert (trend.inputs["window"].unit, trend.inputs["levels"].unit) == ("months", "mm")
    assert trend.address.name == "SeaLevel.trend"
    assert trend.version == "2.1"
    assert (found["sea-mean"].limits.timeout, trend.limits.timeout) == (5, 3600)
    assert found["sea-level-unit"].inputs == {}


def test_each_call_of_a_method_has_an_instance_of_its_own():
    trend = processes_of(SeaLevel)[0]
    before = SeaLevel.made
    assert trend.call({"window": 1, "levels": [1.0]}) == {"result": 2.0}
    assert trend.call({"window": 1, "levels": [1.0]}) == {"result": 2.0}
    assert SeaLevel.made == before + 2
    assert processes_of(SeaLevel)[2].call({}) == {"result": "mm"}


@process
@dataclass
class Tide:
    """Tides.

    Parameters
    ----------
    phase : of the moon.
    parts : what is summed.
    """

    phase: Annotated[float, Field(ge=0)] = 0.0
    parts: list[str] = field(default_factory=list)

    def height(self, at: float) -> float:
        """Height of the tide [m]."""
        return self.phase + at + len(self.parts)


def test_a_dataclass_may_be_served():
    height = only(Tide)
    assert height.id == "tide-height"
    assert height.inputs["phase"].schema == {"type": "number", "minimum": 0, "default": 0.0}
    assert not height.inputs["parts"].required
    assert height.call({"at": 2.0}) == {"result": 2.0}
    assert height.call({"at": 2.0, "parts": ["M2"]}) == {"result": 3.0}


def timed(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


@process
@timed
def below_a_decorator(x: int) -> int:
    return x


@timed
@process
def above_a_decorator(x: int) -> int:
    return x


@pytest.mark.parametrize("function", [below_a_decorator, above_a_decorator])
def test_other_decorators_may_stand_above_and_below(function):
    assert only(function).call({"x": 3}) == {"result": 3}


def test_options_say_what_differs():
    @process(id="other", title="Other", memory="2 GB", attempts=5, idempotent=False, sync=False)
    def function() -> int:
        return 1

    function.__qualname__ = "function"
    found = only(function)
    assert (found.id, found.title) == ("other", "Other")
    assert found.limits == Limits(3600.0, 2 * 10**9, 1, sync=False, asynchronous=True)
    assert found.describe()["jobControlOptions"] == ["async-execute", "dismiss"]
    assert Limits.from_json(found.limits.to_json()) == found.limits


@pytest.mark.parametrize(
    ("size", "number"), [("64 MB", 64 * 10**6), ("2GiB", 2**31), (5, 5), ("1.5 kB", 1500), ("12", 12)]
)
def test_a_size_is_read(size, number):
    assert parse_size(size) == number


@pytest.mark.parametrize("size", ["much", "5 XB", "-1", "1.5", True, "", None])
def test_what_is_no_size_is_refused(size):
    with pytest.raises(ValueError, match="'2 GB'"):
        parse_size(size)


@pytest.mark.parametrize(
    "options", [{"timeout": 0}, {"attempts": 0}, {"memory": 0}, {"sync": False, "asynchronous": False}]
)
def test_limits_that_let_nothing_through_are_refused(options):
    with pytest.raises(ValueError, match="takes more than 0|never be called"):
        process(**options)


def test_no_docstring_is_no_hindrance():
    @process
    def zonal_mean(grid: xr.DataArray) -> float:
        return 0.0

    zonal_mean.__qualname__ = "zonal_mean"
    found = only(zonal_mean)
    assert (found.title, found.description) == ("Zonal mean", "")
    assert found.inputs["grid"].title == "Grid"


FACTOR = 2


def test_reading_a_global_is_no_hindrance():
    assert only(reads_global).call({"x": 2}) == {"result": 4}


@process
def reads_global(x: int) -> int:
    for _ in progress.track([1]):
        pass
    return x * FACTOR
