"""Institutes that only dial out: their methods are the hub's, their machines are their own."""

from __future__ import annotations

import asyncio
import base64
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial

import moorage
import psutil
import pytest
import requests
from jsonschema import Draft4Validator
from moorage.cli import main
from moorage_processes.jobs.attempt import Ref
from moorage_processes.jobs.files.state_directory import StateDirectory
from moorage_processes.jobs.relay import protocol
from moorage_processes.jobs.relay.nats_connection import RelayConnection
from moorage_processes.jobs.store.store import Store
from moorage_processes.jobs.store.transfer_tokens import TransferToken
from openapi_spec_validator import OpenAPIV30SpecValidator
from support.engines import ARRAYS, METHODS, eventually, is_alive
from support.hub_and_sites import AS_JOB, Harbour, Machine, harbour
from support.paths import AUTHOR_MODULES
from support.patience import PATIENCE
from support.samples import sea_surface

AT_SITES = AUTHOR_MODULES / "methods_at_sites.py"


@pytest.fixture(scope="module")
def port(tmp_path_factory) -> Iterator[Harbour]:
    """A hub for two sites."""
    with harbour(tmp_path_factory.mktemp("harbour"), "awi", "gfz") as port:
        yield port


@pytest.fixture(scope="module")
def awi(port) -> Iterator[Machine]:
    """A machine of the one, with the methods for tests and data of its own."""
    sea_surface()[["sst"]].to_netcdf(port.folder / "sst.nc")
    datasets = {"sst": {"path": str(port.folder / "sst.nc"), "title": "Sea surface temperature"}}
    with port.joined("awi", "a", (str(METHODS), str(ARRAYS), str(AT_SITES)), datasets=datasets) as machine:
        yield machine


def at_work(machine: Machine) -> set[int]:
    """Children of a machine that keep a core busy: what the forkserver has forked, which has a supervisor."""
    family = machine.pids()
    return {pid for pid in family if is_busy_child(pid, family)}


def is_busy_child(pid: int, family: set[int]) -> bool:
    """Whether a process is a child that keeps a core busy; one that has ended since it was listed is not."""
    try:
        process = psutil.Process(pid)
        parent = process.parent()
        return parent is not None and parent.ppid() in family and process.cpu_percent(0.2) > 50
    except psutil.NoSuchProcess:
        return False


def test_a_process_that_ended_since_it_was_listed_is_not_busy():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not is_busy_child(ended.pid, {ended.pid})


def test_processes_of_a_site_are_called_like_any_other(port, awi):
    assert port.post("awi.shout", text="hallo").json() == "HALLO"
    job = port.submit("awi.shout", text="moin")
    assert port.value(job) == "MOIN"
    with moorage.connect(port.hub.url, progress=False) as hub:
        assert hub.awi.shout("ahoi") == "AHOI"
        assert hub.shout("ahoi") == "AHOI"
        assert hub.awi.mean("sst") == pytest.approx(float(sea_surface().sst.mean()))


def page_of(port: Harbour, path: str) -> str:
    """A page of the hub."""
    return requests.get(f"{port.hub.url}{path}?f=html", timeout=PATIENCE).text


def test_a_site_is_listed_with_its_state(port, awi):
    told = requests.get(f"{port.hub.url}/processes/awi.shout", timeout=PATIENCE).json()
    roles = {each["role"]: each["title"] for each in told["metadata"]}
    assert (roles["moorage:site"], roles["moorage:site-state"]) == ("awi", "present")
    assert "awi.shout" in port.site("awi")["processes"]
    page = requests.get(f"{port.hub.url}/processes/awi.shout?f=html", timeout=PATIENCE).text
    assert "Runs at" in page
    assert "service.awi.shout(" in page
    for path in ("/", "/sites", "/collections"):
        assert '<a href="/sites"' in page_of(port, path)
    assert "Say it louder</a> <code>awi.shout</code>" in page_of(port, "/sites")
    definition = requests.get(f"{port.hub.url}/openapi?f=json", timeout=PATIENCE).json()
    assert {"/processes/awi.shout/execution", "/sites", "/sites/uploads/{token}"} <= set(definition["paths"])
    OpenAPIV30SpecValidator(definition).validate()
    schema = definition["components"]["schemas"]["siteList"]
    told = requests.get(f"{port.hub.url}/sites", timeout=PATIENCE).json()
    Draft4Validator({**schema, "components": definition["components"]}).validate(told)
    with moorage.connect(port.hub.url, progress=False) as hub:
        assert [each["state"] for each in hub.sites() if each["id"] == "awi"] == ["present"]


def test_the_command_lists_sites(port, awi, service_url, capsys):
    assert main(["sites", port.hub.url]) == 0
    assert re.search(r"^awi +present +heard of .*Z +\d+ processes$", capsys.readouterr().out, re.MULTILINE)
    assert main(["sites", service_url]) == 1
    assert "no site can dial in to" in capsys.readouterr().err


def test_a_site_has_no_listening_socket(port, awi):
    assert port.value(port.submit("awi.shout", text="x")) == "X"
    found = {awi.process.pid, *awi.pids()}
    assert len(found) > 3  # it, its supervisor, a forkserver, children
    listening = [
        connection
        for pid in found
        if is_alive(pid)
        for connection in psutil.Process(pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN or not connection.raddr
    ]
    assert not listening
    dialled = [each for each in psutil.Process(awi.process.pid).net_connections("inet") if each.raddr]
    assert {each.raddr.port for each in dialled} >= {port.nats.port}


def test_progress_and_log_arrive_while_a_job_runs(port, awi):
    job = port.submit("awi.steps", fractions=[0.25, 0.75], pause=2.0)
    told = eventually(lambda: (found := port.status(job))["progress"] == 25 and found)
    assert (told["status"], told["message"]) == ("running", "at 0.25")
    assert port.value(job) == 2
    spoken = port.submit("awi.speak")
    assert port.value(spoken) == 1
    log = requests.get(f"{spoken}/log", timeout=PATIENCE).text
    assert [word in log for word in ("printed", "spoken", "put", "logged")] == [True] * 4


def test_a_dismissed_job_frees_the_machine(port, awi):
    job = port.submit("awi.burn")
    burning = eventually(lambda: port.status(job)["status"] == "running" and at_work(awi))
    assert requests.delete(job, timeout=PATIENCE).json()["status"] == "dismissed"
    assert not any(map(is_alive, burning))
    assert port.value(port.submit("awi.shout", text="next")) == "NEXT"


def test_limits_are_kept_at_the_site(port, awi):
    slow, hungry = port.submit("awi.too-slow"), port.submit("awi.eat-memory")
    for job, word in ((slow, "limit of 1 s"), (hungry, "0.7 GB of memory")):
        told = port.done(job)
        assert told["status"] == "failed"
        assert word in told["message"]
    assert requests.get(f"{slow}/results", timeout=PATIENCE).status_code == 504


def test_a_failure_tells_no_more_than_at_home(port, awi):
    told = port.done(port.submit("awi.fail", words="geheim"))
    assert told["status"] == "failed"
    assert "geheim" not in told["message"]
    bad = port.post("awi.slow-sum", AS_JOB, numbers="many")
    assert (bad.status_code, bad.json()["input"]) == (400, "numbers")


def test_results_come_to_the_hub(port, awi):
    job = port.submit("awi.content", size=3_000_000)
    assert port.done(job)["status"] == "successful"
    whole = requests.get(f"{job}/results/result", timeout=PATIENCE)
    assert whole.content == b"x" * 3_000_000
    part = requests.get(f"{job}/results/result", headers={"Range": "bytes=10-19"}, timeout=PATIENCE)
    assert (part.status_code, part.content) == (206, b"x" * 10)
    # it counts where results may take only so much room
    with sqlite3.connect(port.hub.state / "jobs.sqlite") as store:
        assert store.execute("SELECT size FROM jobs WHERE id = ?", [job.rpartition("/")[2]]).fetchone() == (3_000_000,)
    # nothing of it is left at the site
    eventually(lambda: not list((awi.state / "results").iterdir()))


def test_a_grant_is_used_once(port, awi):
    def put(token: str, content: bytes) -> requests.Response:
        return requests.put(f"{port.hub.url}/sites/uploads/{token}", data=content, timeout=PATIENCE)

    job = port.submit("awi.slow-sum", numbers=[1.0], pause=30.0)
    port.until(job, "running")
    state = StateDirectory(port.hub.state)
    store = Store(f"sqlite:///{port.hub.state / 'jobs.sqlite'}")
    ref = Ref(job.rpartition("/")[2], 1)
    short, long, good = store.transfer_tokens.give(*(TransferToken(ref, "result.bin", 4) for _ in range(3)))
    assert put("no-such-token", b"1234").status_code == 404
    assert put(short, b"123").status_code == 400
    assert put(short, b"1234").status_code == 404
    assert put(long, b"12345").status_code in (400, 413)
    assert not (state.published(*ref) / "result.bin").exists()
    assert put(good, b"1234").status_code == 204
    assert put(good, b"1234").status_code == 404
    assert (state.published(*ref) / "result.bin").read_bytes() == b"1234"
    assert requests.get(f"{port.hub.url}/sites/requests/{good}", timeout=PATIENCE).status_code == 404
    requests.delete(job, timeout=PATIENCE)
    eventually(lambda: not state.published(*ref).exists())
    assert not list((port.hub.state / "incoming").iterdir())


def test_inputs_by_reference_are_fetched_by_the_site(port, awi):
    made = port.submit("content", size=123_456)
    port.done(made)
    inputs = {"content": {"href": f"{made}/results/result"}}
    assert port.value(port.submit("awi.weigh", **inputs)) == 123_456
    forbidden = port.post("awi.weigh", AS_JOB, content={"href": "https://elsewhere.example/x"})
    assert forbidden.status_code == 400


def test_a_request_may_be_larger_than_the_relay_carries(port, awi):
    content = base64.b64encode(bytes(3_000_000)).decode()
    assert port.value(port.submit("awi.weigh", content=content)) == 3_000_000


def test_jobs_wait_for_a_site_that_is_away(port):
    with port.joined("gfz", "a", (str(AT_SITES),)):
        assert port.post("gfz.patient").json() == 2
    eventually(lambda: port.site("gfz")["state"] == "away")
    told = requests.get(f"{port.hub.url}/processes/gfz.patient", timeout=PATIENCE).json()
    assert any(str(each["title"]).startswith("away since") for each in told["metadata"])
    hasty, patient, unwanted = (port.submit(f"gfz.{name}") for name in ("hasty", "patient", "patient"))
    assert port.status(patient)["status"] == "accepted"
    began = time.monotonic()
    assert requests.delete(unwanted, timeout=PATIENCE).json()["status"] == "dismissed"
    assert time.monotonic() - began < PATIENCE / 2
    told = port.done(hasty)
    assert told["status"] == "failed"
    assert re.search("'gfz' was away for as long as", told["message"])
    assert requests.get(f"{hasty}/results", timeout=PATIENCE).status_code == 503
    with port.joined("gfz", "a", (str(AT_SITES),)):
        assert port.value(patient) == 2
        assert port.status(unwanted)["status"] == "dismissed"


def test_what_a_site_no_longer_offers_fails_with_a_reason(port):
    with port.joined("gfz", "a", (str(AT_SITES),)):
        assert port.post("gfz.patient").json() == 2
    job = port.submit("gfz.patient")
    with port.joined("gfz", "a", (str(METHODS),)):
        told = port.done(job)
        assert told["status"] == "failed"
        assert "does not offer this process any more" in told["message"]
        eventually(lambda: not port.lists("gfz.patient"))


def test_machines_of_one_site_share_its_queue(port, tmp_path):
    with port.joined("gfz", "a"), port.joined("gfz", "b"):
        jobs = [port.submit("gfz.leave-trace", folder=str(tmp_path), pause=0.5) for _ in range(8)]
        assert all(port.done(job)["status"] == "successful" for job in jobs)
        assert len(list(tmp_path.iterdir())) == 8
        machines = {psutil.Process(int(trace.name.split("-")[0])).ppid() for trace in tmp_path.iterdir()}
        assert len(machines) == 2


def test_tickets_of_several_hubs_are_one_job(port, awi, tmp_path):
    """Each web process sends what waits; a second ticket may come to another place of the same machine."""

    async def submit(count: int) -> list[str]:
        line = await RelayConnection.dialled(port.nats.relay("hub"), "another hub", protocol.inbox("hub"))
        jobs = []
        for _ in range(count):
            jobs.append(await asyncio.to_thread(partial(port.submit, "awi.leave-trace", folder=str(tmp_path))))
            for _ in range(10):
                await line.put("awi", jobs[-1].rpartition("/")[2])
        await line.close()
        return jobs

    jobs = asyncio.run(submit(10))
    assert all(port.done(job)["status"] == "successful" for job in jobs)
    assert len(list(tmp_path.iterdir())) == len(jobs)
    assert awi.process.poll() is None


@pytest.mark.parametrize("name", ["Awi", "a.b", "", "x" * 40])
def test_a_site_needs_a_name(port, name, capfd):

    code = main(["join", port.nats.url, "--site", name, "--state", str(port.folder / "nameless"), str(AT_SITES)])
    assert code == 1
    assert "is no name of a site; it takes small letters, digits and hyphens" in capfd.readouterr().err
