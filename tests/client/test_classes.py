"""Classes of a service are classes here: an object is made, and its methods are called."""

from __future__ import annotations

import inspect

import moorage
import pytest
from support.scripted_server import scripted

NUMBER = {"type": "number"}


def method(cls, name, constructor, inputs, site=""):
    roles = [("moorage:class", cls), ("moorage:method", name), *(("moorage:constructor", each) for each in constructor)]
    typed = [{"role": "moorage:type", "title": "builtins.float"}]
    return {
        "id": f"{site}{cls}-{name}",
        "version": "1",
        "title": f"To {name}",
        "metadata": [{"role": role, "title": title} for role, title in roles],
        "jobControlOptions": ["sync-execute"],
        "inputs": {
            each: {"schema": NUMBER if default is None else {**NUMBER, "default": default}, "metadata": typed}
            for each, default in inputs.items()
        },
        "outputs": {"result": {"schema": NUMBER, "metadata": typed}},
    }


MELT = method("sea-ice", "melt", ["area", "depth"], {"area": None, "depth": 1.5, "years": None})
UNIT = method("sea-ice", "unit", [], {})
AWAY = method("sea-ice", "freeze", ["area"], {"area": None}, site="awi.")


@pytest.fixture(scope="module")
def served():
    script = {f"GET /processes/{each['id']}": each for each in (MELT, UNIT, AWAY)}
    script |= {f"POST /processes/{each['id']}/execution": {"result": 3.0} for each in (MELT, UNIT, AWAY)}
    script["GET /processes"] = {"processes": [MELT, UNIT, AWAY], "links": []}
    with scripted(script) as server, moorage.connect(server.url) as hub:
        yield server, hub


def sent(server):
    return server.requests("POST")[-1].json()["inputs"]


def test_an_object_is_made_and_its_method_called(served):
    server, hub = served
    ice = hub.sea_ice(area=2.0)
    assert repr(ice) == "<sea_ice(area=2.0)>"
    ice.melt(3.0)
    assert sent(server) == {"area": 2.0, "years": 3.0}
    hub.sea_ice(2.0, depth=1.0).melt.submit(years=4.0)
    assert sent(server) == {"area": 2.0, "depth": 1.0, "years": 4.0}


def test_signatures_are_those_of_the_constructor_and_of_the_method(served):
    _, hub = served
    assert str(inspect.signature(hub.sea_ice)) == "(area: float, depth: float = 1.5)"
    assert str(inspect.signature(hub.sea_ice(1.0).melt)) == "(years: float) -> float"
    assert str(inspect.signature(hub.sea_ice(1.0).melt.select("result"))) == "(years: float) -> float"
    assert "To melt" in hub.sea_ice.__doc__


def test_a_method_may_be_called_as_the_process_that_it_is(served):
    server, hub = served
    hub.sea_ice.melt(area=1.0, years=2.0)
    assert sent(server) == {"area": 1.0, "years": 2.0}
    hub.sea_ice.unit()
    hub.sea_ice(1.0).unit()
    assert sent(server) == {}
    assert hub.sea_ice.melt is hub.sea_ice_melt


def test_a_class_of_a_site_is_found_there(served):
    server, hub = served
    hub.awi.sea_ice(area=5.0).freeze()
    assert sent(server) == {"area": 5.0}


def test_what_is_not_there_is_told_with_what_is(served):
    _, hub = served
    with pytest.raises(TypeError, match="sea_ice: missing a required argument: 'area'; it takes"):
        hub.sea_ice()
    with pytest.raises(AttributeError, match="sea_ice has no method 'grow'; it has melt, unit"):
        hub.sea_ice(1.0).grow()
    with pytest.raises(TypeError, match="melt: got an unexpected keyword argument 'area'; it takes .years"):
        hub.sea_ice(1.0).melt(1.0, area=2.0)
    assert {"sea_ice", "sea_ice_melt", "awi"} <= set(dir(hub))
    assert {"melt", "unit"} <= set(dir(hub.sea_ice(1.0)))
