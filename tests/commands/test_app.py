"""An application is made from the configuration given at the call, and knows of no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from moorage_processes.app import create_app, service_of
from moorage_processes.configuration.configuration import ConfigurationError, read_configuration
from moorage_processes.errors import ServingError
from support.waiting import eventually

BENCH = str(Path(__file__).parents[1] / "bench" / "methods.py")


@pytest.fixture(scope="module")
def apps(tmp_path_factory):
    """Two services in this process: one with a method of its own, one with a dataset and a title of its own."""
    folder = tmp_path_factory.mktemp("apps")
    (folder / "two.yml").write_text("datasets: {sea: sea.nc}\nmoorage: {installed: true}\n")
    first = read_configuration(None, modules=[BENCH], port=5001, state=folder / "one")
    second = read_configuration(folder / "two.yml", port=5002, state=folder / "two")
    made = [create_app(first), create_app(second)]
    yield made
    for app in made:
        service_of(app).close(stop_supervisor=True)


def test_two_configurations_live_in_one_process(apps):
    one, two = (app.test_client() for app in apps)
    assert "hello" in {process["id"] for process in one.get("/processes").json["processes"]}
    assert "hello" not in {process["id"] for process in two.get("/processes").json["processes"]}
    for client, port in ((one, 5001), (two, 5002)):
        links = client.get("/", headers={"Accept": "application/json"}).json["links"]
        assert any(link["href"] == f"http://localhost:{port}/processes" for link in links)
    inputs = {"inputs": {"dem": "nothing"}}
    told = [client.post("/processes/terrain/execution", json=inputs).json["detail"] for client in (one, two)]
    assert told[0].endswith("this service has: none")
    assert told[1].endswith("this service has: sea")


def test_calls_and_jobs_run_in_both(apps):
    for app in apps:
        client = app.test_client()
        body = {"inputs": {"message": "a"}, "outputs": {"message": {}}}
        assert client.post("/processes/echo/execution", json=body).json == "a"
        accepted = client.post("/processes/echo/execution", json=body, headers={"Prefer": "respond-async"})
        job = f"/jobs/{accepted.json['jobID']}"
        eventually(lambda client=client, job=job: client.get(job).json["status"] == "successful")
        assert client.get(f"{job}/results").json == "a"


def test_methods_that_cannot_be_served_stop_it_with_file_line_and_remedy(tmp_path):
    (tmp_path / "poor.py").write_text("from moorage_processes import process\n\n\n@process\ndef f(a):\n    return a\n")
    with pytest.raises(ServingError, match=r"poor\.py:5: f: .*a.*"):
        create_app(read_configuration(None, modules=[str(tmp_path / "poor.py")], state=tmp_path))


def test_callbacks_are_signed_with_the_secret_of_the_file_that_is_named(tmp_path):
    (tmp_path / "secret").write_text("a secret of several machines\n")
    (tmp_path / "site.yml").write_text(f"moorage: {{installed: false, callback_secret_file: {tmp_path}/secret}}\n")
    app = create_app(read_configuration(tmp_path / "site.yml", state=tmp_path / "state"))
    assert service_of(app).callbacks.secret == "a secret of several machines"  # noqa: S105 - of this test


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("callback_secret_file: /nowhere/secret", "callback_secret_file: /nowhere/secret cannot be read"),
        ("callback_secret_file: /dev/null", "callback_secret_file: /dev/null holds less than 16 characters"),
    ],
)
def test_settings_of_callbacks_that_will_not_do_are_named(tmp_path, setting, words):
    (tmp_path / "site.yml").write_text(f"moorage: {{installed: false, {setting}}}\n")
    with pytest.raises(ConfigurationError, match=words):
        create_app(read_configuration(tmp_path / "site.yml", state=tmp_path / "state"))
