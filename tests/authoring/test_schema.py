"""The schemas that leave are the standard's dialect, and say what the types say."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import PurePath
from typing import Annotated, Any, Literal, NewType

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from moorage.formats import Kind
from moorage.values import BBox, Media, Unit
from moorage_processes.authoring.annotation import UnservableError, read_annotation
from moorage_processes.authoring.json_values import plain
from moorage_processes.authoring.parameters import Input, Output
from moorage_processes.authoring.schema import DEPTHS, input_schema, output_schema
from moorage_processes.errors import InputError
from moorage_processes.ogc.requests.input_validation import OGCValidator
from pydantic import BaseModel, Field
from shapely import LinearRing, LineString, MultiPolygon, Point, Polygon
from support.paths import TESTS

DIALECT = Draft7Validator(json.loads((TESTS / "support" / "schema_dialect.json").read_text()))


class Season(enum.Enum):
    WINTER = "DJF"
    SUMMER = "JJA"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclass(frozen=True)
class Period:
    first: date
    last: date
    label: str | None = None


@dataclass
class Campaign:
    name: str
    periods: list[Period] = field(default_factory=list)
    depth: Annotated[float, Field(gt=0, le=11_000)] = 10.0


class Station(BaseModel):
    name: str = Field(min_length=1, title="Station name")
    height: float | None = None
    sort: Literal["buoy"] = "buoy"
    season: Season = Season.WINTER


Metres = NewType("Metres", float)

SCHEMAS = [
    (bool, {"type": "boolean"}),
    (int, {"type": "integer"}),
    (float, {"type": "number"}),
    (str, {"type": "string"}),
    (date, {"type": "string", "format": "date"}),
    (datetime, {"type": "string", "format": "date-time"}),
    (time, {"type": "string", "format": "time"}),
    (timedelta, {"type": "string", "format": "duration"}),
    (Metres, {"type": "number"}),
    (Literal["mean", "max"], {"type": "string", "enum": ["mean", "max"]}),
    (Literal["only"], {"type": "string", "enum": ["only"]}),
    (Literal[1, "a"], {"enum": [1, "a"]}),
    (Season, {"type": "string", "enum": ["DJF", "JJA"]}),
    (Level, {"type": "integer", "enum": [1, 2]}),
    (list[int], {"type": "array", "items": {"type": "integer"}}),
    (Sequence[float], {"type": "array", "items": {"type": "number"}}),
    (tuple[float, ...], {"type": "array", "items": {"type": "number"}}),
    (tuple[float, float], {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "number"}}),
    (
        tuple[str, float],
        {"type": "array", "minItems": 2, "maxItems": 2, "items": {"oneOf": [{"type": "string"}, {"type": "number"}]}},
    ),
    (set[str], {"type": "array", "uniqueItems": True, "items": {"type": "string"}}),
    (dict[str, Any], {"type": "object"}),
    (Mapping[str, float], {"type": "object", "additionalProperties": {"type": "number"}}),
    (str | dict[str, Any], {"oneOf": [{"type": "string"}, {"type": "object"}]}),
    (int | float, {"type": "number"}),
    (date | str, {"anyOf": [{"type": "string", "format": "date"}, {"type": "string"}]}),
    (Annotated[float, Field(ge=0)], {"type": "number", "minimum": 0}),
    (Annotated[float, Field(gt=0)], {"type": "number", "minimum": 0, "exclusiveMinimum": True}),
    (Annotated[float, Field(lt=1)], {"type": "number", "maximum": 1, "exclusiveMaximum": True}),
    (Annotated[float, Field(gt=0, ge=1)], {"type": "number", "minimum": 1}),
    (Annotated[float, Field(gt=1, ge=1)], {"type": "number", "minimum": 1, "exclusiveMinimum": True}),
    (Annotated[float | None, Field(ge=0)], {"type": "number", "minimum": 0}),
    (Annotated[int, Field(multiple_of=5)], {"type": "integer", "multipleOf": 5}),
    (Annotated[str, Field(pattern="^A$", max_length=3)], {"type": "string", "pattern": "^A$", "maxLength": 3}),
    (Annotated[str, Field(examples=["ABC"])], {"type": "string", "example": "ABC"}),
    (Annotated[list[int], Field(min_length=1)], {"type": "array", "minItems": 1, "items": {"type": "integer"}}),
    (list[float | None], {"type": "array", "items": {"type": "number", "nullable": True}}),
    (bytes, {"type": "string", "format": "byte", "contentMediaType": "application/octet-stream"}),
    (Annotated[bytes, Media("image/tiff")], {"type": "string", "format": "byte", "contentMediaType": "image/tiff"}),
]  # fmt: skip


@pytest.mark.parametrize(("annotation", "schema"), SCHEMAS, ids=lambda each: str(each)[:60])
def test_a_type_has_its_schema(annotation, schema):
    assert input_schema(read_annotation(annotation)) == schema


RICH = [
    Campaign, Station, list[Campaign], dict[str, Station], BBox, list[BBox], Point, Polygon | MultiPolygon, LinearRing,
    shapely.Geometry, shapely.GeometryCollection, list[Polygon], xr.DataArray, xr.Dataset, list[xr.DataArray],
    geopandas.GeoDataFrame, pd.DataFrame, Campaign | Station, list[Season] | None,
]  # fmt: skip


@pytest.mark.parametrize("annotation", [each for each, _ in SCHEMAS] + RICH, ids=lambda each: str(each)[:60])
def test_every_schema_is_the_standards_dialect(annotation):
    read = read_annotation(annotation)
    assert list(DIALECT.iter_errors(input_schema(read))) == []
    assert list(DIALECT.iter_errors(output_schema(read))) == []


def test_the_dialect_knows_what_is_foreign_to_it():
    for foreign in (
        {"const": 1}, {"type": ["string", "null"]}, {"type": "null"}, {"$ref": "#/$defs/A"}, {"exclusiveMinimum": 0},
        {"type": "array", "prefixItems": []}, {"properties": {"a": {"$defs": {}}}}, {"required": []},
    ):  # fmt: skip
        assert not DIALECT.is_valid(foreign)


def test_a_record_is_in_line_and_takes_its_own_fields_only():
    schema = input_schema(read_annotation(Campaign))
    assert schema == {
        "type": "object",
        "required": ["name"],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string"},
            "periods": {
                "type": "array",
                "items": {
                    "title": "Period",
                    "type": "object",
                    "required": ["first", "last"],
                    "additionalProperties": False,
                    "properties": {
                        "first": {"type": "string", "format": "date"},
                        "last": {"type": "string", "format": "date"},
                        "label": {"type": "string", "nullable": True, "default": None},
                    },
                },
            },
            "depth": {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 11000, "default": 10.0},
        },
    }


def test_a_missing_number_may_come_back_but_not_go_in():
    assert output_schema(read_annotation(list[float]))["items"] == {"type": "number", "nullable": True}
    assert input_schema(read_annotation(list[float]))["items"] == {"type": "number"}


def test_a_box_is_what_the_conformance_suite_looks_for():
    schema = input_schema(read_annotation(BBox))
    assert schema["allOf"][0] == {"format": "ogc-bbox"}
    assert OGCValidator(schema).is_valid(BBox(0, 1, 2, 3).to_json())
    assert not OGCValidator(schema).is_valid({"bbox": [1, 2, 3]})


@pytest.mark.parametrize(
    ("annotation", "types"),
    [
        (Polygon, ["Polygon"]),
        (LinearRing, ["LineString"]),
        (Polygon | MultiPolygon, ["Polygon", "MultiPolygon"]),
        (shapely.Geometry, [*DEPTHS, "GeometryCollection"]),
    ],
)
def test_a_geometry_names_the_types_of_geojson(annotation, types):
    schema = input_schema(read_annotation(annotation))
    assert schema["format"] == "geojson-geometry"
    assert schema["properties"]["type"] == {"type": "string", "enum": types}


def test_a_geometry_is_told_from_another_by_its_schema():
    schema = OGCValidator(input_schema(read_annotation(Polygon)))
    assert schema.is_valid(plain(shapely.box(0, 0, 1, 1)))
    assert not schema.is_valid(plain(Point(0, 0)))
    assert not schema.is_valid({"type": "Polygon", "coordinates": [[0, 0], [1, 1]]})


def test_files_are_told_by_media_type_and_the_default_comes_first():
    grid = read_annotation(xr.DataArray)
    written = [each["contentMediaType"] for each in output_schema(grid)["oneOf"]]
    assert written[0] == "application/x-netcdf"
    assert "image/png" in written
    read = input_schema(grid)["oneOf"]
    assert "image/png" not in [each["contentMediaType"] for each in read]
    assert all(each["format"] == "byte" for each in read)
    features = read_annotation(geopandas.GeoDataFrame)
    assert {"type": "object", "format": "geojson-feature-collection"} in input_schema(features)["oneOf"]


def test_rows_of_a_table_are_a_list_of_objects():
    written = {each["contentMediaType"]: each for each in output_schema(read_annotation(pd.DataFrame))["oneOf"]}
    assert written["application/json"] == {
        "type": "array",
        "items": {"type": "object"},
        "contentMediaType": "application/json",
    }
    assert {each["type"] for name, each in written.items() if name != "application/json"} == {"string"}


def test_what_stands_beside_a_type_is_read_wherever_it_stands():
    for annotation in (Annotated[float | None, Unit("m")], Annotated[float, Unit("m")] | None):
        read = read_annotation(annotation)
        assert (read.unit, read.nullable, read.type_name) == ("m", True, "builtins.float")
    inside = read_annotation(list[Annotated[xr.DataArray, Unit("K")]])
    assert (inside.many, inside.unit, inside.kind) == (True, "K", Kind.GRID)
    told = read_annotation(Annotated[int, Field(title="Count", description="how many"), Unit("1")])
    assert (told.title, told.description, told.unit) == ("Count", "how many", "1")


@dataclass
class Node:
    name: str
    children: list[Node] = field(default_factory=list)


class Tree(BaseModel):
    branches: list[Tree] = []


class Foreign:
    pass


@dataclass
class WithGrid:
    grid: xr.DataArray


REFUSED = [
    (Any, "says too little", "numbers"),
    (object, "object says too little", "numbers"),
    (pd.Series, "pandas.Series cannot travel", "pandas.DataFrame"),
    (PurePath, "PurePath cannot travel", "pathlib.Path"),
    (complex, "complex cannot travel", "two floats"),
    (Foreign, "Foreign cannot travel", "numbers"),
    (Sequence[Foreign], "Foreign cannot travel", "numbers"),
    (Node, "Node contains itself", "fixed depth"),
    (Tree, "Tree contains itself", "fixed depth"),
    (WithGrid, "xarray.DataArray lies inside another type", "of its own"),
    (dict[str, BBox], "moorage.BBox lies inside another type", "of its own"),
    (xr.DataArray | xr.Dataset, "mixes what travels", "choose one"),
    (str | Polygon, "mixes what travels", "choose one"),
    (Annotated[xr.DataArray, Field(ge=0)], "Field(...) sets bounds", "InputError"),
    (Annotated[list[Polygon], Field(min_length=2)], "Field(...) sets bounds", "InputError"),
]


@pytest.mark.parametrize(("annotation", "reason", "remedy"), REFUSED, ids=lambda each: str(each)[:50])
def test_a_type_that_cannot_travel_is_refused_with_a_remedy(annotation, reason, remedy):
    with pytest.raises(UnservableError) as refused:
        input_schema(read_annotation(annotation))
    assert reason in refused.value.reason
    assert remedy in refused.value.remedy


def as_input(annotation: Any) -> Input:
    read = read_annotation(annotation)
    return Input("x", "X", "", read.one, read.type_name, read.kind, read.many, input_schema(read), required=True)


def as_output(annotation: Any) -> Output:
    read = read_annotation(annotation)
    return Output("x", "X", "", read.one, read.type_name, read.kind, (), output_schema(read))


OFFSETS = st.sampled_from([None, UTC, timezone(timedelta(hours=2))])
FINITE = st.floats(allow_nan=False, allow_infinity=False)
PERIODS = st.builds(Period, st.dates(), st.dates(), st.none() | st.text())
VALUES = [
    (bool, st.booleans()),
    (int, st.integers()),
    (float, FINITE),
    (str, st.text()),
    (date, st.dates()),
    (datetime, st.datetimes(timezones=OFFSETS)),
    (time, st.times()),
    (timedelta, st.timedeltas(timedelta(days=-999_999), timedelta(days=999_999))),
    (Season, st.sampled_from(Season)),
    (Level, st.sampled_from(Level)),
    (Literal["a", 2], st.sampled_from(["a", 2])),
    (list[int], st.lists(st.integers())),
    (tuple[str, float], st.tuples(st.text(), FINITE)),
    (set[int], st.sets(st.integers())),
    (dict[str, list[float]], st.dictionaries(st.text(), st.lists(FINITE))),
    (Period, PERIODS),
    (Campaign, st.builds(Campaign, st.text(), st.lists(PERIODS), st.floats(0.5, 11_000))),
    (Station, st.builds(Station, name=st.text(min_size=1), height=st.none() | FINITE)),
    (str | dict[str, Any], st.text() | st.dictionaries(st.text(), st.integers() | st.text())),
    (BBox, st.builds(BBox, FINITE, st.floats(-90, 0), FINITE, st.floats(0, 90))),
    (Point, st.builds(Point, FINITE, FINITE)),
    (
        LineString,
        st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=2, unique=True).map(LineString),
    ),
    (Polygon, st.builds(lambda x, y, size: shapely.box(x, y, x + size, y + size), *[st.integers(1, 99)] * 3)),
]


@pytest.mark.parametrize(("annotation", "values"), VALUES, ids=lambda each: str(each)[:40])
@given(data=st.data())
def test_what_is_written_is_read_back_and_fits_the_schema(annotation, values, data):
    value = data.draw(values)
    document = json.loads(json.dumps(as_output(annotation).encode_value(value), allow_nan=False))
    declared = as_input(annotation)
    assert list(OGCValidator(declared.schema).iter_errors(document)) == []
    assert declared.decode_value(document) == value


WRONG = [
    (int, 1.5, "valid integer"),
    (int, "1", "valid integer"),
    (int, True, "valid integer"),
    (float, "long", "valid number"),
    (Annotated[float, Field(ge=0)], -1, "greater than or equal to 0"),
    (list[int], [1, "b"], "x[1]: input should be a valid integer"),
    (Campaign, {"name": "a", "depth": -1}, "x['depth']: input should be greater than 0"),
    (Season, "MAM", "'DJF' or 'JJA'"),
    (date, "yesterday", "date"),
    (float, float("nan"), "not finite"),
    (BBox, {"bbox": [0, 9, 1, 2]}, "south 9"),
    (BBox, [0, 1, 2, 3], "it takes {'bbox'"),
    (bytes, "no base64!", "it takes base64"),
    (bytes, 5, "it takes base64"),
    (Polygon, {"type": "Polygon"}, "GeoJSON"),
    (Polygon, {"type": "Point", "coordinates": [0, 0]}, "it takes a GeoJSON Polygon"),
    (Polygon, {"type": "Polygon", "coordinates": []}, "empty"),
    (Polygon, {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}, "Self-intersection[0.5"),
    (Polygon, "POINT (0 0)", "GeoJSON"),
]  # fmt: skip


@pytest.mark.parametrize(("annotation", "value", "words"), WRONG, ids=lambda each: str(each)[:40])
def test_a_wrong_value_is_refused_with_the_name_of_the_input(annotation, value, words):
    with pytest.raises(InputError) as refused:
        as_input(annotation).decode_value(value)
    assert refused.value.input == "x"
    assert words in refused.value.detail
    assert refused.value.detail.startswith("x")
    assert "pydantic" not in refused.value.detail


def test_a_whole_number_may_be_written_with_a_point():
    assert as_input(int).decode_value(2.0) == 2
    assert as_input(list[int]).decode_value([1, 2.0]) == [1, 2]


def test_a_ring_comes_back_as_a_ring():
    ring = LinearRing([(0, 0), (1, 0), (1, 1)])
    assert as_input(LinearRing).decode_value(as_output(LinearRing).encode_value(ring)).equals(ring)


def test_bytes_come_from_base64():
    assert as_input(bytes).decode_value("SUkqAA==") == b"II*\0"


PLAIN = [
    (float("nan"), None),
    (float("-inf"), None),
    (np.float32(0.5), 0.5),
    (np.float64("nan"), None),
    (np.int16(3), 3),
    (np.array(True), True),  # noqa: FBT003 - the value itself
    (np.array([[1.0, np.nan]]), [[1.0, None]]),
    (np.array(["a"]), ["a"]),
    (np.datetime64("2000-01-01"), "2000-01-01T00:00:00"),
    (np.array(["2000-01-01T06", "NaT"], "datetime64[ns]"), ["2000-01-01T06:00:00", None]),
    (np.timedelta64(36, "h"), "P1DT12H"),
    (pd.Timestamp("2000-01-01"), "2000-01-01T00:00:00"),
    (pd.NaT, None),
    (xr.DataArray(2.5), 2.5),
    (xr.DataArray([1, 2]), [1, 2]),
    ({"a": (1, {2})}, {"a": [1, [2]]}),
    ({Season.WINTER: 1, 5: 2}, {"DJF": 1, "5": 2}),
    (Level.HIGH, 2),
    (Period(date(2000, 1, 1), date(2000, 2, 1)), {"first": "2000-01-01", "last": "2000-02-01", "label": None}),
    (Point(1, 2), {"type": "Point", "coordinates": [1.0, 2.0]}),
]


@pytest.mark.parametrize(("value", "document"), PLAIN, ids=lambda each: repr(each)[:40])
def test_what_a_method_returns_becomes_plain_json(value, document):
    assert plain(value) == document
    assert json.loads(json.dumps(plain(value), allow_nan=False)) == document


@pytest.mark.parametrize("value", [object(), lambda: 1, Foreign(), np.array([1j]), 1j])
def test_what_has_no_json_form_is_told(value):
    with pytest.raises(TypeError, match="no JSON form"):
        plain(value)
