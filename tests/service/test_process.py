"""A function is described from its own signature, annotations and docstring, or refused with a remedy."""

from __future__ import annotations

import functools
import inspect
import json
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import geopandas
import pandas as pd
import pytest
import xarray as xr
from jsonschema import Draft7Validator
from pydantic import Field
from shapely import Polygon, box

from mooring.formats import Kind
from mooring_processes import BBox, InputError, Media, Unit, process, progress
from mooring_processes.docstring import read_docstring, unit_in
from mooring_processes.errors import ServingError
from mooring_processes.process import Limits, Process, parse_size, processes_of

if TYPE_CHECKING:
    from decimal import Decimal

HERE = Path(__file__)
DIALECT = Draft7Validator(json.loads(HERE.with_name("schema_dialect.json").read_text()))


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
        {"role": "mooring:type", "title": "xarray.DataArray"},
        {"role": "mooring:unit", "title": "m3 s-1"},
    ]
    assert described["inputs"]["catchment"]["metadata"] == [{"role": "mooring:type", "title": "shapely.Polygon"}]
    assert described["inputs"]["threshold"]["schema"] == {"type": "number", "default": 500.0}
    assert [each["minOccurs"] for each in described["inputs"].values()] == [1, 1, 0]
    assert [each["maxOccurs"] for each in described["inputs"].values()] == [1, 1, 1]
    assert list(described["outputs"]) == ["result"]
    assert described["outputs"]["result"]["description"] == "Days per year [d], dimensions (year, y, x)."
    assert described["outputs"]["result"]["metadata"][1] == {"role": "mooring:unit", "title": "d"}
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
    assert [each.schema for each in found.inputs.values()] == [{"type": "integer"}, {"type": "integer"}, {"type": "number"}]
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


@pytest.mark.parametrize("options", [{"timeout": 0}, {"attempts": 0}, {"memory": 0}, {"sync": False, "asynchronous": False}])
def test_limits_that_let_nothing_through_are_refused(options):
    with pytest.raises(ValueError, match="takes more than 0|never be called"):
        process(**options)


NUMPYDOC = """Slope of the land
and its direction.

A longer text.

Parameters
----------
dem : xr.DataArray
    elevations [m]
factor : float, optional
    factor on elevations
low, high : float
    bounds
kind : {'a', 'b'}
    which one
crs : CRS of the grid, where
    it does not state one.

Returns
-------
The slope [degree], in the unit
it has.

Notes
-----
After Horn.
"""
GOOGLE = """Slope of the land and its direction.

A longer text.

Args:
    dem (xr.DataArray): elevations [m]
    factor (float, optional): factor on elevations
    low: bounds
    high: bounds
    kind (str): which one
    crs: CRS of the grid, where
        it does not state one.

Returns:
    xr.DataArray: The slope [degree], in the unit
        it has.
"""
REST = """Slope of the land and its direction.

A longer text.

:param xr.DataArray dem: elevations [m]
:param factor: factor on elevations
:type factor: float
:param low: bounds
:param high: bounds
:param kind: which one
:param crs: CRS of the grid, where
    it does not state one.
:returns: The slope [degree], in the unit
    it has.
:rtype: xr.DataArray
"""


@pytest.mark.parametrize("text", [NUMPYDOC, GOOGLE, REST], ids=["numpydoc", "Google", "reST"])
def test_three_styles_of_docstring_say_the_same(text):
    def documented() -> None:
        pass

    documented.__doc__ = text
    said = read_docstring(documented)
    assert said.title == "Slope of the land and its direction"
    assert said.description.startswith("A longer text.")
    assert {name: " ".join(words.split()) for name, words in said.parameters.items()} == {
        "dem": "elevations [m]",
        "factor": "factor on elevations",
        "low": "bounds",
        "high": "bounds",
        "kind": "which one",
        "crs": "CRS of the grid, where it does not state one.",
    }
    assert " ".join(said.returns.split()) == "The slope [degree], in the unit it has."


def test_notes_belong_to_the_description():
    def documented() -> None:
        pass

    documented.__doc__ = NUMPYDOC
    assert read_docstring(documented).description == "A longer text.\n\nAfter Horn."


def test_no_docstring_is_no_hindrance():
    @process
    def zonal_mean(grid: xr.DataArray) -> float:
        return 0.0

    zonal_mean.__qualname__ = "zonal_mean"
    found = only(zonal_mean)
    assert (found.title, found.description) == ("Zonal mean", "")
    assert found.inputs["grid"].title == "Grid"


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("discharge [m3 s-1] above", "m3 s-1"), ("heat [W m-2]", "W m-2"), ("[kg/m^2]", "kg/m^2"), ("share [%]", "%"),
        ("size [MB]", "MB"), ("rain [mm/day]", "mm/day"), ("[degC]", "degC"), ("salinity [psu]", "psu"), ("[1]", "1"),
        ("in [0, 1]", None), ("grid [y, x]", None), ("see [note]", None), ("none", None), ("list[int]", None),
    ],
)  # fmt: skip
def test_a_unit_in_brackets_is_known_where_it_clearly_is_one(text, unit):
    assert unit_in(text) == unit


COUNT = 0
factor = 2


def no_type(x) -> int:
    return x


def no_return(x: int):
    return x


def returns_nothing(x: int) -> None:
    pass


def unsupported(x: Any, y: Callable[[int], int]) -> object:
    return x


def mutable_default(x: list[int] = [1]) -> int:  # noqa: B006
    return sum(x)


def wrong_default(x: Annotated[int, Field(ge=0)] = -1) -> int:
    return x


def field_default(x: int = Field(5, ge=0)) -> int:
    return x


def grid_default(x: xr.DataArray = "sst") -> int:
    return 0


def unknown_name(x: Decimal) -> int:
    return int(x)


def no_python(x: "daily discharge") -> int:  # noqa: F722, UP037
    return x


def writes_global() -> int:
    global COUNT
    COUNT += 1
    return COUNT


def writes_global_inside(x: int) -> int:
    def inner() -> None:
        global COUNT
        COUNT = x

    inner()
    return x


def stars(*args: int, **kwargs: int) -> int:
    return 0


async def later(x: int) -> int:
    return x


def one_by_one(x: int) -> int:
    yield x


def many_files(x: int) -> list[xr.DataArray]:
    return []


Untyped = namedtuple("Untyped", "a b")  # noqa: PYI024


def untyped_fields(x: int) -> Untyped:
    return Untyped(1, 2)


def make_closure() -> Callable[..., Any]:
    width = 3

    def closure(x: int) -> int:
        return x * width

    return closure


def make_counter() -> Callable[..., Any]:
    count = 0

    def counter() -> int:
        nonlocal count
        count += 1
        return count

    return counter


def make_inner() -> Callable[..., Any]:
    def inner(x: int) -> int:
        return x

    return inner


class Clash:
    def __init__(self, x: int) -> None:
        self.x = x

    def f(self, x: int) -> int:
        return x


class Empty:
    def _f(self) -> int:
        return 1


class BadConstructor:
    def __init__(self, x) -> None:
        self.x = x

    def f(self) -> int:
        return 1


REFUSED = [
    (no_type, "the input 'x' has no type", "x: float"),
    (no_return, "does not say what it returns", "-> xr.DataArray"),
    (returns_nothing, "returns nothing", "return a result"),
    (unsupported, "the input 'x': Any says too little", "numbers, text"),
    (unsupported, "the input 'y': Callable[[int], int] says too little", "numbers, text"),
    (unsupported, "the output 'result': object says too little", "numbers, text"),
    (mutable_default, "its default, a list, can be changed", "x: ... | None = None"),
    (wrong_default, "its default -1 is not what it takes", "agree"),
    (field_default, "Field(...) stands where its default belongs", "Annotated[int, Field(...)]"),
    (grid_default, "its default 'sst' is not what it takes", "agree"),
    (unknown_name, "names 'Decimal', which the module does not know", "outside of if TYPE_CHECKING"),
    (no_python, "is no type", "float or xr.DataArray"),
    (writes_global, "it writes to 'COUNT', which is global", "return COUNT"),
    (writes_global_inside, "it writes to 'COUNT', which is global", "return COUNT"),
    (stars, "*args takes anything", "dict[str, Any]"),
    (stars, "**kwargs takes anything", "dict[str, Any]"),
    (later, "it is async", "plain def"),
    (one_by_one, "yields its results one by one", "together"),
    (many_files, "list[xarray.DataArray] is several files", "GeoDataFrame or Dataset"),
    (untyped_fields, "the field 'a' of Untyped has no type", "typing.NamedTuple"),
    (make_closure(), "a closure over width", "hand width in"),
    (make_counter(), "writes to 'count', which is nonlocal", "return count"),
    (make_inner(), "defined inside a function", "top of the module"),
    (lambda x: x, "a lambda has no name", "write it as def"),
    (Clash, "both take 'x'", "another name"),
    (Empty, "no public methods", "write one"),
    (BadConstructor, "the input 'x' has no type", "x: float"),
    (process(id="a.b")(no_return), "'a.b' cannot be an id", "hyphens"),
]


@pytest.mark.parametrize(("target", "reason", "remedy"), REFUSED, ids=lambda each: getattr(each, "__name__", None))
def test_what_cannot_be_served_is_refused_with_file_line_and_remedy(target, reason, remedy):
    if not hasattr(target, "__mooring__"):
        process(target)
    with pytest.raises(ServingError) as refused:
        processes_of(target)
    about = [each for each in refused.value.refusals if reason in each.reason]
    assert about, str(refused.value)
    assert remedy in about[0].remedy
    assert about[0].file == str(HERE)
    assert about[0].line > 1


def line_of(text: str) -> int:
    return next(number for number, line in enumerate(HERE.read_text().splitlines(), 1) if line.startswith(text))


@pytest.mark.parametrize(
    ("target", "text"),
    [(no_type, "def no_type"), (writes_global, "    COUNT += 1")],
)
def test_a_refusal_names_the_line_it_is_about(target, text):
    process(target)
    with pytest.raises(ServingError) as refused:
        processes_of(target)
    assert [each.line for each in refused.value.refusals] == [line_of(text)]


def test_all_that_stands_against_a_function_is_told_at_once():
    process(stars)
    process(unsupported)
    with pytest.raises(ServingError) as refused:
        processes_of(unsupported)
    assert len(refused.value.refusals) == 3
    assert str(HERE) in str(refused.value)


def test_what_is_not_decorated_is_not_served():
    def plain(x: int) -> int:
        return x

    with pytest.raises(ServingError, match="it is not decorated; write @process above it"):
        processes_of(plain)

    class Child(SeaLevel):
        pass

    with pytest.raises(ServingError, match="not decorated"):
        processes_of(Child)


@pytest.mark.parametrize("target", [functools.partial(sums, first=2), len, 5])
def test_only_functions_and_classes_can_be_decorated(target):
    with pytest.raises(TypeError, match="takes a function or class, not a .*; write a function that calls it"):
        process(target)


def test_reading_a_global_is_no_hindrance():
    assert only(reads_global).call({"x": 2}) == {"result": 4}


@process
def reads_global(x: int) -> int:
    for _ in progress.track([1]):
        pass
    return x * factor
