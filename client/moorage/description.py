"""What a service says of a process, read into what a caller needs: names, types, units, defaults."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from moorage.formats import Format, Kind, find, kind_of

TYPE_ROLE, UNIT_ROLE = "moorage:type", "moorage:unit"
TYPES_OF_FORMATS = {
    "ogc-bbox": "moorage.BBox",
    "geojson-geometry": "shapely.Geometry",
    "geojson-feature": "geopandas.GeoDataFrame",
    "geojson-feature-collection": "geopandas.GeoDataFrame",
}
"""The standard's short codes for what a JSON value means."""
PATH = "pathlib.Path"
"""The type of what is a file to the method as well as to its caller."""
FILES = (Kind.GRID, Kind.FEATURES, Kind.TABLE)
"""The kinds of values that travel as files, and that a service may have as datasets."""
FORMATTED = (*FILES, Kind.ARRAY, Kind.FIGURE)
"""The kinds that have formats to choose from."""
USUAL_TYPES = {
    "netcdf": "xarray.Dataset",
    "geotiff": "xarray.DataArray",
    "geojson": "geopandas.GeoDataFrame",
    "geopackage": "geopandas.GeoDataFrame",
    "csv": "pandas.DataFrame",
    "npy": "numpy.ndarray",
}
"""What a format is read as where the service does not name a Python type."""


@dataclass(frozen=True)
class Described:
    """One input or output of a process."""

    id: str
    title: str
    description: str
    schema: Mapping[str, Any]
    """JSON Schema of one occurrence."""
    stated_type: str | None
    """The Python type the service names, if it does."""
    unit: str | None
    is_required: bool
    is_many: bool

    @cached_property
    def alternatives(self) -> tuple[Mapping[str, Any], ...]:
        """The schemas of which a value meets one."""
        return tuple(self.schema.get("oneOf") or self.schema.get("anyOf") or [self.schema])

    @cached_property
    def media_types(self) -> tuple[str, ...]:
        """The media types it can be written in, the service's favourite first."""
        stated = (each.get("contentMediaType") for each in self.alternatives)
        return tuple(each for each in stated if each)

    @cached_property
    def type_name(self) -> str:
        """The Python type of one occurrence, such as ``xarray.DataArray``; ``builtins.object`` for plain values."""
        if self.stated_type:
            return self.stated_type
        for schema in (self.schema, *self.schema.get("allOf", ()), *self.alternatives):
            code = str(schema.get("format", "")).rpartition("/")[2]
            if code in TYPES_OF_FORMATS:
                return TYPES_OF_FORMATS[code]
        fmt = next((fmt for fmt in map(format_of, self.media_types) if fmt), None)
        return USUAL_TYPES[fmt.name] if fmt else "builtins.object"

    @cached_property
    def kind(self) -> Kind:
        """The family of values it belongs to."""
        return kind_of(self.type_name)

    @property
    def default(self) -> Any:
        """The value the service takes where none is given, None where it does not tell."""
        return self.schema.get("default")


def format_of(media_type: str) -> Format | None:
    """The format of data that a media type stands for; plain JSON stands for none."""
    if media_type.partition(";")[0].strip().lower() == "application/json":
        return None
    for kind in FORMATTED:
        try:
            found = find(kind, media_type)
        except ValueError:
            continue
        return found if found.readable else None
    return None


@dataclass(frozen=True)
class Description:
    """One process of one service."""

    id: str
    name: str
    """The id as a Python name."""
    title: str
    description: str
    version: str
    inputs: Mapping[str, Described]
    """By Python name."""
    outputs: Mapping[str, Described]
    """By id."""
    options: tuple[str, ...]
    """``sync-execute``, ``async-execute``, ``dismiss``."""
    document: Mapping[str, Any]
    """What the service said, as it stands."""

    @property
    def is_moored(self) -> bool:
        """Whether it was made by Moorage, which promises the order of inputs and names the types of all values."""
        return any(each.stated_type for each in (*self.inputs.values(), *self.outputs.values()))


def read_description(document: Mapping[str, Any]) -> Description:
    """Read the process description of OGC API - Processes, 1.0 or later."""
    inputs = [_described(key, each) for key, each in _members(document.get("inputs"))]
    outputs = [_described(key, each) for key, each in _members(document.get("outputs"))]
    names = python_names(each.id for each in inputs)
    return Description(
        id=str(document["id"]),
        name=python_name(str(document["id"]).rpartition(".")[2]),
        title=text(document.get("title")),
        description=text(document.get("description")),
        version=str(document.get("version", "")),
        inputs={names[each.id]: each for each in inputs},
        outputs={each.id: each for each in outputs},
        options=tuple(document.get("jobControlOptions") or ("sync-execute",)),
        document=document,
    )


def _members(described: Any) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Inputs or outputs by id; some servers still send the list of an early draft."""
    if isinstance(described, Mapping):
        return described.items()
    return [(str(each["id"]), each) for each in described or ()]


def _described(identifier: str, document: Mapping[str, Any]) -> Described:
    roles = {each.get("role"): each.get("title") for each in document.get("metadata") or ()}
    most = document.get("maxOccurs", 1)
    return Described(
        id=identifier,
        title=text(document.get("title")),
        description=text(document.get("description")),
        schema=document.get("schema") or {},
        stated_type=roles.get(TYPE_ROLE),
        unit=roles.get(UNIT_ROLE),
        is_required=int(document.get("minOccurs", 1)) > 0 and "default" not in (document.get("schema") or {}),
        is_many=most == "unbounded" or int(most) > 1,
    )


def text(said: Any) -> str:
    """A title or description; of several languages the first."""
    if isinstance(said, Mapping):
        return str(next(iter(said.values()), ""))
    return str(said or "").strip()


def python_name(identifier: str) -> str:
    """An id as a name that Python takes: ``zonal-mean`` is ``zonal_mean``, ``from`` is ``from_``."""
    name = re.sub(r"\W", "_", identifier)
    if not name or name[0].isdigit():
        name = f"_{name}"
    return f"{name}_" if keyword.iskeyword(name) else name


def python_names(identifiers: Iterable[str]) -> dict[str, str]:
    """The Python name of each id, all different; an id that is a name already keeps it."""
    identifiers = list(identifiers)
    names = {each: each for each in identifiers if python_name(each) == each}
    taken = set(names)
    for each in identifiers:
        name = python_name(each)
        while each not in names and name in taken:
            name += "_"
        names.setdefault(each, name)
        taken.add(names[each])
    return {each: names[each] for each in identifiers}
