"""Methods that raise errors of their author's own."""

from moorage_processes import InputError, process


class NoDataError(InputError):
    """The period holds no data."""


class EmptyPeriodError(InputError):
    """The same, by an author who writes constructors."""

    def __init__(self, year: int) -> None:
        self.year = year

    def __str__(self) -> str:
        return f"{self.year} is empty"


class MeltError(RuntimeError):
    """What is no business of the caller."""


@process
def no_data(year: int) -> int:
    """Raise what the caller can mend."""
    raise NoDataError(f"{year} holds no data; it has 1990 to 1993", input="year")


@process
def empty_period(year: int) -> int:
    """Raise the same in another way."""
    raise EmptyPeriodError(year)


def _deeper(depth: float) -> float:
    if depth > 0:
        raise MeltError(f"at {depth} m the ice is gone")
    return depth


@process
def melt(depth: float = 3.0) -> float:
    """Fail two calls down."""
    return _deeper(depth)


@process
class Glacier:
    """Fail in a method of a class."""

    def melt(self) -> float:
        """Fail two calls down."""
        return _deeper(1.0)


@process
def wrong_type() -> bytes:
    """Return something else than it says."""
    return "text"
