"""The endpoint of OGC API - Coverages: the part of a grid that a request asks for, in any format that holds it.

pygeoapi's own takes one format besides CoverageJSON; ours stands before it.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, current_app, request
from moorage.formats import Kind

from moorage_processes.data.datasets import Dataset, DatasetUnavailableError
from moorage_processes.errors import InputError
from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.collections.cache import coverage_of
from moorage_processes.ogc.collections.coverage import MEDIA_TYPES, SUFFIXES, form_of, part
from moorage_processes.ogc.problems import Problem

if TYPE_CHECKING:
    from moorage_processes.ogc.collections.collections import Collections

NOT_SERVED = ("scale-factor", "scale-size", "scale-axes", "subset-crs", "crs")
"""Parameters of the standard that change the answer and are not built; to pass over them would give wrong values."""
BOUND = r'(?:"([^"]*)"|([^":()]+))'
RANGE = re.compile(rf"\s*([^()\s]+)\s*\(\s*{BOUND}\s*(?::\s*{BOUND}\s*)?\)\s*")


def coverage_blueprint(collections: Collections) -> Blueprint:
    """The endpoint for the grids among *collections*; register it before pygeoapi's."""
    routes = Blueprint("coverages", __name__)

    def coverage(collection_id: str) -> Response:
        entry = collections.entries.get(collection_id)
        if entry is None or entry.kind is not Kind.GRID:
            return _pygeoapi("collection_coverage", collection_id)
        if request.args.get("f") == "html":
            return _pygeoapi("collections", collection_id)  # the page of a grid is that of its collection
        return _coverage(entry, collections.limit)

    rule = "/collections/<path:collection_id>/coverage"
    routes.add_url_rule(rule, "coverage", coverage, methods=["GET"], strict_slashes=False)
    return routes


def _pygeoapi(view: str, collection_id: str) -> Response:
    page = current_app.ensure_sync(current_app.view_functions[f"pygeoapi.{view}"])
    return current_app.make_response(page(collection_id))


def _coverage(entry: Dataset, limit: int) -> Response:
    form = _form()
    try:
        coverage_of(entry).get()
        content = part(entry, _selection(), form, limit)
    except DatasetUnavailableError as error:
        raise Problem(503, "Unavailable", error.detail) from error
    response = Response(content, content_type=MEDIA_TYPES[form])
    response.headers["Content-Disposition"] = f'inline; filename="{entry.id}{SUFFIXES[form]}"'
    response.set_etag(hashlib.sha256(content).hexdigest()[:32])
    is_file = not MEDIA_TYPES[form].endswith("json")  # a part of a document is of no use to anyone
    response.make_conditional(request.environ, accept_ranges=is_file, complete_length=len(content))
    return response


def _form() -> str:
    """The format that ``f=`` names, or the first that the Accept header prefers; CoverageJSON where it takes all."""
    known = ", ".join(MEDIA_TYPES)
    if wish := request.args.get("f"):
        form = form_of(wish)
        if form is None:
            raise Problem(
                400, ogc.INVALID_PARAMETER, f"f: there is no format {wish[:80]!r}; a coverage comes as {known}"
            )
        return form
    for wish in request.accept_mimetypes.values():
        if wish in ("*/*", "text/html", "application/*"):
            return "json"
        if (form := form_of(wish)) is not None:
            return form
    if request.accept_mimetypes:
        wishes = ", ".join(MEDIA_TYPES.values())
        raise Problem(406, "NotAcceptable", f"a coverage comes as {wishes}; Accept names none of these")
    return "json"


def _selection() -> dict[str, Any]:
    """The part that the parameters of the request ask for."""
    if asked := [name for name in NOT_SERVED if name in request.args]:
        raise InputError(f"{asked[0]}: not served here; a coverage takes bbox, bbox-crs, datetime, subset, properties")
    box, names = request.args.get("bbox"), request.args.get("properties", "")
    return {
        "bbox": None if box is None else box.split(","),
        "bbox-crs": request.args.get("bbox-crs"),
        "datetime": request.args.get("datetime"),
        "properties": [name for name in names.split(",") if name],
        "subset": _ranges(",".join(request.args.getlist("subset"))),
    }


def _ranges(text: str) -> dict[str, list[str]]:
    """``lat(10:20),time("2000-01":"2000-03"),level(500)`` as axis to its bounds."""
    ranges: dict[str, list[str]] = {}
    for each in re.findall(r'(?:"[^"]*"|[^,"])+', text):
        found = RANGE.fullmatch(each)
        if found is None:
            raise InputError(
                f"subset: {each[:80]!r} is not axis(value) or axis(low:high), times in quotes", input="subset"
            )
        axis, *bounds = found.groups()
        low, high = bounds[0] if bounds[0] is not None else bounds[1], bounds[2] if bounds[2] is not None else bounds[3]
        ranges[axis] = [low.strip()] if high is None else [low.strip(), high.strip()]
    return ranges
