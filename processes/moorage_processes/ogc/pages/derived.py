"""Values for inputs that follow from the data of an example: a box inside it, a threshold between its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import floor, log10
from typing import TYPE_CHECKING, Any

from moorage_processes.ogc.pages.columns import column_of, numbers_of
from moorage_processes.ogc.pages.grid_facts import range_of

if TYPE_CHECKING:
    from moorage_processes.data.datasets import Dataset
    from moorage_processes.ogc.collections.layer import Layer
    from moorage_processes.ogc.pages.grid_facts import GridFacts, Variable

Box = tuple[float, float, float, float]

PIECES = 6
"""Into how many parts intervals divide a range, about."""
ACROSS = 60
"""Cells from one side to the other, of a grid that is made of features."""
NARROW = 12.0
"""Degrees that one zone of UTM serves."""
DEGREE = 111_000.0
"""Metres of a degree of latitude."""


@dataclass(frozen=True)
class Scene:
    """The data that an example is about."""

    entry: Dataset | None = None
    variable: Variable | None = None
    grid: GridFacts | None = None
    layer: Layer | None = None
    place: Box | None = None
    """Where features lie that were made up."""

    @property
    def box(self) -> Box | None:
        """Where the data lies, in longitude and latitude."""
        if self.grid is not None:
            return self.grid.bbox
        return self.layer.bbox if self.layer is not None else self.place

    def range(self) -> tuple[float, float, float] | None:
        """A low, a middle and a high value, where they can be told."""
        if self.entry is None or self.variable is None:
            return None
        found = range_of(self.entry, self.variable.name).found
        return found if found is not None and found[0] < found[2] else None


def derived(name: str, described: Mapping[str, Any], scene: Scene) -> Any:
    """A value that suits the data, or None where none follows from it."""
    if any(each.get("format") == "ogc-bbox" for each in described["schema"].get("allOf", ())):
        return None if scene.box is None else {"bbox": list(middle(scene.box))}
    rule = RULES.get(name)
    if name == "crs" and not described.get("description", "").lower().startswith("target"):
        return None
    return None if rule is None else rule(scene)


def middle(box: Box) -> Box:
    """The middle half of a box."""
    west, south, east, north = box
    width, height = (east - west) / 4, (north - south) / 4
    return (
        rounded(west + width, width / 4),
        rounded(south + height, height / 4),
        rounded(east - width, width / 4),
        rounded(north - height, height / 4),
    )


def rounded(number: float, step: float) -> float:
    """A number with no more digits than tell differences of *step*."""
    digits = max(0, -floor(log10(step))) if step > 0 else 6
    value = round(number, digits)
    return value or 0.0


def _nice(step: float) -> float:
    """The nearest of 1, 2, 5, 10, 20 and so on."""
    power = 10.0 ** floor(log10(step))
    return float(f"{min((1, 2, 5, 10), key=lambda each: abs(each * power - step)) * power:.3g}")


def _resolution(scene: Scene) -> float | None:
    if scene.grid is not None:
        return None if scene.grid.spacing is None else float(f"{2 * scene.grid.spacing:.3g}")
    if scene.box is None:
        return None
    west, south, east, north = scene.box
    size = max(east - west, north - south) / ACROSS
    return _nice(size * DEGREE if max(east - west, north - south) <= NARROW else size) if size > 0 else None


def _threshold(scene: Scene) -> float | None:
    values = scene.range()
    return None if values is None else rounded(values[1], (values[2] - values[0]) / 10)


def _interval(scene: Scene) -> float | None:
    values = scene.range()
    return None if values is None else _nice((values[2] - values[0]) / PIECES)


def _breaks(scene: Scene) -> list[float] | None:
    values = scene.range()
    if values is None:
        return None
    return [rounded(each, (values[2] - values[0]) / 10) for each in values]


def _period(scene: Scene) -> str | None:
    """The first year, or the first month where there is no more than one."""
    if scene.variable is None or not scene.variable.times:
        return None
    first, *_, last = scene.variable.times
    return first.split("-")[0] if first.split("-")[0] != last.split("-")[0] else "-".join(first.split("-")[:2])


def _column(scene: Scene) -> str | None:
    """A column of numbers, where there is a choice."""
    if scene.entry is None or scene.layer is None or len(numbers_of(scene.layer)) == 1:
        return None
    return column_of(scene.entry).found


def _target(scene: Scene) -> str | None:
    """The zone of UTM that fits, or a map of the world."""
    if scene.box is None:
        return None
    west, south, east, north = scene.box
    if east - west > NARROW:
        return "EPSG:8857"
    longitude = ((west + east) / 2 + 180) % 360
    return f"EPSG:{326 if south + north >= 0 else 327}{int(longitude / 6) + 1:02d}"


RULES: Mapping[str, Callable[[Scene], Any]] = {
    "resolution": _resolution, "threshold": _threshold, "interval": _interval, "breaks": _breaks, "period": _period,
    "column": _column, "crs": _target,
}  # fmt: skip
"""What follows from the data, by the id of an input."""
