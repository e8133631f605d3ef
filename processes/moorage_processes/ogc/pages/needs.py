"""What the words of an input say that its data must be like, and which datasets are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from moorage_processes.ogc.descriptions import type_of
from moorage_processes.ogc.pages.columns import numbers_of

if TYPE_CHECKING:
    from moorage_processes.data.datasets import Dataset
    from moorage_processes.ogc.collections.layer import Layer
    from moorage_processes.ogc.pages.grid_facts import Variable

DATED = re.compile(r"(?<!without a )\btime axis\b(?! or)|\bdaily\b|\bdates\b")
EVEN = re.compile(r"(?<!need not be )\bevenly spaced\b(?! or not)")
HEIGHT = re.compile(r"\b(elevations?|heights?|altitude|relief|terrain|topography|dem)\b")
LENGTHS = frozenset({"m", "metre", "metres", "meter", "meters", "km", "ft", "feet"})
TEMPERATURES = frozenset(
    {"k", "kelvin", "degc", "deg c", "c", "celsius", "degree_celsius", "degrees_celsius", "°c", "degf", "deg f"}
)
SHAPES = {"Point": ("point", "station", "place"), "Polygon": ("polygon", "zone", "area"), "LineString": ("line",)}
DAY = 1.0
MONTH = 31.0
SEVERAL_YEARS = 24
"""Times after which statistics over them begin to say something."""
NEAR = 1e-3
"""How far features may reach beyond a grid, as a share of its width."""
QUICK = 20_000_000
"""Cells that a first try does not wait for long."""


@dataclass(frozen=True)
class GridNeeds:
    """What a grid input takes."""

    text: str
    """Its id, title and description."""
    takes_all: bool
    """Whether it takes all variables together."""
    is_dated: bool
    is_flat: bool
    """Whether it takes one map alone."""
    is_daily: bool
    is_mapped: bool
    is_even: bool
    is_height: bool
    is_temperature: bool

    @classmethod
    def of(cls, name: str, described: Mapping[str, Any]) -> GridNeeds:
        """Read the description of an input."""
        text = _text(name, described)
        is_dated, is_height = bool(DATED.search(text)), bool(HEIGHT.search(text))
        is_mapped = is_height or "rows and columns" in text
        return cls(
            text=text,
            takes_all=type_of(described) == "xarray.Dataset",
            is_dated=is_dated,
            is_flat="without a time axis" in text or (is_mapped and not is_dated and "dimension" not in text),
            is_daily="daily" in text,
            is_mapped=is_mapped,
            is_even=bool(EVEN.search(text)),
            is_height=is_height,
            is_temperature="temperature" in text,
        )

    def takes(self, variable: Variable) -> bool:
        """Whether a variable will do."""
        unit = variable.unit.strip().lower()
        return not (
            (self.is_dated and not variable.count)
            or (self.is_flat and variable.further > 1)
            or (self.is_daily and variable.step != DAY)
            or (self.is_mapped and not variable.is_map)
            or (self.is_even and not variable.is_even)
            or (self.is_temperature and unit not in TEMPERATURES)
            or (self.is_height and unit not in LENGTHS and not (unit == "" and HEIGHT.search(variable.words)))
        )

    def likes(self, entry: Dataset, variable: Variable) -> tuple[Any, ...]:
        """How well a variable that will do suits: the more, the better."""
        return (
            *named_alike(words_of(self.text), entry),
            self.is_height and bool(HEIGHT.search(f"{variable.words} {entry.title.lower()}")),
            variable.is_map,
            *self._mentions(variable),
            variable.cells <= QUICK,
            self.is_dated and variable.step is not None and variable.step < MONTH + DAY,
            self.is_dated and variable.count >= SEVERAL_YEARS,
            variable.further == 1,
            self.is_dated == bool(variable.count),
        )

    def _mentions(self, variable: Variable) -> tuple[bool, float]:
        """Whether the input has words of a variable, and how early: what it says first counts most."""
        places = [self.text.find(word) for word in words_of(variable.words) & words_of(self.text)]
        return bool(places), -fmean(places or [0])


@dataclass(frozen=True)
class FeatureNeeds:
    """What an input of features takes."""

    text: str
    shape: str
    """The geometry that its words name; empty where none is named."""
    has_numbers: bool

    @classmethod
    def of(cls, name: str, described: Mapping[str, Any]) -> FeatureNeeds:
        """Read the description of an input."""
        text = _text(name, described)
        found = [(text.find(word), shape) for shape, words in SHAPES.items() for word in words if word in text]
        return cls(text, min(found)[1] if found else "", "of numbers" in text)

    def takes(self, layer: Layer, within: tuple[float, float, float, float] | None) -> bool:
        """Whether features will do that must lie *within* a box."""
        shape = layer.geometry.removeprefix("Multi").removesuffix(" Z").strip()
        # GDAL does not know where some are in several pieces and others in one, which points rarely are
        is_mixed = shape in ("Unknown", "Geometry") and self.shape != "Point"
        return not (
            (self.shape and shape != self.shape and not is_mixed)
            or (self.has_numbers and not numbers_of(layer))
            or (within is not None and not (layer.bbox and _contains(within, layer.bbox)))
        )


def named_alike(words: frozenset[str], entry: Dataset) -> tuple[bool, bool]:
    """Whether the id of a dataset, and its title, have words of an input."""
    return bool(words_of(entry.id) & words), bool(words_of(entry.title) & words)


def words_of(text: str) -> frozenset[str]:
    """The words of a text that tell something."""
    return frozenset(word for word in re.findall(r"[a-z]+", text.lower()) if len(word) > 3 or word in ("dem", "sst"))  # noqa: PLR2004 - telling


def _text(name: str, described: Mapping[str, Any]) -> str:
    return f"{name} {described.get('title', '')} {described.get('description', '')}".lower()


def _contains(outer: tuple[float, float, float, float], inner: tuple[float, float, float, float]) -> bool:
    slack = NEAR * max(outer[2] - outer[0], outer[3] - outer[1])
    west, south, east, north = inner
    return (
        outer[0] - slack <= west <= east <= outer[2] + slack and outer[1] - slack <= south <= north <= outer[3] + slack
    )
