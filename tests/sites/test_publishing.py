"""Results that stay at a site which has an address of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import moorage
import pytest
import requests
import xarray as xr
from moorage.cli import main
from support.engines import ARRAYS, METHODS, eventually
from support.hub_and_sites import AS_JOB, Harbour, Machine, harbour
from support.paths import AUTHOR_MODULES
from support.patience import PATIENCE
from support.ports import free_port

AT_SITES = AUTHOR_MODULES / "methods_at_sites.py"
MODULES = (str(METHODS), str(ARRAYS), str(AT_SITES))


@pytest.fixture(scope="module")
def port(tmp_path_factory) -> Iterator[Harbour]:
    """A hub for two sites."""
    with harbour(tmp_path_factory.mktemp("publishing"), "awi", "gfz", modules=list(MODULES)) as port:
        yield port


@pytest.fixture(scope="module")
def address() -> str:
    """Where the site gives out its results."""
    return f"http://localhost:{free_port()}"


@pytest.fixture(scope="module")
def awi(port, address) -> Iterator[Machine]:
    """Its only machine, and what gives out its results."""
    with port.joined("awi", "a", MODULES, url=address) as machine, port.publishing(machine, address):
        yield machine


def hub_files(port: Harbour) -> list[Path]:
    """Files of results at the hub."""
    return [path for path in (port.hub.state / "results").rglob("*") if path.is_file()]


def here(machine: Machine) -> set[str]:
    """Jobs whose results are at the site."""
    return {path.name for path in (machine.state / "results").iterdir()}


def test_the_hub_leads_to_results_that_stay(port, awi, address):
    job = port.submit("awi.content", size=3_000_000)
    assert port.done(job)["status"] == "successful"
    led = requests.get(f"{job}/results/result", timeout=PATIENCE, allow_redirects=False)
    assert led.status_code == 303
    assert led.headers["Location"].startswith(f"{address}/results/")
    whole = requests.get(f"{job}/results/result", timeout=PATIENCE)
    assert whole.content == b"x" * 3_000_000
    assert whole.headers["Content-Type"] == "application/octet-stream"
    part = requests.get(f"{job}/results", headers={"Range": "bytes=10-19"}, timeout=PATIENCE)
    assert (part.status_code, part.content) == (206, b"x" * 10)
    head = requests.head(f"{job}/results/result", timeout=PATIENCE, allow_redirects=True)
    assert (head.status_code, head.headers["Content-Length"]) == (200, "3000000")
    assert hub_files(port) == []


def test_a_document_has_links_and_small_values(port, awi):
    answer = port.post("awi.both", AS_JOB).headers["Location"]
    port.done(answer)
    asked = {"inputs": {}, "response": "document"}
    job = requests.post(
        f"{port.hub.url}/processes/awi.both/execution", json=asked, headers=AS_JOB, timeout=PATIENCE
    ).headers["Location"]
    port.done(job)
    document = requests.get(f"{job}/results", timeout=PATIENCE).json()
    assert document["mean"] == 4.5
    assert document["grid"] == {"href": f"{job}/results/grid", "type": document["grid"]["type"]}
    parts = requests.get(f"{answer}/results", timeout=PATIENCE)
    assert parts.headers["Content-Type"].startswith("multipart/related")
    assert f"Content-Location: {answer}/results/grid".encode() in parts.content
    page = requests.get(f"{job}/results?f=html", timeout=PATIENCE)
    assert page.status_code == 200
    assert "which stayed at localhost:" in page.text
    assert requests.get(f"{job}/results/grid/look", timeout=PATIENCE).status_code == 404


def test_callers_do_not_notice(port, awi):
    with moorage.connect(port.hub.url, progress=False) as hub:
        grid = hub.awi.grid(size=50)
        assert isinstance(grid, xr.DataArray)
        assert grid.shape == (50, 50)
        assert hub.awi.shout("ahoi") == "AHOI"
        assert hub.awi.both().mean == 4.5


def test_what_stays_is_an_input_there_and_where_its_host_is_allowed(port, awi):
    made = port.submit("awi.content", size=123_456)
    port.done(made)
    href = {"href": f"{made}/results/result"}
    assert port.value(port.submit("awi.weigh", content=href)) == 123_456
    refused = port.done(port.submit("weigh", content=href))
    assert refused["status"] == "failed"
    assert "localhost is not a host this service fetches from" in refused["message"]


def test_results_go_when_the_hub_has_no_more_use_for_them(port, awi):
    before = here(awi)
    kept, unwanted = (port.submit("awi.content", size=1000) for _ in range(2))
    port.done(kept), port.done(unwanted)
    assert len(here(awi) - before) == 2
    requests.delete(unwanted, timeout=PATIENCE)
    eventually(lambda: len(here(awi) - before) == 1)
    assert requests.get(f"{kept}/results", timeout=PATIENCE).content == b"x" * 1000


def test_a_restart_loses_no_results(port):
    url = f"http://localhost:{free_port()}"
    with port.joined("gfz", "a", MODULES, url=url) as machine:
        job = port.submit("gfz.content", size=2000)
        port.done(job)
        machine.kill()
    with port.joined("gfz", "a", MODULES, url=url) as machine, port.publishing(machine, url):
        assert requests.get(f"{job}/results", timeout=PATIENCE).content == b"x" * 2000
        requests.delete(job, timeout=PATIENCE)
        eventually(lambda: not here(machine))
        assert requests.get(f"{job}/results", timeout=PATIENCE).status_code == 404


def test_nothing_else_is_given_out(port, awi, address):
    job = port.submit("awi.content", size=1000)
    port.done(job)
    place = requests.get(f"{job}/results/result", timeout=PATIENCE, allow_redirects=False).headers["Location"]
    for path in ("", "/", "/jobs", "/processes", "/results", f"/results/{'0' * 8}-0000-0000-0000-{'0' * 12}/result"):
        answer = requests.get(f"{address}{path}", timeout=PATIENCE)
        assert answer.status_code == 404
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert requests.get(place.replace("/result", "/results", 1) + "x", timeout=PATIENCE).status_code == 404
    assert requests.delete(place, timeout=PATIENCE).status_code == 405
    assert requests.get(place, timeout=PATIENCE).headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("url", ["data.example.org", "ftp://data.example.org", "https://", "https://a.org/?x=1"])
def test_an_address_that_leads_nowhere_is_refused(port, url, capfd):
    state = str(port.folder / "lost")
    code = main(["join", port.nats.url, "--site", "awi", "--state", state, "--url", url, str(AT_SITES)])
    assert code == 1
    assert "it takes an address such as https://data.example.org" in capfd.readouterr().err
