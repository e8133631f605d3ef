"""Figures of matplotlib as PNG and SVG."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure


def write_figure_png(value: Figure, path: Path) -> None:
    """Draw a figure in dots, as many as it says itself."""
    value.savefig(path, format="png")
    _close(value)


def write_figure_svg(value: Figure, path: Path) -> None:
    """Draw a figure in lines, which stay sharp at any size."""
    value.savefig(path, format="svg")
    _close(value)


def _close(figure: Figure) -> None:
    """Let pyplot forget the figure: it would keep it as long as this process lives."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(figure)
