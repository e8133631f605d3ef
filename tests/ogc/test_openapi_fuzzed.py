"""Whatever is asked, by the OpenAPI document or against it, is answered as the document says."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import FailureGroup, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from support.paths import AUTHOR_MODULES
from support.samples import sea_surface
from support.service_client import ServiceClient, identifier
from support.services import Running, serve
from test_openapi import collection

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
DATA = frozenset({"/collections/sea-surface/coverage", "/collections/places/items"})
CHECKS_OF_DATA = [check for check in CHECKS if check is not not_a_server_error]
"""pygeoapi's own views answer 500 with type InvalidParameterValue where a bbox has too few numbers or a crs is none."""
EXAMPLES = int(os.environ.get("MOORAGE_FUZZ") or (15 if os.environ.get("MOORAGE_DEEP") else 5))
"""Requests to each operation and mode; MOORAGE_DEEP=1 asks for 15, MOORAGE_FUZZ=500 by hand for more."""
PICTURED = 4
"""Which of the jobs has a grid among its results."""
TOWNS = """{"type": "FeatureCollection", "features": [{"type": "Feature", "id": 1,
"properties": {"name": "a"},
"geometry": {"type": "Point", "coordinates": [8, 53]}}]}"""
DATASETS = {"grid": "sea", "features": "towns"}
FEATURES = {"type": "feature", "name": "GeoJSON", "id_field": "id"}
AXES = {"x_field": "lon", "y_field": "lat", "time_field": "time"}
NETCDF = {"name": "netcdf", "mimetype": "application/x-netcdf"}
COVERAGE = {"type": "coverage", "name": "xarray", **AXES, "format": NETCDF}
NEVER_GOOD = frozenset({"execute-refuse", "execute-refuse-by-query", "getCQL2PlacesFeatures"})
"""The last is of pygeoapi 0.24, which describes it for providers that do not take it too."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service whose methods are done at once, with a dataset."""
    folder = tmp_path_factory.mktemp("small")
    sea_surface().to_netcdf(folder / "sea.nc")
    modules = [str(AUTHOR_MODULES / "methods_small.py"), "moorage_processes.methods.echo"]
    (folder / "towns.geojson").write_text(TOWNS)
    named = {"sea": {"path": "sea.nc", "variable": "sst"}, "towns": {"path": "towns.geojson", "kind": "features"}}
    resources = {"places": collection(FEATURES | {"data": str(folder / "towns.geojson")})}
    resources["sea-surface"] = collection(COVERAGE | {"data": str(folder / "sea.nc")})
    settled = {"installed": False, "queue": 10_000, "drafts": True}
    with serve(folder, modules, datasets=named, resources=resources, moorage=settled) as service:
        yield service


@dataclass
class Answers:
    """What came back from one service, and what was wrong with it."""

    url: str
    jobs: list[str]
    good: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def ask(self, case: Any, job: str | None) -> None:
        """Send one request; about a process, a dataset and, where one is given, a job that are here."""
        if job is not None:
            self._inform(case, job)
        response = case.call(timeout=60)
        if response.status_code < 400:
            self.good[case.operation.definition.raw["operationId"]] += 1
        case.validate_response(response, checks=CHECKS_OF_DATA if case.operation.path in DATA else CHECKS)

    def _inform(self, case: Any, job: str) -> None:
        """Put names of what is here where chance would never find them."""
        removes = case.operation.method.lower() == "delete"
        known = {
            "featureId": "1",
            "jobID": identifier(ServiceClient(self.url).submit("echo", message="x")) if removes else job,
            "processID": "echo",
            "outputID": "message",
        }
        if case.operation.definition.raw["operationId"] == "look":
            # few outputs have a picture
            known |= {"jobID": self.jobs[PICTURED], "outputID": "field"}
        for name in case.path_parameters or {}:
            case.path_parameters[name] = known[name]
        if "processID" in (case.path_parameters or {}) and case.operation.path.endswith("/execution"):
            case.query = {"message": "x"} if case.operation.method.lower() == "get" else case.query
            case.body = {"inputs": {"message": "x"}} if case.operation.method.lower() == "post" else case.body
        for parameter in case.operation.definition.raw["parameters"]:
            if parameter.get("name") == "coords":
                case.query = {"coords": parameter["example"]}
        if case.operation.path.endswith("/cube"):
            case.query = {"bbox": "8,53,90,60"}
        inputs = case.body.get("inputs") if isinstance(case.body, dict) else None
        for named in (inputs, case.query):
            for name in (named or {}).keys() & {"grid", "features"} if isinstance(named, dict) else ():
                named[name] = DATASETS[name]
                named.pop(f"{name}[href]", None)


@pytest.fixture(scope="module")
def jobs(small: Running) -> Iterator[list[str]]:
    """One job of each kind there is."""
    client, box = ServiceClient(small.url), {"bbox": [0, 0, 1, 1]}
    done = [
        client.submit("echo", message="x"),
        client.submit("echo", {"outputs": {"message": {}}}, message="x"),
        client.submit("echo", {"outputs": {"message": {"transmissionMode": "reference"}}}, message="x"),
        client.submit("refuse"),
        client.submit("parts", bounds=box),
        client.submit("parts", {"outputs": {"raw": {}}}, bounds=box),
        client.submit("parts", {"response": "document"}, bounds=box),
    ]
    for job in done:
        client.done(job)
    running, dismissed = (client.submit("linger", pause=600) for _ in range(2))
    client.dismiss(dismissed)
    yield [identifier(job) for job in (*done, running, dismissed)]
    client.dismiss(running)


def bounded(case: Any) -> Any:
    """The same request where the wait is none: only the length of the test would show it."""
    inputs = case.body.get("inputs") if isinstance(case.body, dict) else None
    for named in (inputs, case.query):
        if isinstance(named, dict):
            # as it is, or qualified
            for holder, name in ((named, "pause"), (named.get("pause"), "value")):
                if isinstance(holder, dict) and isinstance(holder.get(name), int | float):
                    holder[name] = min(holder[name], 0)
    return case


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["good", "bad"])
def test_every_request_is_answered_as_described(small, jobs, mode):
    schema = schemathesis.openapi.from_url(f"{small.url}/openapi?f=json")
    answers = Answers(small.url, jobs)
    for each in schema.get_all_operations():
        operation = each.ok()

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=True,
        )
        @given(case=operation.as_strategy(mode).map(bounded), job=st.sampled_from([None, *jobs]))
        def ask(case, job):
            answers.ask(case, job)

        try:
            ask()
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE, operation.label
        except (FailureGroup, Exception) as error:  # noqa: BLE001 - all that is wrong is told at once
            answers.wrong.append(f"{operation.label}: {error}")
    assert not answers.wrong, "\n\n".join(answers.wrong)
    if mode is GenerationMode.POSITIVE:
        described = {each.ok().definition.raw["operationId"] for each in schema.get_all_operations()}
        assert described - set(answers.good) <= NEVER_GOOD
