"""pygeoapi inside our application has the configuration that it was given."""

from __future__ import annotations

import json
import os

from moorage_processes.configuration.configuration import read_configuration
from moorage_processes.ogc.pygeoapi_app import embedded_pygeoapi, pygeoapi_openapi

COLLECTION = {
    "type": "collection",
    "title": "Waves 🌊 at ${NO_SUCH_VARIABLE}",
    "description": "from 0x10 to 1e3: {yes, no}",
    "keywords": ["sea", "017"],
    "links": [],
    "extents": {"spatial": {"bbox": [0, 0, 1, 1]}},
    "providers": [],
}


def test_what_it_reads_is_what_it_was_given():
    document = json.loads(json.dumps(read_configuration(None).pygeoapi))
    document["resources"] = {"waves": COLLECTION}
    before = {name: os.environ.get(name) for name in ("PYGEOAPI_CONFIG", "PYGEOAPI_OPENAPI")}
    embedded = embedded_pygeoapi(document, pygeoapi_openapi(document))
    assert embedded.resources == {"waves": COLLECTION}
    assert {name: os.environ.get(name) for name in before} == before


def test_two_of_them_have_two_configurations():
    read = []
    for title in ("One", "Two"):
        document = json.loads(json.dumps(read_configuration(None).pygeoapi))
        document["resources"] = {"waves": COLLECTION | {"title": title}}
        read.append(embedded_pygeoapi(document, pygeoapi_openapi(document)).resources["waves"]["title"])
    assert read == ["One", "Two"]
