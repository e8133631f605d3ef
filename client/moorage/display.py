"""Progress on the screen while a call lasts: a line in a terminal, a bar in a notebook, nothing elsewhere."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
import uuid
from collections.abc import Callable
from html import escape
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TextIO

if TYPE_CHECKING:
    from moorage.status import Status

TICK = 0.1
"""Seconds between two looks."""
DELAY = 0.5
"""Seconds before anything is shown; a quick call leaves no trace."""
WIDTH = 24
CLEAR = "\r\x1b[K"


class Screen(Protocol):
    """Where progress is shown."""

    def draw(self, frame: Frame) -> None:
        """Show how far it is, in place of what was shown before."""

    def clear(self) -> None:
        """Leave no trace."""


class Frame:
    """What is shown at one moment.

    Parameters
    ----------
    title : what is called.
    status : what was heard of the job; None while the call is on its way.
    arrived : bytes of the results that have arrived, and how many there are where that is known.
    seconds : since the call.
    """

    def __init__(self, title: str, status: Status | None, arrived: tuple[int, int | None], seconds: float) -> None:
        self.title = title
        self.seconds = seconds
        self.fraction = self._fraction(status, arrived)
        self.text = printable(self._text(status, arrived[0]))

    @staticmethod
    def _fraction(status: Status | None, arrived: tuple[int, int | None]) -> float | None:
        """How much is done, 0 to 1; None while nothing is known."""
        if arrived[0]:
            return arrived[0] / arrived[1] if arrived[1] else None
        if status is None or not status.progress:
            return None
        return min(1.0, status.progress / 100)

    @staticmethod
    def _text(status: Status | None, arrived: int) -> str:
        if arrived:
            return f"receiving, {arrived / 1e6:.1f} MB"
        if status is None:
            return "calling"
        waiting = {"accepted": "waiting in the queue", "successful": "receiving"}
        return status.message or waiting.get(status.name, status.name)

    @property
    def clock(self) -> str:
        """Time since the call, as 0:01:05."""
        minutes, seconds = divmod(int(self.seconds), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


class Progress:
    """Shows the progress of one call while the block lasts.

    Parameters
    ----------
    title : what is called.
    is_shown : False where nobody wants to see it.
    """

    def __init__(self, title: str, *, is_shown: bool = True) -> None:
        self._title = printable(title)
        self._begin = time.monotonic()
        # several calls at once would write over each other, so only the main thread's are shown
        self._is_shown = is_shown and threading.current_thread() is threading.main_thread()
        self._screen: Screen | None = None

    def show(self, status: Status | None, arrived: tuple[int, int | None] = (0, None)) -> None:
        """Show how far it is."""
        seconds = time.monotonic() - self._begin
        if not self._is_shown or seconds < DELAY:
            return
        if self._screen is None:
            self._screen = screen()
            self._is_shown = self._screen is not None
        if self._screen is not None:
            self._screen.draw(Frame(self._title, status, arrived, seconds))

    def close(self) -> None:
        """Leave no trace of it."""
        if self._screen is not None:
            self._screen.clear()
        self._is_shown, self._screen = False, None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def screen() -> Screen | None:
    """Where progress can be shown: a notebook, a terminal, or nowhere."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if getattr(shell, "kernel", None) is not None:
        return Notebook()
    if sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        return Terminal(sys.stderr)
    return None


def printable(text: str) -> str:
    """Text from elsewhere without what would move a terminal's cursor, on one line."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


class Terminal:
    """A line that is drawn over and over.

    Parameters
    ----------
    stream : a terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        is_unicode = (stream.encoding or "").lower().startswith("utf")
        self._full, self._empty = ("━", "─") if is_unicode else ("#", "-")
        self._spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" if is_unicode else "|/-\\"
        self._turn = 0

    def draw(self, frame: Frame) -> None:
        """Draw the line: what is called, how far it is, what it says."""
        self._turn += 1
        if frame.fraction is None:
            middle = self._spinner[self._turn % len(self._spinner)]
        else:
            full = round(frame.fraction * WIDTH)
            middle = f"{self._full * full}{self._empty * (WIDTH - full)} {frame.fraction:4.0%}"
        line = f"{frame.title} {middle} {frame.clock} {frame.text}"
        columns = shutil.get_terminal_size().columns
        self._write(CLEAR + line[: columns - 1])

    def clear(self) -> None:
        """Wipe the line."""
        self._write(CLEAR)

    def _write(self, text: str) -> None:
        encoding = self._stream.encoding or "ascii"
        self._stream.write(text.encode(encoding, "replace").decode(encoding))
        self._stream.flush()


class Notebook:
    """A bar below the cell that is executed; plain HTML, so that it needs no widgets and no network."""

    def __init__(self) -> None:
        self._name = uuid.uuid4().hex
        self._drawn: str | None = None

    def draw(self, frame: Frame) -> None:
        """Draw the bar: what is called, how far it is, what it says."""
        value = "" if frame.fraction is None else f' value="{frame.fraction:.3f}"'
        html = (
            f'<div style="font-family: sans-serif; font-size: 90%"><code>{escape(frame.title)}</code> '
            f'<progress max="1"{value} style="width: 16em; vertical-align: middle"></progress> '
            f"{frame.clock} {escape(frame.text)}</div>"
        )
        share = "" if frame.fraction is None else f"{frame.fraction:.0%} "
        self._show(html, f"{frame.title} {share}{frame.clock} {frame.text}")

    def clear(self) -> None:
        """Empty the place; a notebook cannot give it back."""
        self._show("", "")

    def _show(self, html: str, text: str) -> None:
        if html == self._drawn:
            return
        from IPython.display import display  # noqa: PLC0415 - it is there, since a notebook runs

        bundle = {"text/html": html, "text/plain": text}
        show: Callable[..., object] = display
        show(bundle, raw=True, display_id=self._name, update=self._drawn is not None)
        self._drawn = html
