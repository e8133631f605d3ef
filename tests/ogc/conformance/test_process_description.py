"""Class ogc-process-description: every process says all that a client needs, in the standard's own dialect."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from exchange import get_json
from jsonschema import Draft4Validator
from standard import valid

GEOJSON_AND_BOX = {"geojson-feature-collection", "geojson-feature", "geojson-geometry", "ogc-bbox"}
"""The short codes of the standard's table."""
OPENAPI_FORMATS = {"byte", "binary", "date", "date-time", "time", "duration", "uri", "email", "uuid", "int32", "int64"}
"""What JSON Schema and OpenAPI 3.0 register."""


@pytest.fixture(scope="module")
def described(url: str, service_url: str) -> list[dict[str, Any]]:
    """Every process of two services: our methods, one of each kind, and those of the other tests."""
    return [
        get_json(f"{base}/processes/{each['id']}", "process")
        for base in (url, service_url)
        for each in get_json(f"{base}/processes?limit=10000", "processList")["processes"]
    ]


def inputs_and_outputs(process: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """All inputs and outputs of a process by name."""
    yield from process["inputs"].items()
    yield from process["outputs"].items()


def schemas(schema: Any) -> Iterator[dict[str, Any]]:
    """A schema and all inside it."""
    if isinstance(schema, dict):
        yield schema
        for each in schema.values():
            yield from schemas(each)
    if isinstance(schema, list):
        for each in schema:
            yield from schemas(each)


@pytest.mark.requirement("/req/ogc-process-description/json-encoding")
def test_every_description_is_valid(described):
    assert {"echo", "terrain", "every-type", "shout"} <= {each["id"] for each in described}
    for each in described:
        valid(each, "process")


@pytest.mark.requirement("/req/ogc-process-description/inputs-def", "/req/ogc-process-description/outputs-def")
def test_inputs_and_outputs_are_maps_by_id_in_the_order_of_the_method(described):
    found = {each["id"]: each for each in described}
    assert list(found["echo"]["inputs"]) == ["message", "pause", "count", "numbers", "bounds", "mixed", "image"]
    assert list(found["ramp"]["outputs"]) == ["grid", "mean", "table", "places"]
    assert found["fail"]["inputs"] in ({}, {"words": found["fail"]["inputs"].get("words")})
    for each in described:
        assert isinstance(each["inputs"], dict)
        assert each["outputs"]


@pytest.mark.requirement("/req/ogc-process-description/input-def", "/req/ogc-process-description/output-def")
def test_every_schema_is_of_the_dialect_and_can_be_used_to_validate(described):
    for each in described:
        for name, parameter in inputs_and_outputs(each):
            schema = valid(parameter["schema"], "schema")
            Draft4Validator.check_schema(schema)  # the nearest JSON Schema to OpenAPI 3.0's
            assert schema, f"{each['id']}: {name} has a schema that says nothing"
            assert "$ref" not in json.dumps(schema)


@pytest.mark.requirement("/req/ogc-process-description/input-def")
def test_the_default_of_an_input_is_a_value_it_takes(described):
    from moorage_processes.ogc.requests.input_validation import FORMATS, OGCValidator

    for each in described:
        for name, given in each["inputs"].items():
            if "default" in given["schema"]:
                faults = list(
                    OGCValidator(given["schema"], format_checker=FORMATS).iter_errors(given["schema"]["default"])
                )
                assert not faults, f"{each['id']}: {name}"
                assert given["minOccurs"] == 0


@pytest.mark.requirement("/req/ogc-process-description/input-mixed-type")
def test_the_types_of_a_mixed_input_stand_in_one_of_the_default_first(described):
    found = {each["id"]: each["inputs"] for each in described}
    assert found["echo"]["mixed"]["schema"]["oneOf"] == [{"type": "string"}, {"type": "object"}]
    features = found["count-features"]["features"]["schema"]["oneOf"]
    assert features[0]["format"] == "geojson-feature-collection"
    assert all("contentMediaType" in each for each in features[1:])
    assert [each["type"] for each in found["same"]["anything"]["schema"]["oneOf"]] == ["string", "number", "object"]


@pytest.mark.requirement("/req/ogc-process-description/output-mixed-type")
def test_the_types_of_a_mixed_output_stand_in_one_of_the_default_first(described):
    found = {each["id"]: each["outputs"] for each in described}
    assert found["ramp"]["grid"]["schema"]["oneOf"][0]["contentMediaType"] == "application/x-netcdf"
    media_types = [each.get("contentMediaType") for each in found["ramp"]["grid"]["schema"]["oneOf"]]
    assert len(media_types) == len(set(media_types)) > 1
    assert found["echo"]["mixed"]["schema"]["oneOf"] == [{"type": "string"}, {"type": "object"}]


@pytest.mark.requirement("/text/ogc-process-description/binary")
def test_binary_content_is_a_string_of_format_byte(described):
    found = {each["id"]: each["inputs"] for each in described}
    assert found["size-of"]["content"]["schema"]["format"] == "byte"
    for each in described:
        for name, given in each["inputs"].items():
            for schema in schemas(given["schema"]):
                if schema.get("type") == "string" and "contentMediaType" in schema:
                    assert schema.get("format") == "byte", f"{each['id']}: {name}"


@pytest.mark.requirement("/text/ogc-process-description/occurrences")
def test_occurrences_are_told_and_the_schema_describes_one(described):
    found = {each["id"]: each["inputs"] for each in described}
    outlines, boxes = found["count-outlines"]["outlines"], found["count-boxes"]["boxes"]
    assert (outlines["minOccurs"], outlines["maxOccurs"]) == (1, "unbounded")
    assert (boxes["minOccurs"], boxes["maxOccurs"]) == (0, "unbounded")
    assert outlines["schema"]["type"] == "object"
    numbers = found["echo"]["numbers"]
    assert (numbers["minOccurs"], numbers["maxOccurs"], numbers["schema"]["type"]) == (0, 1, "array")


@pytest.mark.requirement("/text/ogc-process-description/summary")
def test_a_process_says_how_it_is_executed_and_how_outputs_travel(described):
    options = {each["id"]: each["jobControlOptions"] for each in described}
    assert options["echo"] == ["sync-execute", "async-execute", "dismiss"]
    assert options["only-now"] == ["sync-execute"]
    assert options["only-later"] == ["async-execute", "dismiss"]
    for each in described:
        assert each["outputTransmission"] == ["value", "reference"]
        assert each["title"]
        assert each["version"]


@pytest.mark.requirement("/rec/ogc-process-description/format-key", "/rec/ogc-process-description/format-short-code")
def test_format_says_what_a_value_means_by_the_standards_short_codes(described):
    inputs = next(each["inputs"] for each in described if each["id"] == "every-type")
    said = {name: {each.get("format") for each in schemas(given["schema"])} for name, given in inputs.items()}
    assert "ogc-bbox" in said["box"]
    assert "geojson-geometry" in said["place"] & said["shape"]
    assert "geojson-feature-collection" in said["features"]
    assert {"date", "date-time", "duration"} <= said["day"] | said["moment"] | said["span"]


@pytest.mark.requirement("/rec/ogc-process-description/format-value-registration")
def test_no_format_is_used_that_is_not_registered(described):
    used = {
        schema["format"]
        for each in described
        for _, parameter in inputs_and_outputs(each)
        for schema in schemas(parameter["schema"])
        if isinstance(schema.get("format"), str)
    }
    assert used <= GEOJSON_AND_BOX | OPENAPI_FORMATS
