"""Errors of two families: what a person can mend is shown to them; everything else is logged."""

from __future__ import annotations

from dataclasses import dataclass


class InputError(ValueError):
    """Something in a request that the caller can mend; its text is shown to them, and the name of an author's subclass.

    A method may raise it too: ``raise InputError("the period holds no data; it has 1990 to 1993")``.

    Parameters
    ----------
    detail : what was wrong and what would be right, as one sentence.
    input : the input it is about, where it is about one.
    """

    # a subclass may have a constructor that does not call this one
    input: str | None = None

    def __init__(self, detail: str, *, input: str | None = None) -> None:  # noqa: A002 - the standard's own word
        super().__init__(detail)
        self.input = input

    @property
    def detail(self) -> str:
        """The sentence for the caller."""
        return str(self)

    @property
    def kind(self) -> str | None:
        """Name of the class, where it is an author's own."""
        cls = type(self)
        return None if cls.__module__.partition(".")[0] == __name__.partition(".")[0] else cls.__qualname__


class TooLargeError(InputError):
    """Something in a request that is right but for its size."""


@dataclass(frozen=True)
class Refusal:
    """Why a function cannot be served, where it stands, and what would make it servable."""

    file: str
    line: int
    function: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.function}: {self.reason}; {self.remedy}"


class OperatorError(Exception):
    """What whoever gives a command can mend; the message says what is wrong and what would be right."""


class ServingError(OperatorError):
    """Methods that cannot be served; the message lists each with file, line and remedy."""

    def __init__(self, refusals: tuple[Refusal, ...]) -> None:
        super().__init__("\n".join(str(refusal) for refusal in refusals))
        self.refusals = refusals


class ClusterError(Exception):
    """A cluster that could not do its part; the message is for the caller, and names no address."""


class ClusterAwayError(ClusterError):
    """A cluster that does not answer; perhaps it does in a moment."""
