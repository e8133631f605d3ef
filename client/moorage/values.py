"""Small values that both sides of a call share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
CRS84H = "http://www.opengis.net/def/crs/OGC/0/CRS84h"

RESERVED_IDS = frozenset({"close", "describe", "job", "jobs", "process", "processes", "sites", "title", "url"})
"""Attributes of the client's service object, which no process of a service may be called."""
CLASS, METHOD, CONSTRUCTOR = "moorage:class", "moorage:method", "moorage:constructor"
"""Roles of the metadata by which a process says that it is a method of a class."""


@dataclass(frozen=True)
class Unit:
    """The physical unit of an input or output, written beside its type: ``Annotated[float, Unit("m")]``."""

    symbol: str


@dataclass(frozen=True)
class Media:
    """The media type of encoded content: ``Annotated[bytes, Media("image/tiff")]``."""

    type: str


@dataclass(frozen=True)
class BBox:
    """A box on the Earth: west, south, east, north, and bottom and top [m] where heights matter.

    Longitudes and latitudes in degrees unless *crs* says otherwise. A box whose west lies east of its east
    crosses the antimeridian.
    """

    west: float
    south: float
    east: float
    north: float
    bottom: float | None = None
    top: float | None = None
    crs: str = CRS84

    def __post_init__(self) -> None:
        if (self.bottom is None) != (self.top is None):
            raise ValueError("a bounding box has both bottom and top, or neither")
        if not all(isfinite(number) for number in self.numbers):
            raise ValueError("the numbers of a bounding box are finite")
        if self.south > self.north:
            raise ValueError(
                f"south {self.south} lies north of north {self.north}; the order is west, south, east, north"
            )
        if self.bottom is not None and self.top is not None and self.bottom > self.top:
            raise ValueError(f"bottom {self.bottom} lies above top {self.top}")

    @property
    def numbers(self) -> tuple[float, ...]:
        """The four or six numbers in the order of OGC's ``bbox``: lower corner, then upper corner."""
        if self.bottom is None or self.top is None:
            return (self.west, self.south, self.east, self.north)
        return (self.west, self.south, self.bottom, self.east, self.north, self.top)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> BBox:
        """Read OGC's ``{"bbox": [4 or 6 numbers], "crs": URI}``."""
        numbers = document.get("bbox")
        if not isinstance(numbers, list | tuple) or len(numbers) not in (4, 6):
            raise ValueError("a bounding box is {'bbox': [west, south, east, north]}, or six numbers with heights")
        if any(isinstance(number, bool) or not isinstance(number, int | float) for number in numbers):
            raise ValueError("a bounding box holds numbers only")
        if len(numbers) == 4:  # noqa: PLR2004 - the two forms of the standard
            west, south, east, north = numbers
            return cls(west, south, east, north, crs=document.get("crs", CRS84))
        west, south, bottom, east, north, top = numbers
        return cls(west, south, east, north, bottom, top, crs=document.get("crs", CRS84H))

    def to_json(self) -> dict[str, Any]:
        """Write OGC's ``{"bbox": [...], "crs": URI}``."""
        return {"bbox": list(self.numbers), "crs": self.crs}


@dataclass(frozen=True)
class Link:
    """An input by reference: the service fetches it, if it may fetch from there.

    Parameters
    ----------
    href : URL of the content.
    type : its media type, where the URL's own answer does not tell.
    """

    href: str
    type: str | None = None

    def to_json(self) -> dict[str, str]:
        """Write OGC's ``{"href": ..., "type": ...}``."""
        return {"href": self.href} | ({"type": self.type} if self.type else {})
