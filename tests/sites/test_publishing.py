"""Results that stay at a site which has an address of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import moorage
import pytest
import requests
import xarray as xr
from moorage.cli import main
from support.engines import ARRAYS, METHODS
from support.hub_and_sites import HubAndSites, Machine, hub_and_sites
from support.paths import AUTHOR_MODULES
from support.patience import PATIENCE
from support.ports import free_port
from support.waiting import eventually

AT_SITES = AUTHOR_MODULES / "methods_at_sites.py"
MODULES = (str(METHODS), str(ARRAYS), str(AT_SITES))


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[HubAndSites]:
    """A hub for two sites."""
    with hub_and_sites(tmp_path_factory.mktemp("publishing"), "awi", "gfz", modules=list(MODULES)) as service:
        yield service


@pytest.fixture(scope="module")
def address() -> str:
    """Where the site gives out its results."""
    return f"http://localhost:{free_port()}"


@pytest.fixture(scope="module")
def awi(service, address) -> Iterator[Machine]:
    """Its only machine, and what gives out its results."""
    with service.joined("awi", "a", MODULES, url=address) as machine, service.publishing(machine, address):
        yield machine


def hub_files(service: HubAndSites) -> list[Path]:
    """Files of results at the hub."""
    return [path for path in (service.hub.state / "results").rglob("*") if path.is_file()]


def here(machine: Machine) -> set[str]:
    """Jobs whose results are at the site."""
    return {path.name for path in (machine.state / "results").iterdir()}


def test_the_hub_leads_to_results_that_stay(service, awi, address):
    job = service.submit("awi.content", size=3_000_000)
    assert service.done(job)["status"] == "successful"
    led = requests.get(f"{job}/results/result", timeout=PATIENCE, allow_redirects=False)
    assert led.status_code == 303
    assert led.headers["Location"].startswith(f"{address}/results/")
    whole = service.get(f"{job}/results/result")
    assert whole.content == b"x" * 3_000_000
    assert whole.headers["Content-Type"] == "application/octet-stream"
    part = service.get(f"{job}/results", Range="bytes=10-19")
    assert (part.status_code, part.content) == (206, b"x" * 10)
    head = requests.head(f"{job}/results/result", timeout=PATIENCE, allow_redirects=True)
    assert (head.status_code, head.headers["Content-Length"]) == (200, "3000000")
    assert hub_files(service) == []


def test_a_document_has_links_and_small_values(service, awi):
    answer = service.run("awi.both")
    job = service.run("awi.both", {"response": "document"})
    document = service.get(f"{job}/results").json()
    assert document["mean"] == 4.5
    assert document["grid"] == {"href": f"{job}/results/grid", "type": document["grid"]["type"]}
    parts = service.get(f"{answer}/results")
    assert parts.headers["Content-Type"].startswith("multipart/related")
    assert f"Content-Location: {answer}/results/grid".encode() in parts.content
    page = service.get(f"{job}/results?f=html")
    assert page.status_code == 200
    assert "which stayed at localhost:" in page.text
    assert service.get(f"{job}/results/grid/look").status_code == 404


def test_callers_do_not_notice(service, awi):
    with moorage.connect(service.hub.url, progress=False) as hub:
        grid = hub.awi.grid(size=50)
        assert isinstance(grid, xr.DataArray)
        assert grid.shape == (50, 50)
        assert hub.awi.shout("ahoi") == "AHOI"
        assert hub.awi.both().mean == 4.5


def test_what_stays_is_an_input_there_and_where_its_host_is_allowed(service, awi):
    made = service.submit("awi.content", size=123_456)
    service.done(made)
    href = {"href": f"{made}/results/result"}
    assert service.value(service.submit("awi.weigh", content=href)) == 123_456
    refused = service.done(service.submit("weigh", content=href))
    assert refused["status"] == "failed"
    assert "localhost is not a host this service fetches from" in refused["message"]


def test_results_go_when_the_hub_has_no_more_use_for_them(service, awi):
    before = here(awi)
    kept, unwanted = (service.submit("awi.content", size=1000) for _ in range(2))
    service.done(kept), service.done(unwanted)
    assert len(here(awi) - before) == 2
    service.dismiss(unwanted)
    eventually(lambda: len(here(awi) - before) == 1)
    assert service.get(f"{kept}/results").content == b"x" * 1000


def test_a_restart_loses_no_results(service):
    url = f"http://localhost:{free_port()}"
    with service.joined("gfz", "a", MODULES, url=url) as machine:
        job = service.submit("gfz.content", size=2000)
        service.done(job)
        machine.kill()
    with service.joined("gfz", "a", MODULES, url=url) as machine, service.publishing(machine, url):
        assert service.get(f"{job}/results").content == b"x" * 2000
        service.dismiss(job)
        eventually(lambda: not here(machine))
        assert service.get(f"{job}/results").status_code == 404


def test_nothing_else_is_given_out(service, awi, address):
    job = service.submit("awi.content", size=1000)
    service.done(job)
    place = requests.get(f"{job}/results/result", timeout=PATIENCE, allow_redirects=False).headers["Location"]
    for path in ("", "/", "/jobs", "/processes", "/results", f"/results/{'0' * 8}-0000-0000-0000-{'0' * 12}/result"):
        answer = requests.get(f"{address}{path}", timeout=PATIENCE)
        assert answer.status_code == 404
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert requests.get(place.replace("/result", "/results", 1) + "x", timeout=PATIENCE).status_code == 404
    assert requests.delete(place, timeout=PATIENCE).status_code == 405
    assert requests.get(place, timeout=PATIENCE).headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("url", ["data.example.org", "ftp://data.example.org", "https://", "https://a.org/?x=1"])
def test_an_address_that_leads_nowhere_is_refused(service, url, capfd):
    state = str(service.folder / "lost")
    code = main(["join", service.nats.url, "--site", "awi", "--state", state, "--url", url, str(AT_SITES)])
    assert code == 1
    assert "it takes an address such as https://data.example.org" in capfd.readouterr().err
