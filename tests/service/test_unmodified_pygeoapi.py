"""Our plugins in pygeoapi as it comes: listed, described, executed; kept, followed and dismissed by our manager.

What that server itself gets wrong is written beside the test that meets it, not worked around.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest
import requests
from serving import HELLO, unmodified

METHODS = Path(__file__).parents[1] / "bench" / "methods.py"
PLUGIN = "mooring_processes.ogc.plugin.Method"
OURS = {
    name: {"type": "process", "processor": {"name": PLUGIN, "function": function}}
    for name, function in {
        "hello": f"{METHODS}:hello",
        "echo": "mooring_processes.methods.echo:echo",
        "array": f"{METHODS}:array",
    }.items()
}
OLDEST = version("pygeoapi").startswith("0.21")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    with unmodified(tmp_path_factory.mktemp("plain"), HELLO | OURS) as service:
        yield service.url


@pytest.fixture(scope="module")
def managed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("managed")
    manager = {"name": "mooring_processes.ogc.manager.Manager", "connection": str(folder / "state"), "output_dir": "/"}
    with unmodified(folder, HELLO | OURS, manager=manager) as service:
        yield service.url


def execute(url: str, process: str, inputs: dict, **headers: str) -> requests.Response:
    """Post an execute request."""
    body = {"inputs": inputs}
    return requests.post(f"{url}/processes/{process}/execution", json=body, headers=headers, timeout=60)


@pytest.mark.parametrize("service", ["plain", "managed"])
def test_a_function_is_listed_and_described(service, request):
    url = request.getfixturevalue(service)
    listed = requests.get(f"{url}/processes?f=json", timeout=60).json()["processes"]
    assert {"hello-world", *OURS} == {process["id"] for process in listed}
    described = requests.get(f"{url}/processes/hello?f=json", timeout=60).json()
    assert described["inputs"]["name"]["schema"] == {"type": "string"}
    assert requests.get(f"{url}/processes/hello?f=html", timeout=60).status_code == 200
    assert requests.get(f"{url}/openapi?f=json", timeout=60).json()["paths"]["/processes/hello/execution"]


@pytest.mark.parametrize("service", ["plain", "managed"])
def test_a_function_is_executed(service, request):
    url = request.getfixturevalue(service)
    answer = execute(url, "hello", {"name": "Ada"})
    assert answer.status_code == 200
    assert "Hello Ada!" in answer.text
    grid = execute(url, "array", {"megabytes": 1})
    assert grid.headers["Content-Type"] == "application/x-netcdf"
    assert grid.content.startswith(b"\x89HDF")


@pytest.mark.parametrize("service", ["plain", "managed"])
def test_a_wrong_input_is_refused_in_our_words(service, request):
    """pygeoapi answers 400 whatever a processor raises, and frames the words in its own."""
    answer = execute(request.getfixturevalue(service), "hello", {"name": 5})
    assert answer.status_code == 400
    assert "name: 5 will not do; it takes text" in answer.text


def test_processes_of_others_go_on_working(managed):
    answer = execute(managed, "hello-world", {"name": "Ada"})
    assert "Hello Ada!" in answer.text


def test_a_job_is_kept_followed_and_removed(managed):
    answer = execute(managed, "echo", {"message": "teststring"}, Prefer="respond-async")
    assert answer.status_code == 201
    location = answer.headers["Location"]
    for _ in range(100):
        state = requests.get(f"{location}?f=json", timeout=60).json()
        if state["status"] == "successful":
            break
    assert (state["status"], state["processID"]) == ("successful", "echo")
    results = requests.get(f"{location}/results?f=json", timeout=60)
    assert "teststring" in results.text
    listed = requests.get(f"{managed}/jobs?f=json", timeout=60).json()["jobs"]
    assert location.rsplit("/", 1)[-1] in {job["jobID"] for job in listed}
    assert requests.delete(location, timeout=60).json()["status"] == "dismissed"
    assert requests.get(f"{location}?f=json", timeout=60).status_code == 404


def test_the_answer_to_a_job_that_was_accepted(managed):
    """0.21 sends what the manager gives, a whole statusInfo; later releases send three members of their own."""
    state = execute(managed, "echo", {"message": "a"}, Prefer="respond-async").json()
    assert state["status"] == "accepted"
    assert ("processID" in state) is OLDEST
