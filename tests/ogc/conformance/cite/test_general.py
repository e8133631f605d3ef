"""Tests 1 to 4 of the compliance suite: HTTP, landing page and conformance."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

from exchange import get, get_json
from standard import RELATIONS


def test_01_http(url):
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request("GET", "/")
    assert connection.getresponse().version == 11
    connection.close()


def test_02_landing_page_retrieval(url):
    assert get(f"{url}/", Accept="application/json").status_code == 200


def test_03_landing_page_validation(url):
    rels = {link.get("rel") for link in get_json(f"{url}/", "landingPage")["links"]}
    assert rels & {"service-desc", "service-doc"}
    for name in ("conformance", "processes"):
        assert rels & {name, f"{RELATIONS}{name}"}


def test_04_conformance_operation_and_response(url):
    declared = get_json(f"{url}/conformance", "confClasses")["conformsTo"]
    assert "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/core" in declared
