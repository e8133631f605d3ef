"""What stands in the way of a service is found and told line by line, with what would be right, and nothing changed."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
from importlib import metadata

import pytest
import requests
import sqlalchemy as sa
import yaml
from moorage import cli
from moorage_processes.commands.doctor import engine, machine, surroundings
from moorage_processes.jobs.files.state_directory import StateDirectory
from moorage_processes.jobs.ipc import connected
from moorage_processes.jobs.relay.credentials import invite
from moorage_processes.jobs.store import schema_version
from moorage_processes.jobs.store.store import Store
from support.job_stores import STORES
from support.nats_server import serving_nats
from support.paths import AUTHOR_MODULES
from support.ports import free_port
from support.s3_server import serving_objects
from support.services import serve
from support.waiting import eventually

METHODS = str(AUTHOR_MODULES / "methods_for_tests.py")


@pytest.fixture
def examined(tmp_path, capsys):
    """Examines a configuration: the exit code, and what was said about each thing, wrong ones apart."""

    def examine(*words: str, port: int | None = None, **sections: dict) -> tuple[int, dict[str, str], dict[str, str]]:
        sections["moorage"] = {"installed": False, **sections.get("moorage", {})}
        (tmp_path / "site.yml").write_text(yaml.safe_dump(sections))
        place = ["--config", str(tmp_path / "site.yml"), "--state", str(tmp_path / "state")]
        capsys.readouterr()
        code = cli.main(["doctor", *words, *place, "--port", str(port or free_port())])
        out = capsys.readouterr().out.splitlines()
        assert all(line.startswith(("ok     ", "WRONG  ")) for line in out), out
        good, bad = ({}, {})
        for line in out:
            about, _, said = line[7:].partition(": ")
            (bad if line.startswith("WRONG") else good)[about] = said
        return code, good, bad

    return examine


@pytest.mark.starts
def test_where_all_is_well_each_thing_is_told_and_nothing_is_made(examined, tmp_path):
    code, good, bad = examined(METHODS)
    assert (code, bad) == (0, {})
    assert list(good) == ["versions", "configuration", "state", "store", "supervisor", "address", "methods"]
    assert "shout" in good["methods"]
    assert good["store"].endswith("jobs.sqlite will be made")
    assert not (tmp_path / "state").exists()


def test_the_command_ends_with_1_where_something_is_wrong(tmp_path):
    (tmp_path / "site.yml").write_text("moorage: {queue: many}")
    command = [sys.executable, "-m", "moorage.cli", "doctor", "--config", str(tmp_path / "site.yml")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1
    told = "WRONG  configuration: moorage.queue: 'many' is not valid; expected a whole number, 1 or more"
    assert ended.stdout.splitlines()[1] == told
    assert ended.stderr == ""


@pytest.mark.starts
def test_methods_that_cannot_be_served_are_named(examined, tmp_path):
    (tmp_path / "poor.py").write_text("from moorage_processes import process\n\n\n@process\ndef f(a):\n    return a\n")
    code, _, bad = examined(str(tmp_path / "poor.py"))
    assert code == 1
    assert "poor.py:5: f: " in bad["methods"]


@pytest.mark.starts
def test_what_the_parts_of_a_configuration_say_together_is_looked_at_too(examined, tmp_path):
    _, _, bad = examined(METHODS, datasets={"shout": "shout.nc"})
    assert "datasets.shout: there is a process of that name" in bad["configuration"]


@pytest.mark.starts
def test_datasets_that_do_not_open_are_named_with_their_reason(examined, tmp_path):
    (tmp_path / "broken.nc").write_bytes(b"CDF\x01 broken")
    (tmp_path / "towns.csv").write_text("name,people\nA,1\nB,2\n")
    (tmp_path / "odd.gpkg").write_text("no GeoPackage")
    named = {"gone": "gone.nc", "broken": "broken.nc", "towns": "towns.csv", "odd": "odd.gpkg"}
    code, good, bad = examined(datasets=named)
    assert code == 1
    assert good["datasets.towns"] == "table, 2 rows"
    assert f"{tmp_path}/gone.nc does not open: its file is not there; mend" in bad["datasets.gone"]
    assert "does not open: its file is" in bad["datasets.broken"]
    assert "does not open: its file is broken, or holds no features" in bad["datasets.odd"]


def test_a_grid_tells_what_it_holds(examined, running):
    _, good, bad = examined(datasets={"both": str(running.state.parent / "sea.nc")})
    assert bad == {}
    assert good["datasets.both"].startswith("a grid, sst, wind over time 12")


@pytest.mark.starts
def test_hosts_are_looked_up(examined):
    hosts = ["127.0.0.1", "10.0.0.0/8", "localhost:80", "nothing.invalid"]
    _, good, bad = examined(moorage={"allowed_hosts": hosts, "callback_hosts": ["nowhere.invalid"]})
    assert (
        good["moorage.allowed_hosts"] == "localhost:80: it leads to 127.0.0.1" or "::1" in good["moorage.allowed_hosts"]
    )
    assert bad["moorage.allowed_hosts"].startswith("nothing.invalid: it has no address; mend the name")
    assert bad["moorage.callback_hosts"].startswith("nowhere.invalid: it has no address")


def test_a_name_that_leads_to_a_private_address_needs_that_listed_too(monkeypatch):
    place = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.1.2.3", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: place)
    found = surroundings.host("allowed_hosts", "data.example.org", ["data.example.org"])
    assert str(found).startswith("WRONG  moorage.allowed_hosts: data.example.org: it leads to a private address; list")
    assert not surroundings.host("allowed_hosts", "data.example.org", ["data.example.org", "10.1.0.0/16"]).is_wrong


def test_a_service_that_runs_is_recognised(tmp_path, examined):
    with serve(tmp_path, [METHODS]) as service:
        port = int(service.url.rpartition(":")[2])
        eventually(lambda: requests.get(f"{service.url}/readyz", timeout=60).ok)
        code, good, bad = examined(METHODS, port=port)
        assert (code, bad) == (0, {})
        assert "answers, and has" in good["supervisor"]
        assert good["address"] == f"the service at localhost:{port} answers and is ready"
        assert good["store"].endswith("jobs.sqlite answers")


def test_a_supervisor_that_does_not_answer_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "PATIENCE", 0.2)
    with serve(tmp_path, [METHODS]) as service:
        eventually(lambda: requests.get(f"{service.url}/readyz", timeout=60).ok)
        connection = connected(service.state / "run" / "socket")
        connection.send({"do": "describe"})
        pid = connection.receive(60).head["supervisor"]
        connection.close()
        os.kill(pid, signal.SIGSTOP)
        try:
            found = engine.supervisor(StateDirectory(service.state))
        finally:
            os.kill(pid, signal.SIGCONT)
    assert str(found).startswith("WRONG  supervisor: one holds the lock and does not answer; end the process that")


def test_looking_at_the_lock_does_not_take_it(tmp_path):
    state = StateDirectory(tmp_path)
    state.prepare()
    (state.run / "lock").touch()
    assert "the lock is free" in engine.supervisor(state).words
    with (state.run / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_an_address_that_somebody_else_has_is_told(monkeypatch):
    monkeypatch.setattr(machine, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        found = machine.address("localhost", port)
    assert str(found).startswith(f"WRONG  address: localhost:{port}: Address already in use; end what listens there")


@pytest.mark.parametrize("kind", STORES)
def test_the_schema_version_of_a_store_is_told_and_left_as_it_is(tmp_path, kind, request):
    url = f"sqlite:///{tmp_path / 'jobs.sqlite'}"
    if kind == "postgresql":
        url = request.getfixturevalue("postgres").database()
        assert str(engine.store(StateDirectory(tmp_path), url)).endswith("answers, and its tables will be made")
    store = Store(url)
    store.prepare()
    store.close()
    assert str(engine.store(StateDirectory(tmp_path), url)).endswith("answers")
    for version, words in (
        ("0001", "answers, and will be brought up to date"),
        ("9999", "has schema version 9999; install"),
    ):
        changed = sa.create_engine(url)
        with changed.begin() as connection:
            connection.execute(sa.update(schema_version.SCHEMA_VERSION).values(version_num=version))
        found = engine.store(StateDirectory(tmp_path), url)
        assert words in str(found)
        assert found.is_wrong == (version == "9999")
        with changed.connect() as connection:
            assert schema_version.version_of(connection) == version
        changed.dispose()


def test_a_store_that_does_not_answer_is_told_without_its_password(tmp_path):
    found = engine.store(StateDirectory(tmp_path), f"postgresql+psycopg://me:s3cret@127.0.0.1:{free_port()}/jobs")
    assert found.is_wrong
    assert "does not answer: " in found.words
    assert "s3cret" not in str(found)
    assert "\n" not in str(found)


def test_a_store_that_is_none_is_told(tmp_path):
    (tmp_path / "jobs.sqlite").write_bytes(b"this is not a database, but it is long enough to be read as one" * 100)
    assert "is damaged: file is not a database" in engine.store(StateDirectory(tmp_path), None).words


def test_a_state_directory_that_cannot_be_used_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    assert "cannot be written to" in machine.directory(StateDirectory(tmp_path / "file" / "state")).words
    monkeypatch.setattr(machine, "file_system", lambda _: "nfs4")
    found = machine.directory(StateDirectory(tmp_path / "state"))
    assert "on nfs4" in found.words
    assert found.remedy.startswith("name a directory on a local disk")


def test_a_disk_without_room_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "ROOM", 10**18)
    assert machine.directory(StateDirectory(tmp_path)).remedy.startswith("results need room")


def test_packages_that_do_not_fit_are_named(monkeypatch):
    assert not machine.versions().is_wrong
    real = metadata.version
    monkeypatch.setattr(machine, "version", lambda name: "1.0" if name == "xarray" else real(name))
    found = machine.versions()
    assert found.words == "xarray is 1.0, and >=2025.1 is needed"
    assert 'pip install "moorage[server]"' in found.remedy


def test_a_relay_is_dialled(examined, tmp_path):
    with serving_nats(tmp_path / "relay", "awi") as nats:
        for user, expected in (("hub", ""), ("stranger", "does not know the credentials")):
            if user == "stranger":
                invite(user, tmp_path / "stranger.seed", tmp_path / "others.conf")
            seed = nats.credentials("hub") if user == "hub" else tmp_path / "stranger.seed"
            _, good, bad = examined(METHODS, moorage={"nats": nats.url, "nats_credentials": str(seed)})
            assert expected in bad["relay"] if expected else "lets this service in" in good["relay"]
    _, _, bad = examined(METHODS, moorage={"nats": nats.url})
    assert bad["relay"].endswith("begin the relay, or mend the address")


@pytest.mark.starts
def test_a_cluster_is_looked_for(examined):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"tcp://127.0.0.1:{listening.getsockname()[1]}"
        _, good, _ = examined(METHODS, moorage={"scheduler": address})
        assert good["scheduler"] == f"something listens at {address}"
    _, _, bad = examined(METHODS, moorage={"scheduler": address})
    assert bad["scheduler"].endswith("begin the scheduler, or mend the address")


@pytest.fixture
def object_store():
    with serving_objects() as store:
        yield store


def test_the_place_of_results_is_looked_at(examined, tmp_path, object_store):
    _, good, _ = examined(METHODS, moorage=object_store.settings)
    assert good["results"] == f"{object_store.url} answers; it holds those of 0 jobs"
    broken = {**object_store.settings, "results": "s3://there-is-no-such-bucket/x"}
    wrong = {**object_store.options, "client_kwargs": {"endpoint_url": f"http://127.0.0.1:{free_port()}"}}
    _, _, bad = examined(METHODS, moorage={**broken, "results_options": wrong})
    assert bad["results"].endswith("mend the address, its options, or the store")
    _, good, _ = examined(METHODS, moorage={"results": str(tmp_path / "shared")})
    assert good["results"] == f"{tmp_path / 'shared'} will be made"
    (tmp_path / "file").touch()
    _, _, bad = examined(METHODS, moorage={"results": str(tmp_path / "file" / "x")})
    assert "cannot be written to" in bad["results"]
