"""A process is a function: it has a signature, a docstring, and arguments that must fit."""

from __future__ import annotations

import inspect
import pydoc
import rlcompleter
from datetime import date
from typing import Any, Literal, get_args

import moorage
import pytest
from moorage.description import python_name, python_names
from moorage.signature import Named, type_of_schema
from moorage.values import RESERVED_IDS
from support.scripted_server import Answer, scripted


def described(schema, python=None, unit=None, **more):
    """An input or output."""
    roles = {"moorage:type": python, "moorage:unit": unit}
    metadata = [{"role": role, "title": title} for role, title in roles.items() if title]
    return {"schema": schema, **({"metadata": metadata} if metadata else {}), **more}


NETCDF = {"type": "string", "contentMediaType": "application/x-netcdf"}
MOORED = {
    "title": "Days per year on which discharge exceeds a threshold.",
    "description": "Days per year on which discharge exceeds a threshold.\n\nCounted inside a catchment.",
    "inputs": {
        "discharge": described(NETCDF, "xarray.DataArray", "m3 s-1", description="daily river discharge"),
        "catchment": described({"type": "object"}, "shapely.Polygon", description="outline"),
        "threshold": described(
            {"type": "number", "default": 500.0, "minimum": 0, "exclusiveMinimum": True},
            "builtins.float",
            "m3 s-1",
            minOccurs=0,
        ),
        "season": described({"type": "string", "enum": ["DJF", "JJA"], "default": "DJF"}, "builtins.str", minOccurs=0),
        "since": described({"type": "string", "format": "date"}, "datetime.date", minOccurs=0),
    },
    "outputs": {
        "days": described(NETCDF, "xarray.DataArray", "d", description="days per year"),
        "count": described({"type": "integer"}, "builtins.int"),
    },
}
FOREIGN = {"inputs": {"late": described({"type": "integer"}, minOccurs=0), "class": described({"type": "string"})}}


@pytest.fixture
def moored():
    with scripted({"POST /processes/flood-days/execution": {"count": 3}}, **{**MOORED, "id": "flood-days"}) as service:
        yield moorage.connect(service.url), service


def test_its_signature_is_that_of_the_method(moored):
    hub, _ = moored
    assert str(inspect.signature(hub.flood_days)) == (
        "(discharge: xarray.DataArray | str, catchment: shapely.Polygon, threshold: float = 500.0, "
        "season: Literal['DJF', 'JJA'] = 'DJF', since: datetime.date | None = None) -> FloodDays(days, count)"
    )


def test_its_name_and_docstring_are_those_of_a_function(moored):
    hub, _ = moored
    assert callable(hub.flood_days)
    assert hub.flood_days.__name__ == "flood_days"
    shown = pydoc.plain(pydoc.render_doc(hub.flood_days))
    for words in (
        "flood_days(",
        "discharge: xarray.DataArray | str, ",
        "Counted inside a catchment.",
        "discharge : xarray.DataArray | str\n        Daily river discharge. Unit: m3 s-1.",
        "threshold : float, default 500.0\n        More than 0. Unit: m3 s-1.",
        "since : datetime.date | None, optional",
        "days : xarray.DataArray\n        Days per year. Unit: d.",
        "Process 'flood-days' 1 at http://",
    ):
        assert words.lower() in shown.lower().replace(",\n", ", ")


def test_arguments_may_be_given_by_position_where_the_order_is_promised(moored):
    hub, service = moored
    assert hub.flood_days("danube", {"type": "Polygon", "coordinates": []}, 5) == (None, 3)
    inputs = service.requests("POST")[0].json()["inputs"]
    assert inputs == {
        "discharge": "danube",
        "catchment": {"value": {"type": "Polygon", "coordinates": []}},
        "threshold": 5,
    }


def test_only_what_is_given_is_sent(moored):
    hub, service = moored
    hub.flood_days("danube", catchment="c", since=None, season="JJA")
    assert set(service.requests("POST")[0].json()["inputs"]) == {"discharge", "catchment", "season"}


@pytest.mark.parametrize(
    ("arguments", "named", "words"),
    [
        (("danube",), {}, "missing a required argument: 'catchment'"),
        (("danube", "c"), {"treshold": 5}, "unexpected keyword argument 'treshold'"),
        ((1, 2, 3, 4, 5, 6), {}, "too many positional arguments"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_before_anything_is_sent(moored, arguments, named, words):
    hub, service = moored
    with pytest.raises(TypeError, match=f"flood_days: .*{words}.*discharge, catchment, threshold=500.0"):
        hub.flood_days(*arguments, **named)
    assert not service.requests("POST")


def test_where_no_order_is_promised_arguments_are_named():
    with scripted({"POST /processes/p/execution": {"y": 1}}, **FOREIGN) as service:
        process = moorage.connect(service.url).p
        assert str(inspect.signature(process)) == "(*, class_: str, late: int | None = None) -> Any"
        with pytest.raises(TypeError, match="too many positional"):
            process("a")
        process(class_="a")
        assert service.requests("POST")[0].json()["inputs"] == {"class": "a"}


def test_several_outputs_are_a_named_tuple(moored):
    hub, _ = moored
    result = hub.flood_days("danube", "c")
    assert repr(result) == "FloodDays(days=None, count=3)"
    assert str(inspect.signature(hub.flood_days.select("count"))).endswith("-> int")


def test_it_shows_itself(moored):
    hub, _ = moored
    assert "flood_days(discharge, catchment, threshold=500.0" in repr(hub.flood_days)
    card = hub.flood_days._repr_html_()
    for words in ("threshold", "m3 s-1", "xarray.DataArray", "count"):
        assert words in card
    assert "flood-days" in repr(hub)
    assert "flood_days" in hub._repr_html_()


def test_what_a_service_says_cannot_be_markup():
    evil = "<script>alert(1)</script>"
    inputs = {evil: described({"type": "string", "default": evil}, title=evil, description=evil)}
    with scripted({"GET /": {"title": evil}}, title=evil, description=evil, inputs=inputs) as service:
        hub = moorage.connect(service.url)
        for card in (hub._repr_html_(), hub.p._repr_html_()):
            assert "<script>" not in card


# -- types --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "annotation"),
    [
        ({"type": "integer"}, int),
        ({"type": "string", "format": "date"}, date),
        ({"type": "array", "items": {"type": "array", "items": {"type": "number"}}}, list[list[float]]),
        ({"type": "boolean", "nullable": True}, bool | None),
        ({"oneOf": [{"type": "string"}, {"type": "object"}]}, Named("str | dict")),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, Named("list[Literal['a', 'b']]")),
        ({}, Any),
    ],
)
def test_a_schema_is_told_as_a_type(schema, annotation):
    assert type_of_schema(schema) == annotation


def test_an_enumeration_is_told_by_its_values():
    found = type_of_schema({"type": "string", "enum": ["a", "b"]})
    assert found == Literal["a", "b"]
    assert get_args(found) == ("a", "b")


# -- names --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identifier", "name"),
    [("zonal-mean", "zonal_mean"), ("from", "from_"), ("2d", "_2d"), ("größe", "größe"), ("a b/c", "a_b_c"), ("", "_")],
)
def test_ids_become_names(identifier, name):
    assert python_name(identifier) == name


def test_names_are_all_different():
    assert python_names(["a-b", "a_b", "a.b"]) == {"a-b": "a_b_", "a_b": "a_b", "a.b": "a_b__"}


def hub_of(*identifiers):
    """A service with these processes."""
    script = {"GET /processes": {"processes": [{"id": each, "title": each.upper()} for each in identifiers]}}
    for each in identifiers:
        script[f"GET /processes/{each}"] = {"id": each, "inputs": {}, "outputs": {}}
    return scripted(script)


def test_every_process_is_found_by_its_id_and_as_an_attribute():
    with hub_of("zonal-mean", "awi.trend", "awi.sea-ice.extent", "jobs", "import", "2d", "awi-trend") as service:
        hub = moorage.connect(service.url)
        assert len(hub) == 7
        assert list(hub)[:3] == ["zonal-mean", "awi.trend", "awi.sea-ice.extent"]
        assert hub.zonal_mean is hub["zonal-mean"] is hub.process("zonal-mean")
        assert hub.awi.trend.id == "awi.trend"
        assert hub.awi.sea_ice.extent.id == "awi.sea-ice.extent"
        assert hub.import_.id == "import"
        assert hub._2d.id == "2d"
        assert hub.awi_trend.id == "awi-trend"
        assert hub["jobs"].id == "jobs"
        assert callable(hub.jobs)
        assert "awi.trend" in hub
        assert {"zonal_mean", "awi", "import_", "jobs"} <= set(dir(hub))
        assert {"trend", "sea_ice"} <= set(dir(hub.awi))
        assert hub.processes["awi.trend"] == "AWI.TREND"
        assert hub.describe("awi.trend")["id"] == "awi.trend"
        assert hub.awi.trend.__name__ == "trend"


def test_a_name_that_is_nearly_right_is_answered_with_the_right_one():
    with hub_of("zonal-mean", "awi.trend") as service:
        hub = moorage.connect(service.url)
        with pytest.raises(AttributeError, match="did you mean zonal_mean"):
            hub.zonal_men  # noqa: B018 - the attribute is the point
        with pytest.raises(AttributeError, match="did you mean awi.trend"):
            hub.awi.trent  # noqa: B018 - the attribute is the point
        assert not hasattr(hub, "_repr_png_")


def test_a_process_that_came_after_the_connection_is_found_by_its_id():
    with hub_of("a") as service:
        hub = moorage.connect(service.url)
        service.script["GET /processes/b"] = {"id": "b"}
        assert hub["b"].id == "b"


def test_processes_complete_at_the_prompt():
    with hub_of("zonal-mean") as service:
        completer = rlcompleter.Completer({"hub": moorage.connect(service.url)})
        assert completer.complete("hub.zo", 0).startswith("hub.zonal_mean(")


def test_reserved_ids_are_the_attributes_of_a_service():
    assert {name for name in dir(moorage.Service) if not name.startswith("_")} == RESERVED_IDS


def test_a_service_in_several_languages_and_an_early_list_of_inputs_are_read():
    inputs = [{"id": "x", "schema": {"type": "number"}, "title": {"en": "Ex"}}]
    with scripted({"POST /processes/p/execution": Answer({"y": 1})}, inputs=inputs, title={"en": "Pe"}) as service:
        hub = moorage.connect(service.url)
        assert hub.p(x=1) == 1
        assert "Pe" in hub.p.__doc__
