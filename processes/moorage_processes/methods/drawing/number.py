"""A picture of one number."""

from __future__ import annotations

from math import isfinite
from textwrap import fill
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = (600, 240)
"""Width and height in pixels."""
DPI = 150
DIGITS = 6
LINE = 60
"""Letters of a line below the number."""


def number_picture(value: float, unit: str, label: str) -> Figure:
    """A number in large letters, with its unit, and below it what it is.

    Parameters
    ----------
    value : NaN where there is none.
    unit : empty where it has none.
    label : empty where nothing is known.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow, and only workers draw

    figure = Figure(figsize=(SIZE[0] / DPI, SIZE[1] / DPI), dpi=DPI)
    text = f"{value:.{DIGITS}g}" if isfinite(value) else "no value"
    unit = "" if unit == "1" else unit
    figure.text(0.5, 0.58, f"{text} {unit}".strip(), ha="center", va="center", fontsize=22, parse_math=False)
    figure.text(0.5, 0.2, fill(label, LINE)[: 2 * LINE], ha="center", va="center", fontsize=8, color="0.35",
                parse_math=False)  # fmt: skip
    return figure
