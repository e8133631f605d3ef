"""What cannot be served is refused with the file, the line and the remedy."""

from __future__ import annotations

import functools
from collections import namedtuple
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np  # noqa: TC002 - looked up when the function is described
import pytest
import xarray as xr  # noqa: TC002 - the same
from matplotlib.axes import Axes  # noqa: TC002 - the same
from matplotlib.figure import Figure
from moorage_processes import process
from moorage_processes.authoring.builder import processes_of
from moorage_processes.errors import ServingError
from pydantic import Field

if TYPE_CHECKING:
    from decimal import Decimal

HERE = Path(__file__)

COUNT = 0


def no_type(x) -> int:
    return x


def no_return(x: int):
    return x


def unsupported(x: Any, y: Callable[[int], int]) -> object:
    return x


def mutable_default(x: list[int] = [1]) -> int:  # noqa: B006
    return sum(x)


def wrong_default(x: Annotated[int, Field(ge=0)] = -1) -> int:
    return x


def field_default(x: int = Field(5, ge=0)) -> int:
    return x


def default_inside(x: Annotated[int, Field(default=5)]) -> int:
    return x


def text_default(x: int = "5") -> int:
    return x


@dataclass
class Lost:
    value: Decimal


def lost_field(x: Lost) -> int:
    return 1


def lost_output(x: int) -> Lost:
    return Lost(x)


def grid_default(x: xr.DataArray = "sst") -> int:
    return 0


def unknown_name(x: Decimal) -> int:
    return int(x)


def no_python(x: "daily discharge") -> int:  # noqa: F722
    return x


def writes_global() -> int:
    global COUNT  # noqa: PLW0603 - what is to be refused
    COUNT += 1
    return COUNT


def writes_global_inside(x: int) -> int:
    def inner() -> None:
        global COUNT  # noqa: PLW0603 - the same
        COUNT = x

    inner()
    return x


def stars(*args: int, **kwargs: int) -> int:
    return 0


async def later(x: int) -> int:
    return x


def one_by_one(x: int) -> int:
    yield x


def one_by_one_only(x: int) -> Iterator[int]:
    yield x


def tells_words(x: int) -> Generator[str, None, int]:
    yield "half"
    return x


def takes_figure(x: Figure) -> int:
    return 1


def gives_axes(x: int) -> Axes:
    return Figure().subplots()


def takes_scalar(x: np.float64) -> int:
    return int(x)


def takes_stream(x: BytesIO) -> int:
    return 1


def any_tuple(x: tuple) -> int:
    return len(x)


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
    (unsupported, "the input 'x': Any says too little", "numbers, text"),
    (unsupported, "the input 'y': Callable[[int], int] says too little", "numbers, text"),
    (unsupported, "the output 'result': object says too little", "numbers, text"),
    (mutable_default, "its default, a list, can be changed", "x: ... | None = None"),
    (wrong_default, "its default -1 is not what it takes", "agree"),
    (field_default, "Field(...) stands where its default belongs", "Annotated[int, Field(...)]"),
    (default_inside, "Field(...) holds its default", "= 5"),
    (text_default, "its default '5' is not what it takes", "agree"),
    (lost_field, "the input 'x': a field of Lost names 'Decimal'", "outside of if TYPE_CHECKING"),
    (lost_output, "a field of Lost names 'Decimal'", "outside of if TYPE_CHECKING"),
    (grid_default, "its default 'sst' is not what it takes", "agree"),
    (unknown_name, "names 'Decimal', which the module does not know", "outside of if TYPE_CHECKING"),
    (no_python, "is not a type", "float or xr.DataArray"),
    (writes_global, "it writes to 'COUNT', which is global", "return COUNT"),
    (writes_global_inside, "it writes to 'COUNT', which is global", "return COUNT"),
    (stars, "*args takes anything", "dict[str, Any]"),
    (stars, "**kwargs takes anything", "dict[str, Any]"),
    (later, "it is async", "plain def"),
    (one_by_one, "it yields, and says int", "write -> Generator[float, None, int], yield numbers from 0 to 1"),
    (one_by_one_only, "it yields, and says Iterator[int]", "write -> Generator[float, None, RESULT]"),
    (tells_words, "it yields, and says Generator[str, None, int]", "write -> Generator[float, None, int]"),
    (takes_figure, "the input 'x': a figure is for looking at", "take the data that it shows"),
    (gives_axes, "Axes cannot travel", "-> matplotlib.figure.Figure"),
    (takes_scalar, "float64 cannot travel", "use float"),
    (takes_stream, "BytesIO cannot travel", "use bytes"),
    (any_tuple, "tuple cannot travel", "as in tuple[float, float]"),
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
    if not hasattr(target, "__moorage__"):
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

    class Child(Empty):
        pass

    with pytest.raises(ServingError, match="not decorated"):
        processes_of(Child)


@pytest.mark.parametrize("target", [functools.partial(no_type, 1), len, 5])
def test_only_functions_and_classes_can_be_decorated(target):
    with pytest.raises(TypeError, match="takes a function or class, not a .*; write a function that calls it"):
        process(target)
