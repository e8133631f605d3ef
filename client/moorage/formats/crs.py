"""Coordinate reference systems, read from text alone: nothing that a text names is opened.

GDAL takes a text that it does not know for the path or address of one that it might, and PROJ opens the grids that a
definition names. So every text of a file or a caller comes here first, before either sees it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from moorage.formats import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyproj import CRS

EXPECTED = "write it as EPSG:25832, as WKT or as PROJJSON"
UNKNOWN = "is not known"
NAMES_FILE = "may name a file, and none is opened"
LONGEST = 100_000
"""Characters of a definition; the longest of the registries have a tenth of that."""
SHOWN = 60
PROJ_KEYS = frozenset({
    "proj", "type", "datum", "ellps", "pm", "units", "vunits", "to_meter", "vto_meter", "axis", "towgs84", "a",
    "b", "rf", "f", "es", "e", "r", "r_a", "r_v", "r_g", "r_h", "r_a_lat", "r_lat_a", "r_lat_g", "r_c", "lat_0",
    "lat_1", "lat_2", "lat_3", "lat_b", "lat_t", "lat_ts", "lon_0", "lon_1", "lon_2", "lon_3", "lonc",
    "lon_wrap", "x_0", "y_0", "z_0", "h_0", "k", "k_0", "alpha", "gamma", "azi", "tilt", "zone", "south",
    "north_square", "south_square", "h", "sweep", "w", "m", "n", "q", "theta", "o_proj", "o_lat_p", "o_lon_p",
    "o_lat_c", "o_lon_c", "o_alpha", "o_lat_1", "o_lon_1", "o_lat_2", "o_lon_2", "guam", "no_cut", "no_off",
    "no_uoff", "no_rot", "ns", "hyperbolic", "path", "lsat", "orient", "mode", "aperture", "resolution",
    "approx", "algo", "over", "geoc", "no_defs", "no_mayo", "wktext", "bounds", "s",
})  # fmt: skip
"""Parameters of PROJ that hold numbers and words; those that name files are init, nadgrids, grids, file and others."""
PROJ_VALUE = re.compile(r"[-+.,\w°'\"]*")
EXTENSION = re.compile(r'EXTENSION\["PROJ4","([^"]*)"\]')
"""How GDAL adds to WKT what WKT cannot say, as it does to EPSG:3857."""
AUTHORITY_INIT = re.compile(r"\+?init=(epsg|esri):(\d+)( \+?(no_defs|type=crs))*", re.IGNORECASE)
"""An old way to name a code; other words name a file of codes."""
NO_GRID = "@null"
"""What PROJ takes for no grid at all."""
PROJ_METHOD = re.compile(r"PROJ [a-z0-9_]+( o_proj=[a-z0-9_]+)?")
WORD = re.compile(r"\w+")
CODE = re.compile(r"\w+:[\w.]+")
WKT = re.compile(
    r"(GEOGCS|GEOCCS|PROJCS|COMPD_CS|VERT_CS|LOCAL_CS|GEOGCRS|GEODCRS|GEODETICCRS|GEOGRAPHICCRS|PROJCRS|PROJECTEDCRS"
    r"|COMPOUNDCRS|VERTCRS|VERTICALCRS|BOUNDCRS|ENGCRS|ENGINEERINGCRS)\s*\["
)
"""How a text begins that GDAL reads as WKT."""
KEYWORD = re.compile(r"[A-Za-z_]+\s*[\[(]")
URI = re.compile(r"(urn:|https?://(www\.)?opengis\.net/)[^\s+]*\Z", re.IGNORECASE)
FORMS = (
    KEYWORD,
    re.compile(r"\{"),
    re.compile(r"\+?\w+="),
    URI,
    re.compile(r"(?!.*(::|//|\\))\w[^=\[{]*\Z"),
)
"""WKT, PROJJSON, parameters of PROJ, URIs of OGC, and codes and names; no path, and no other address."""
NOTE = re.compile(r"(?!.*(://|[\[{]|\b(proj|init)=))\s*[^\s/~.].*", re.IGNORECASE | re.DOTALL)
"""A text in which nothing is named or defined that a library could open."""
ATTRIBUTES = ("crs_wkt", "spatial_ref", "crs")
"""Attributes of a grid that state its CRS."""
NAMES = (
    "geographic_crs_name", "projected_crs_name", "horizontal_datum_name", "reference_ellipsoid_name",
    "prime_meridian_name", "geopotential_datum_name", "geoid_name",
)  # fmt: skip
"""Attributes of a grid mapping of CF that hold names of PROJ's registry."""
DEFINITION = re.compile(r"[\[{]|(init|proj|title|grids)\s*=|\A\s*PROJ ", re.IGNORECASE)
"""Signs of what is not a name but a definition."""


class CrsError(FormatError):
    """A coordinate reference system that is not known, or whose definition names a file."""


def known(given: Any) -> CRS:
    """A CRS by its code, WKT, PROJJSON or parameters of PROJ.

    Parameters
    ----------
    given : text, a code of EPSG as a number, a mapping as JSON has it, or a CRS of pyproj or rasterio.

    Raises
    ------
    CrsError
        with a sentence that begins with the text.
    """
    text = _text(given)
    crs, problem = _parsed(text)
    if crs is None:
        shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
        raise CrsError(f"{shown!r} {problem}; {EXPECTED}")
    return crs


def settle(grid: Any) -> None:
    """See to it that each attribute of a Dataset or DataArray that states a CRS is one that names no file.

    Texts that GDAL might take for anything but WKT are replaced by WKT, words in an attribute ``crs`` are taken out.

    Raises
    ------
    CrsError
        naming the attribute, and what is wrong with it.
    """
    for attrs in _all_attributes(grid):
        for key in ATTRIBUTES:
            if key in attrs:
                _settle_one(attrs, key)
        for key in NAMES:
            if DEFINITION.search(str(attrs.get(key, ""))):
                raise CrsError(f"the attribute {key} is not a name but a definition; {EXPECTED} in crs_wkt")


def _all_attributes(grid: Any) -> Iterator[dict[Any, Any]]:
    variables = grid.variables.values() if hasattr(grid, "data_vars") else (grid, *grid.coords.values())
    yield from (each.attrs for each in (grid, *variables))


def _settle_one(attrs: dict[Any, Any], key: str) -> None:
    stated = attrs[key]
    is_text = isinstance(stated, str)
    try:
        crs = None if is_text and not stated.strip() else known(stated)
    except CrsError as error:
        if key != "crs" or (is_text and not NOTE.fullmatch(stated)):
            raise CrsError(f"the attribute {key} {error}") from error
        crs = None  # a note for people, which GDAL would take for the name of a file
    if crs is None:
        del attrs[key]
    elif not is_text or not WKT.match(stated):
        attrs[key] = crs.to_wkt()


# From text


def _text(given: Any) -> str:
    """What is to be read as text; of CRS that libraries made, what they were made from."""
    if isinstance(given, str):
        return _text(_decoded(given)) if given.lstrip().startswith("{") else given.strip()
    if isinstance(given, Mapping):
        # so pyproj tells parameters of PROJ from PROJJSON
        is_json = "proj" not in given and "init" not in given
        return json.dumps(dict(given)) if is_json else " ".join(f"+{key}={value}" for key, value in given.items())
    if hasattr(given, "srs"):
        return str(given.srs).strip()
    if hasattr(given, "to_wkt"):
        return str(given.to_wkt())
    number = str(given)
    return f"EPSG:{number}" if number.isdigit() else number


def _decoded(text: str) -> Any:
    """JSON as a mapping; None for what is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


@lru_cache(maxsize=128)
def _parsed(text: str) -> tuple[CRS | None, str]:
    """The CRS, or what is wrong; both are kept, since to search for a name that nobody has takes half a second."""
    from pyproj import CRS  # noqa: PLC0415 - slow, and only where it is used
    from pyproj.exceptions import CRSError  # noqa: PLC0415 - the same

    if len(text) > LONGEST or "\0" in text:
        return None, f"is not text of at most {LONGEST} characters"
    if _names_file(text):
        return None, NAMES_FILE
    if not any(form.match(text) for form in FORMS):
        return None, UNKNOWN
    try:
        crs = CRS.from_user_input(text)  # noqa: TID251 - here, behind the checks above
        # what a registry holds needs no look
        document, wkt = ({}, text) if CODE.fullmatch(text) else (crs.to_json_dict(), crs.to_wkt())
    except (CRSError, ValueError, TypeError, RecursionError):
        return None, UNKNOWN
    if wkt is not text and not WKT.match(wkt):
        return None, "states no places, such as longitudes and latitudes"
    return (None, NAMES_FILE) if _node_names_file(document) else (crs, "")


def _names_file(text: str) -> bool:
    """Whether PROJ might open a file while it reads a text, or because of a part of it that it keeps to itself."""
    extensions = EXTENSION.findall(text)
    if len(extensions) != len(re.findall("EXTENSION", text, re.IGNORECASE)) or any(map(_proj_names_file, extensions)):
        return True
    is_definition = text.startswith("{") or any(form.match(text) for form in (WKT, URI))
    return not is_definition and "=" in text and _proj_names_file(text)


def _proj_names_file(text: str) -> bool:
    """Whether parameters of PROJ hold more than numbers and words."""
    return AUTHORITY_INIT.fullmatch(text) is None and not all(map(_is_harmless, text.split()))


def _is_harmless(parameter: str) -> bool:
    key, _, value = parameter.removeprefix("+").partition("=")
    if key.lower() == "nadgrids":
        return value == NO_GRID
    return key.lower() in PROJ_KEYS and PROJ_VALUE.fullmatch(value) is not None


def _node_names_file(node: Any) -> bool:
    """Whether a definition as PROJJSON has it, or a part of it, names a file."""
    if isinstance(node, list):
        return any(map(_node_names_file, node))
    if not isinstance(node, Mapping):
        return False
    method = str((node.get("method") or {}).get("name", ""))
    parameters = node.get("parameters") or []
    if any(isinstance(each.get("value"), str) and each["value"] != NO_GRID for each in parameters):
        return True
    if method.upper().startswith("PROJ") and not (
        PROJ_METHOD.fullmatch(method) and all(WORD.fullmatch(each["name"]) for each in parameters)
    ):
        return True
    models = [node.get("geoid_model"), *(node.get("geoid_models") or [])]
    if any(str((each or {}).get("name", "")).upper().startswith("PROJ ") for each in models):
        return True  # PROJ takes what follows for the name of a grid
    return any(map(_node_names_file, node.values()))
