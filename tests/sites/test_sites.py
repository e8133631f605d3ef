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
from support.engines import ARRAYS, METHODS, is_alive
from support.hub_and_sites import HubAndSites, Machine, hub_and_sites
from support.paths import AUTHOR_MODULES
from support.patience import PATIENCE
from support.samples import sea_surface
from support.service_client import AS_JOB
from support.waiting import eventually

AT_SITES = AUTHOR_MODULES / "methods_at_sites.py"


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[HubAndSites]:
    """A hub for two sites."""
    with hub_and_sites(tmp_path_factory.mktemp("hub_and_sites"), "awi", "gfz") as service:
        yield service


@pytest.fixture(scope="module")
def awi(service) -> Iterator[Machine]:
    """A machine of the one, with the methods for tests and data of its own."""
    sea_surface()[["sst"]].to_netcdf(service.folder / "sst.nc")
    datasets = {"sst": {"path": str(service.folder / "sst.nc"), "title": "Sea surface temperature"}}
    with service.joined("awi", "a", (str(METHODS), str(ARRAYS), str(AT_SITES)), datasets=datasets) as machine:
        yield machine


def at_work(machine: Machine) -> set[int]:
    """Workers of a machine that keep a core busy: what the forkserver has forked, which has a supervisor."""
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


def test_processes_of_a_site_are_called_like_any_other(service, awi):
    assert service.call("awi.shout", text="hallo").json() == "HALLO"
    job = service.submit("awi.shout", text="moin")
    assert service.value(job) == "MOIN"
    with moorage.connect(service.hub.url, progress=False) as hub:
        assert hub.awi.shout("ahoi") == "AHOI"
        assert hub.shout("ahoi") == "AHOI"
        assert hub.awi.mean("sst") == pytest.approx(float(sea_surface().sst.mean()))


def page_of(service: HubAndSites, path: str) -> str:
    """A page of the hub."""
    return service.get(f"{path}?f=html").text


def test_a_site_is_listed_with_its_state(service, awi):
    told = service.get("/processes/awi.shout").json()
    roles = {each["role"]: each["title"] for each in told["metadata"]}
    assert (roles["moorage:site"], roles["moorage:site-state"]) == ("awi", "present")
    assert "awi.shout" in service.site("awi")["processes"]
    page = service.get("/processes/awi.shout?f=html").text
    assert "Runs at" in page
    assert "service.awi.shout(" in page
    for path in ("/", "/sites", "/collections"):
        assert '<a href="/sites"' in page_of(service, path)
    assert "Say it louder</a> <code>awi.shout</code>" in page_of(service, "/sites")
    definition = service.get("/openapi?f=json").json()
    assert {"/processes/awi.shout/execution", "/sites", "/sites/uploads/{token}"} <= set(definition["paths"])
    OpenAPIV30SpecValidator(definition).validate()
    schema = definition["components"]["schemas"]["siteList"]
    told = service.get("/sites").json()
    Draft4Validator({**schema, "components": definition["components"]}).validate(told)
    with moorage.connect(service.hub.url, progress=False) as hub:
        assert [each["state"] for each in hub.sites() if each["id"] == "awi"] == ["present"]


def test_the_command_lists_sites(service, awi, service_url, capsys):
    assert main(["sites", service.hub.url]) == 0
    assert re.search(r"^awi +present +heard of .*Z +\d+ processes$", capsys.readouterr().out, re.MULTILINE)
    assert main(["sites", service_url]) == 1
    assert "no site can dial in to" in capsys.readouterr().err


def test_a_site_has_no_listening_socket(service, awi):
    assert service.value(service.submit("awi.shout", text="x")) == "X"
    found = {awi.process.pid, *awi.pids()}
    assert len(found) > 3  # it, its supervisor, a forkserver, workers
    listening = [
        connection
        for pid in found
        if is_alive(pid)
        for connection in psutil.Process(pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN or not connection.raddr
    ]
    assert not listening
    dialled = [each for each in psutil.Process(awi.process.pid).net_connections("inet") if each.raddr]
    assert {each.raddr.port for each in dialled} >= {service.nats.port}


def test_progress_and_log_arrive_while_a_job_runs(service, awi):
    job = service.submit("awi.steps", fractions=[0.25, 0.75], pause=2.0)
    told = eventually(lambda: (found := service.status(job))["progress"] == 25 and found)
    assert (told["status"], told["message"]) == ("running", "at 0.25")
    assert service.value(job) == 2
    spoken = service.submit("awi.speak")
    assert service.value(spoken) == 1
    log = service.log(spoken)
    assert [word in log for word in ("printed", "spoken", "put", "logged")] == [True] * 4


def test_a_dismissed_job_frees_the_machine(service, awi):
    job = service.submit("awi.burn")
    burning = eventually(lambda: service.status(job)["status"] == "running" and at_work(awi))
    assert service.dismiss(job).json()["status"] == "dismissed"
    assert not any(map(is_alive, burning))
    assert service.value(service.submit("awi.shout", text="next")) == "NEXT"


def test_limits_are_kept_at_the_site(service, awi):
    slow, hungry = service.submit("awi.too-slow"), service.submit("awi.eat-memory")
    for job, word in ((slow, "limit of 1 s"), (hungry, "0.7 GB of memory")):
        told = service.done(job)
        assert told["status"] == "failed"
        assert word in told["message"]
    assert service.get(f"{slow}/results").status_code == 504


def test_a_failure_tells_no_more_than_at_home(service, awi):
    told = service.done(service.submit("awi.fail", words="geheim"))
    assert told["status"] == "failed"
    assert "geheim" not in told["message"]
    bad = service.execute("awi.slow-sum", {"inputs": {"numbers": "many"}}, **AS_JOB)
    assert (bad.status_code, bad.json()["input"]) == (400, "numbers")


def test_results_come_to_the_hub(service, awi):
    job = service.submit("awi.content", size=3_000_000)
    assert service.done(job)["status"] == "successful"
    whole = service.get(f"{job}/results/result")
    assert whole.content == b"x" * 3_000_000
    part = service.get(f"{job}/results/result", Range="bytes=10-19")
    assert (part.status_code, part.content) == (206, b"x" * 10)
    # it counts where results may take only so much room
    with sqlite3.connect(service.hub.state / "jobs.sqlite") as store:
        assert store.execute("SELECT size FROM jobs WHERE id = ?", [job.rpartition("/")[2]]).fetchone() == (3_000_000,)
    # nothing of it is left at the site
    eventually(lambda: not list((awi.state / "results").iterdir()))


def test_a_transfer_token_is_used_once(service, awi):
    def put(token: str, content: bytes) -> requests.Response:
        return requests.put(f"{service.hub.url}/sites/uploads/{token}", data=content, timeout=PATIENCE)

    job = service.submit("awi.slow-sum", numbers=[1.0], pause=30.0)
    service.until(job, "running")
    state = StateDirectory(service.hub.state)
    store = Store(f"sqlite:///{service.hub.state / 'jobs.sqlite'}")
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
    assert service.get(f"/sites/requests/{good}").status_code == 404
    service.dismiss(job)
    eventually(lambda: not state.published(*ref).exists())
    assert not list((service.hub.state / "incoming").iterdir())


def test_inputs_by_reference_are_fetched_by_the_site(service, awi):
    made = service.submit("content", size=123_456)
    service.done(made)
    inputs = {"content": {"href": f"{made}/results/result"}}
    assert service.value(service.submit("awi.weigh", **inputs)) == 123_456
    elsewhere = {"content": {"href": "https://elsewhere.example/x"}}
    forbidden = service.execute("awi.weigh", {"inputs": elsewhere}, **AS_JOB)
    assert forbidden.status_code == 400


def test_a_request_may_be_larger_than_the_relay_carries(service, awi):
    content = base64.b64encode(bytes(3_000_000)).decode()
    assert service.value(service.submit("awi.weigh", content=content)) == 3_000_000


def has_said_goodbye(service: HubAndSites, name: str) -> bool:
    """Whether the hub has heard that a site takes no more jobs."""
    store = Store(f"sqlite:///{service.hub.state / 'jobs.sqlite'}")
    (site,) = [each for each in store.sites() if each.name == name]
    store.close()
    return site.departed is not None and site.departed > site.seen


def test_jobs_wait_for_a_site_that_is_away(service):
    with service.joined("gfz", "a", (str(AT_SITES),)):
        assert service.call("gfz.patient").json() == 2
    # it said goodbye, so nobody waits until it is missed
    eventually(lambda: has_said_goodbye(service, "gfz"))
    assert service.site("gfz")["state"] == "away"
    told = service.get("/processes/gfz.patient").json()
    assert any(str(each["title"]).startswith("away since") for each in told["metadata"])
    hasty, patient, unwanted = (service.submit(f"gfz.{name}") for name in ("hasty", "patient", "patient"))
    assert service.status(patient)["status"] == "accepted"
    began = time.monotonic()
    assert service.dismiss(unwanted).json()["status"] == "dismissed"
    assert time.monotonic() - began < PATIENCE / 2
    told = service.done(hasty)
    assert told["status"] == "failed"
    assert re.search("'gfz' was away for as long as", told["message"])
    assert service.get(f"{hasty}/results").status_code == 503
    # the methods that come with Moorage are the hub's
    with service.joined("gfz", "a", (str(AT_SITES),), moorage={"installed": True}):
        assert "gfz.echo" not in service.site("gfz")["processes"]
        assert service.value(patient) == 2
        assert service.status(unwanted)["status"] == "dismissed"


def test_what_a_site_no_longer_offers_fails_with_a_reason(service):
    with service.joined("gfz", "a", (str(AT_SITES),)):
        assert service.call("gfz.patient").json() == 2
    job = service.submit("gfz.patient")
    with service.joined("gfz", "a", (str(METHODS),)):
        told = service.done(job)
        assert told["status"] == "failed"
        assert "does not offer this process any more" in told["message"]
        eventually(lambda: not service.lists("gfz.patient"))


def test_machines_of_one_site_share_its_queue(service, tmp_path):
    with service.joined("gfz", "a"):
        with service.joined("gfz", "b"):
            jobs = [service.submit("gfz.leave-trace", folder=str(tmp_path), pause=0.5) for _ in range(8)]
            assert all(service.done(job)["status"] == "successful" for job in jobs)
            assert len(list(tmp_path.iterdir())) == 8
            # the worker that was forked before the imports ends once the others are ready
            workers = {int(trace.name.split("-")[0]) for trace in tmp_path.iterdir()}
            machines = {psutil.Process(pid).ppid() for pid in workers if is_alive(pid)}
            assert len(machines) == 2
        assert service.site("gfz")["state"] == "present"
        assert not has_said_goodbye(service, "gfz")


def test_notices_of_several_hubs_are_one_job(service, awi, tmp_path):
    """Each web process sends what waits; a second notice may come to another slot of the same machine."""

    async def submit(count: int) -> list[str]:
        connection = await RelayConnection.dialled(service.nats.relay("hub"), "another hub", protocol.inbox("hub"))
        jobs = []
        for _ in range(count):
            jobs.append(await asyncio.to_thread(partial(service.submit, "awi.leave-trace", folder=str(tmp_path))))
            for _ in range(10):
                await connection.put("awi", jobs[-1].rpartition("/")[2])
        await connection.close()
        return jobs

    jobs = asyncio.run(submit(10))
    assert all(service.done(job)["status"] == "successful" for job in jobs)
    assert len(list(tmp_path.iterdir())) == len(jobs)
    assert awi.process.poll() is None


@pytest.mark.parametrize("name", ["Awi", "a.b", "", "x" * 40])
def test_a_site_needs_a_name(service, name, capfd):
    code = main(["join", service.nats.url, "--site", name, "--state", str(service.folder / "nameless"), str(AT_SITES)])
    assert code == 1
    assert "is not a name of a site; it takes small letters, digits and hyphens" in capfd.readouterr().err
