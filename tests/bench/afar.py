"""What it costs that a process runs at a site, which is reached through a relay."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from figures import Figure, in_turn
from support.hub_and_sites import HubAndSites, hub_and_sites

METHODS = str(Path(__file__).parent / "methods.py")


def site_call(folder: Path) -> Iterator[Figure]:
    """A small call through a site, beside the same call of the hub's own; and how soon the caller hears a method."""
    import moorage

    with hub_and_sites(folder, "awi", modules=[METHODS]) as service, service.joined("awi", "a", [METHODS]):
        hub = moorage.connect(service.hub.url, progress=False)
        afar, here = hub.awi.hello, hub.hello
        ours, peer = in_turn(lambda: afar("Ada"), lambda: here("Ada"), runs=200, warm=20)
        yield Figure("site-call", ours * 1e3, peer * 1e3, "ms", "at most 3x", "the hub's own process")
        heard = _heard(service)
    yield Figure("progress, by a site", median(heard) * 1e3, None, "ms", "under 100 ms", "")


def _heard(service: HubAndSites) -> list[float]:
    """Seconds from a method's words, which tell when they were said, to the caller who holds a request for them."""
    import requests

    delays: list[float] = []
    job, said = service.submit("awi.tell", times=40), ""
    tag = requests.get(job, timeout=60).headers["ETag"]
    told = {"status": "running"}
    while told["status"] in ("accepted", "running"):
        answer = requests.get(job, headers={"Prefer": "wait=20", "If-None-Match": tag}, timeout=60)
        if answer.status_code == 304:
            continue
        told, tag = answer.json(), answer.headers["ETag"]
        if told["status"] == "running" and told["message"] not in ("", said):
            said = told["message"]
            delays.append(time.time() - float(said))
    return delays
