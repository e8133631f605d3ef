"""A hub, its relay and its sites, as real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from support.engines import METHODS, family
from support.nats_server import Nats, serving_nats
from support.patience import PATIENCE
from support.service_client import ServiceClient
from support.services import Running, serve
from support.waiting import eventually


@dataclass(frozen=True)
class Machine:
    """One machine of a site."""

    process: subprocess.Popen[bytes]
    state: Path

    def kill(self) -> None:
        """Kill all that runs on it."""
        self.process.kill()
        self.process.wait()
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)

    def pids(self) -> set[int]:
        """Its supervisor, and all that descends from it."""
        found = family(self.state)
        for line in (self.state / "logs" / "supervisor.log").read_text().splitlines():
            if line.rpartition(" begins")[1] and " supervisor " in line:
                pid = int(line.split(" supervisor ")[1].split()[0])
                if Path(f"/proc/{pid}").exists():
                    found.add(pid)
        return found


@dataclass(frozen=True)
class HubAndSites(ServiceClient):
    """A hub, as its callers reach it, and the relay its sites dial."""

    hub: Running
    nats: Nats
    folder: Path

    def site(self, name: str) -> dict[str, Any] | None:
        """A site, as the hub tells of it; None where it does not."""
        sites = self.get("/sites").json()["sites"]
        return next((each for each in sites if each["id"] == name), None)

    @contextmanager
    def joined(
        self, name: str = "awi", machine: str = "a", modules: Sequence[str] = (str(METHODS),), **sections: Any
    ) -> Iterator[Machine]:
        """A machine of a site, until the block ends."""
        state = self.folder / f"{name}-{machine}"
        process = self.join(name, state, modules, **sections)
        try:
            eventually(lambda: process.poll() is not None or (state / "run" / "socket").exists())
            assert process.poll() is None
            eventually(lambda: self.is_listed(name))
            yield Machine(process, state)
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            process.wait(PATIENCE)
        eventually(lambda: not family(state))

    def join(
        self, name: str, state: Path, modules: Sequence[str], url: str | None = None, **sections: Any
    ) -> subprocess.Popen[bytes]:
        """Begin a machine of a site."""
        config = self.folder / f"{state.name}.yml"
        moorage = {"installed": False, "slots": 2, "drain": 0.0, **sections.pop("moorage", {})}
        config.write_text(yaml.safe_dump({"moorage": moorage, **sections}))
        command = [sys.executable, "-m", "moorage.cli", "join", self.nats.url, "--site", name]
        command += ["--credentials", str(self.nats.credentials(name)), "--state", str(state)]
        if url is not None:
            command += ["--url", url]
        return subprocess.Popen([*command, "--config", str(config), *modules])

    @contextmanager
    def publishing(self, machine: Machine, url: str) -> Iterator[None]:
        """A site's own address, while the block lasts."""
        command = [sys.executable, "-m", "moorage.cli", "publish", "--site", "awi", "--port", url.rpartition(":")[2]]
        with subprocess.Popen([*command, "--state", str(machine.state)]) as process:
            try:
                eventually(lambda: process.poll() is not None or ServiceClient(url).answers("/healthz"))
                assert process.poll() is None
                yield
            finally:
                process.terminate()
                process.wait(PATIENCE)

    def is_listed(self, name: str) -> bool:
        """Whether the hub lists processes of a site that is there."""
        site = self.site(name)
        return site is not None and site["state"] == "present" and self.lists(site["processes"][0])

    def lists(self, process: str) -> bool:
        """Whether the hub lists a process."""
        return self.get(f"/processes/{process}").status_code == 200


@contextmanager
def hub_and_sites(folder: Path, *sites: str, **moorage: Any) -> Iterator[HubAndSites]:
    """A hub and a relay for *sites*, while the block lasts."""
    (folder / "hub").mkdir(parents=True)
    with serving_nats(folder / "relay", *sites) as nats:
        relay = {"nats": nats.url, "nats_credentials": str(nats.credentials("hub")), "site_lease": 6.0}
        with serve(
            folder / "hub", [], moorage={"installed": False, "modules": [str(METHODS)], **relay, **moorage}
        ) as hub:
            yield HubAndSites(hub.url, hub, nats, folder)
