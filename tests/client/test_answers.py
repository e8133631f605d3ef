"""Outputs arrive in whichever shape of the standard a service chooses."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, timedelta
from math import isnan

import moorage
import pytest
from moorage import BBox, ResultError
from support.scripted_server import JSON, Answer, scripted

TWO = {"a": {"schema": {"type": "number"}}, "b": {"schema": {"type": "string", "contentMediaType": "text/plain"}}}
ONE = {"y": {"schema": {"type": "string"}}}


def called(answer, outputs=TWO, select=(), **more):
    """What a call gives when the service answers so."""
    script = {"POST /processes/p/execution": answer, **more}
    with scripted(script, outputs=outputs) as service:
        process = moorage.connect(service.url).p
        return (process.select(*select) if select else process)()


def test_one_raw_value():
    assert called(Answer("words"), ONE) == "words"
    assert called(Answer(b"words", headers={"Content-Type": "text/plain; charset=utf-8"}), ONE) == "words"


def test_a_document_of_values():
    assert called({"a": 1.5, "b": "words"}) == (1.5, "words")


def test_a_document_of_qualified_values_and_links():
    document = {"a": {"value": 1.5, "mediaType": JSON}, "b": {"href": "/files/b", "type": "text/plain"}}
    there = {"GET /files/b": Answer(b"words", headers={"Content-Type": "text/plain"})}
    assert called(document, **there) == (1.5, "words")


def test_a_document_of_encoded_content():
    content = base64.b64encode(b"\x89PNG").decode()
    outputs = {"y": {"schema": {"type": "string", "format": "byte", "contentMediaType": "image/png"}}, **TWO}
    for member in (content, {"value": content, "mediaType": "image/png", "encoding": "base64"}):
        result = called({"a": 1, "b": "", "y": member}, outputs)
        assert result.y.read_bytes() == b"\x89PNG"
        assert result.y.media_type == "image/png"


def test_several_parts():
    body = (
        b"--x\r\nContent-Type: application/json\r\nContent-ID: a\r\n\r\n1.5\r\n"
        b"--x\r\nContent-Type: text/plain\r\nContent-ID: <b>\r\nContent-Location: /files/b\r\n\r\n\r\n--x--"
    )
    there = {"GET /files/b": Answer(b"words", headers={"Content-Type": "text/plain"})}
    answer = Answer(body, headers={"Content-Type": "multipart/related; boundary=x"})
    assert called(answer, **there) == (1.5, "words")


@pytest.mark.parametrize("rels", [("a", "b"), ("item", "item")])
def test_nothing_but_links(rels):
    links = ", ".join(f'</files/{name}>; rel="{rel}"' for name, rel in zip("ab", rels, strict=True))
    there = {
        "GET /files/a": Answer("1.5"),
        "GET /files/b": Answer(b"words", headers={"Content-Type": "text/plain"}),
    }
    assert called(Answer(b"", 204, {"Link": f'</jobs/1>; rel="monitor", {links}'}), **there) == ("1.5", "words")


def test_shapes_of_pygeoapi():
    assert called({"id": "y", "value": "words"}, ONE) == "words"
    assert called({"outputs": [{"id": "a", "value": 1}, {"id": "b", "value": "c"}]}) == (1, "c")


def test_an_output_that_is_left_out_is_none():
    assert called({"a": 1.5}) == (1.5, None)
    assert called(Answer(b"", 204), ONE) is None


def test_only_the_outputs_that_are_wanted_are_asked_for():
    script = {"POST /processes/p/execution": Answer(2.5)}
    with scripted(script, outputs=TWO) as service:
        assert moorage.connect(service.url).p.select("a")() == 2.5
        (request,) = service.requests("POST")
        assert request.json() == {"inputs": {}, "outputs": {"a": {}}, "response": "raw"}


def test_outputs_may_be_named_as_python_names_them():
    outputs = {"mean-value": {"schema": {"type": "number"}}, "b": {"schema": {}}}
    assert called(Answer(2.5), outputs, select=["mean_value"]) == 2.5


def test_an_unknown_output_or_format_is_refused_before_anything_is_sent():
    grid = {"g": {"schema": {"type": "string", "contentMediaType": "application/x-netcdf"}}}
    with scripted({}, outputs=grid) as service:
        process = moorage.connect(service.url).p
        with pytest.raises(ValueError, match="has no output 'h'; it has g"):
            process.select("h")
        with pytest.raises(ValueError, match="netcdf"):
            process.select(g="papyrus")
        assert not service.requests("POST")


def test_what_is_not_the_outputs_is_refused():
    with pytest.raises(ResultError, match="a, b"):
        called({"c": 1})
    with pytest.raises(ResultError, match="not with JSON"):
        called(Answer(b"{", headers={"Content-Type": JSON}))


def moored(python, **schema):
    """An output whose type the service names."""
    return {"y": {"schema": schema, "metadata": [{"role": "moorage:type", "title": python}]}}


@pytest.mark.parametrize(
    ("output", "document", "value"),
    [
        (moored("builtins.dict", type="object"), {"y": 1}, {"y": 1}),
        (moored("datetime.date", type="string", format="date"), "2000-02-29", date(2000, 2, 29)),
        (moored("datetime.timedelta", type="string", format="duration"), "P1DT2H0.5S", timedelta(1, 7200.5)),
        (
            moored("builtins.list", type="array", items={"type": "string", "format": "date"}),
            ["2000-01-01"],
            [date(2000, 1, 1)],
        ),
        (
            moored("datetime.datetime", type="string", format="date-time"),
            "2000-01-01T12:00:00Z",
            datetime(2000, 1, 1, 12, tzinfo=UTC),
        ),
        (moored("moorage.BBox", type="object"), {"bbox": [1, 2, 3, 4]}, BBox(1, 2, 3, 4)),
        (moored("builtins.str", type="string", format="date"), "no date", "no date"),
    ],
)
def test_values_are_of_the_type_promised(output, document, value):
    assert called(Answer(document), output) == value


def test_missing_numbers_are_nan():
    assert isnan(called(Answer(b"null"), moored("builtins.float", type="number", nullable=True)))
    numbers = called(
        Answer([1, None]), moored("builtins.list", type="array", items={"type": "number", "nullable": True})
    )
    assert numbers[0] == 1
    assert isnan(numbers[1])


def test_bytes_are_bytes():
    output = moored("builtins.bytes", type="string", format="byte", contentMediaType="image/tiff")
    assert called(Answer(b"II*\0", headers={"Content-Type": "image/tiff"}), output) == b"II*\0"
    json_bytes = moored("builtins.bytes", type="string", format="byte", contentMediaType=JSON)
    assert called(Answer(b'{"a": 1}', headers={"Content-Type": JSON}), json_bytes) == b'{"a": 1}'


def test_a_broken_box_is_refused():
    with pytest.raises(ResultError, match="'y' is not a bounding box"):
        called(Answer({"bbox": [1]}), moored("moorage.BBox", type="object"))


def test_geojson_is_read_as_features_or_as_a_geometry():
    pytest.importorskip("geopandas", reason="the light client has no features")
    point = {"type": "Point", "coordinates": [1.0, 2.0]}
    features = {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": {"n": 1}, "geometry": point}],
    }
    geojson = {"Content-Type": "application/geo+json"}
    described = {"type": "string", "contentMediaType": "application/geo+json"}
    for output in ({"y": {"schema": described}}, moored("geopandas.GeoDataFrame", **described)):
        frame = called(Answer(features, headers=geojson), output)
        assert frame["n"].tolist() == [1]
        assert frame.geometry[0].y == 2
    assert called(Answer(point, headers=geojson), moored("shapely.Point", **described)).x == 1


def test_a_grid_comes_as_the_type_that_is_named(tmp_path):
    xr = pytest.importorskip("xarray", reason="the light client has no grids")
    field = xr.DataArray([[1.0, 2.0]], dims=("y", "x"), name="t", attrs={"units": "K"})
    field.to_netcdf(tmp_path / "t.nc")
    answer = Answer((tmp_path / "t.nc").read_bytes(), headers={"Content-Type": "application/x-netcdf"})
    schema = {"type": "string", "contentMediaType": "application/x-netcdf"}
    assert called(answer, moored("xarray.DataArray", **schema)).identical(field)
    assert called(answer, {"y": {"schema": schema}}).identical(field.to_dataset())
    broken = Answer(b"\x89HDF\r\n\x1a\n" + b"\0" * 100, headers={"Content-Type": "application/x-netcdf"})
    with pytest.raises(ResultError, match="'y' cannot be read"):
        called(broken, moored("xarray.DataArray", **schema))


def test_a_picture_shows_itself_in_a_notebook_and_can_be_saved(tmp_path):
    picture = called(Answer(b"\x89PNG", headers={"Content-Type": "image/png"}), ONE)
    assert picture._repr_mimebundle_()["image/png"] == base64.b64encode(b"\x89PNG").decode()
    assert picture.save(tmp_path / "map.png").read_bytes() == b"\x89PNG"
    assert "image/png" in repr(picture)
    place = picture.path
    del picture
    assert not place.exists()
