"""Previews of results, made in killable workers: web processes open no grid, no features and no table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from moorage.formats import FORMATS, Kind

from moorage_processes.catalogue.internal import FACTS, LIMITS, PICTURE
from moorage_processes.execution.request import Request
from moorage_processes.jobs.errors import EngineError
from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.descriptions import metadata
from moorage_processes.ogc.pages.picture_size import HEAD, picture_size

if TYPE_CHECKING:
    from moorage_processes.catalogue.catalogue import Entry
    from moorage_processes.execution.request import Artefact
    from moorage_processes.jobs.engine import Engine
    from moorage_processes.jobs.job import Job
    from moorage_processes.ogc.responses.results import Results

PNG = "image/png"
GEOJSON = "application/geo+json"
SHAPES = frozenset(
    {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"}
)
DRAWN = (Kind.GRID, Kind.FEATURES, Kind.GEOMETRY)
ROWED = (*DRAWN, Kind.TABLE)
UNIT = "moorage:unit"
NO_WORDS: Mapping[str, str] = MappingProxyType({})
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""Media types that browsers show as they are."""


def is_picture(artefact: Artefact) -> bool:
    """Whether browsers show an output as it is."""
    return artefact.file is not None and _bare(artefact.media_type) in PICTURES


def is_number(artefact: Artefact) -> bool:
    """Whether an output is one number, which its page shows as text."""
    is_json = artefact.file is None and artefact.href is None and _bare(artefact.media_type) == ogc.JSON
    return is_json and isinstance(artefact.value, int | float) and not isinstance(artefact.value, bool)


def can_draw(artefact: Artefact) -> bool:
    """Whether a picture may be made of an output, but for a number."""
    return artefact.href is None and _bare(_media_type(artefact)) in _media_types(DRAWN)


def _media_type(artefact: Artefact) -> str:
    """What an output is; a geometry inside JSON is GeoJSON."""
    is_shape = isinstance(artefact.value, dict) and artefact.value.get("type") in SHAPES
    return GEOJSON if is_shape and {"coordinates", "geometries"} & artefact.value.keys() else artefact.media_type


def can_tell(artefact: Artefact) -> bool:
    """Whether there are facts to be told of an output."""
    return can_draw(artefact) or (artefact.file is not None and _bare(artefact.media_type) in _media_types(ROWED))


def _media_types(kinds: tuple[Kind, ...]) -> frozenset[str]:
    return frozenset(_bare(fmt.media_type) for fmt in FORMATS if fmt.kind in kinds and fmt.readable)


def _bare(media_type: str) -> str:
    return media_type.partition(";")[0].strip()


@dataclass(frozen=True)
class Previews:
    """What a service can show of its results.

    Parameters
    ----------
    engine : runs the looks.
    caller : who waits for them.
    seconds : how long one is waited for.
    """

    engine: Engine
    caller: str = ""
    seconds: float = 30.0

    def picture(self, results: Results, artefact: Artefact, described: Mapping[str, Any]) -> bytes | None:
        """A picture of an output, or None where it cannot be drawn; it is kept.

        Parameters
        ----------
        results : those of its job.
        artefact : the output.
        described : its description.
        """
        if not (can_draw(artefact) or is_number(artefact)):
            return None
        place = (results.job.id, results.job.epoch, artefact.output)
        known = self.engine.pictures.read(*place)
        if known is not None:
            return known
        words = {"label": str(described.get("title", artefact.output)), "unit": metadata(described, UNIT) or ""}
        drawn = self._call(PICTURE, PNG, results, artefact, words if is_number(artefact) else {})
        if drawn is not None:
            self.engine.pictures.keep(*place, drawn)
        return drawn

    def size(self, results: Results, artefact: Artefact) -> tuple[int, int] | None:
        """Width and height of a picture in pixels; None where it was not drawn yet."""
        if is_picture(artefact) and artefact.file is not None:
            with results.artefact_files.open(artefact.file) as file:
                return picture_size(file.read(HEAD))
        return picture_size(self.engine.pictures.head(results.job.id, results.job.epoch, artefact.output, HEAD))

    def facts(self, results: Results, artefact: Artefact) -> Mapping[str, Any] | None:
        """What an output holds, or None where it cannot be told now."""
        if not can_tell(artefact):
            return None
        try:
            content = self._call(FACTS, ogc.JSON, results, artefact)
        except EngineError:
            return None  # the page is worth more than its ornaments
        told: dict[str, Any] | None = json.loads(content) if content else None
        return told

    def _call(
        self, entry: Entry, media_type: str, results: Results, artefact: Artefact, words: Mapping[str, str] = NO_WORDS
    ) -> bytes | None:
        """What a look gives; None where it failed. Only the log of what nobody foresaw is kept."""
        inputs = {"path": "", "media_type": _media_type(artefact), **words}
        if artefact.file is None:
            return self._made(entry, media_type, inputs | {"content": json.dumps(artefact.value)})
        with results.artefact_files.local(artefact.file) as path:
            return self._made(entry, media_type, inputs | {"path": str(path)})

    def _made(self, entry: Entry, media_type: str, inputs: Mapping[str, str]) -> bytes | None:
        request = Request(entry.id, inputs, {"result": media_type})
        job = self.engine.call(request, LIMITS, self.seconds, is_recorded=False, caller=self.caller)
        if job.failure is not None and job.failure.reference:
            return None
        try:
            return self._content(job)
        finally:
            self.engine.forget(job)

    def _content(self, job: Job) -> bytes | None:
        if job.failure is not None:
            return None
        (given,) = job.artefacts
        if given.file is None:
            return json.dumps(given.value).encode()
        return self.engine.files(job).read(given.file)
