"""The services of docker/ as processes of this machine, each begun with the command its compose file names."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
import yaml
from moorage_processes.jobs.ipc import connected
from support.engines import ARRAYS, METHODS
from support.paths import AUTHOR_MODULES
from support.patience import PATIENCE
from support.ports import free_port
from support.postgres_server import serving_postgres
from support.programs import program
from support.service_client import ServiceClient
from support.waiting import eventually

TOP = Path(__file__).parents[2]
DOCKER = TOP / "docker"
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SITE = yaml.safe_load((DOCKER / "compose.site.yaml").read_text())
SERVICES = COMPOSE["services"]
ON_DASK = AUTHOR_MODULES / "methods_on_dask.py"


@dataclass(frozen=True)
class ComposedStack(ServiceClient):
    """All of compose.yaml's services, as processes of this machine, reached through the proxy."""

    builder: StackBuilder

    def at_work(self, name: str) -> list[str] | None:
        """Jobs that a web process or worker runs; None where its supervisor is not there."""
        try:
            with closing(connected(self.builder.folder / name / "run" / "socket")) as connection:
                connection.send({"do": "describe"})
                return list(connection.receive(PATIENCE).head["work"].values())
        except (EOFError, OSError):
            return None


NAMES = ("proxy", "alive", "web-1", "web-2", "scheduler", "dask", "parts", "relay", "websocket", "monitor")
"""What has a port here."""
HEALTH = {"dask": "/health", "parts": "/health", "monitor": "/healthz", "alive": "/"}
"""What the health checks ask."""


def replaced(words: Sequence[str], changes: Mapping[str, str]) -> list[str]:
    """A command with other values."""
    return [changes.get(word, word) for word in words]


class StackBuilder:
    """Starts the services: their ports, files and environment.

    Parameters
    ----------
    stack : ends what is started.
    folder : of states and results.
    prepared : what the README says to do first, done.
    """

    def __init__(self, stack: ExitStack, folder: Path, prepared: Path) -> None:
        self.stack = stack
        self.folder = folder
        self.store = ""
        self.secrets = prepared / "secrets"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.relay = prepared.parent / "config" / "nats.conf"
        self.proxy = prepared / "Caddyfile"
        self.ports: dict[str, int] = {name: free_port() for name in NAMES}
        for name in ("certificate", "key"):
            (folder / name).write_text((self.secrets / f"{name}.pem").read_text())

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str] = {}) -> None:
        """Begin a process, which ends with the stack."""
        process = subprocess.Popen([*command], env=os.environ | dict(environment), cwd=self.folder)
        self.processes[name] = process
        self.stack.callback(lambda: (process.terminate(), process.wait(1.5 * PATIENCE)))

    def database(self) -> str:
        """The store of compose.yaml, on a server that wants the password of the README."""
        server = self.stack.enter_context(serving_postgres())
        place = sa.make_url(server.database())
        engine = sa.create_engine(place)
        with engine.begin() as connection:
            password = (self.secrets / "postgres-password").read_text().strip()
            connection.execute(sa.text(f"CREATE ROLE moorage LOGIN PASSWORD '{password}'"))
            connection.execute(sa.text("GRANT CREATE ON SCHEMA public TO moorage"))
        engine.dispose()
        rules = server.data / "pg_hba.conf"
        rules.write_text(f"host all moorage 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        server.stop("fast")
        server.start()
        entry = self.folder / "pgpass"
        words = (self.secrets / "pgpass").read_text().split(":")
        entry.write_text(":".join(["127.0.0.1", str(server.port), place.database or "", *words[3:]]))
        entry.chmod(0o400)
        stated = SERVICES["web"]["environment"]["MOORAGE_STORE"]
        stated = stated.replace("@postgres/moorage", f"@127.0.0.1:{server.port}/{place.database}")
        return stated.replace("/run/secrets/pgpass", str(entry))

    def environment(self, name: str) -> dict[str, str]:
        """What a container is told, in places of this machine."""
        stated = SERVICES[name.partition("-")[0]]["environment"]
        values = {
            "MOORAGE_URL": f"https://localhost:{self.ports['proxy']}",
            "MOORAGE_STORE": self.store,
            "MOORAGE_RESULTS": str(self.folder / "results"),
            "MOORAGE_SCHEDULER": f"tcp://127.0.0.1:{self.ports['scheduler']}",
            "MOORAGE_CALLBACK_SECRET_FILE": str(self.secrets / "callback-secret"),
            "MOORAGE_NATS": f"nats://127.0.0.1:{self.ports['relay']}",
            "MOORAGE_NATS_CREDENTIALS": str(self.secrets / "hub.seed"),
            "MOORAGE_SLOTS": "1",
            "MOORAGE_PROXIES": "127.0.0.1",
        }
        assert set(values) == set(stated)
        return values | {"MOORAGE_STATE": str(self.folder / name)}

    def start_ours(self, name: str, *options: str) -> None:
        """Begin one of a service's replicas with the command of its service."""
        words = replaced(
            SERVICES[name.partition("-")[0]]["command"],
            {"/etc/moorage/cluster.yml": str(TOP / "config" / "cluster.yml"), "0.0.0.0": "127.0.0.1"},
        )
        command = [sys.executable, "-m", "moorage.cli", *words, *options, str(METHODS), str(ARRAYS), str(ON_DASK)]
        self.start(name, command, self.environment(name))

    def start_dask(self) -> None:
        """Begin the scheduler and a worker of it."""
        dask = [sys.executable, "-c", "from dask.__main__ import main; main()"]
        places = {name: str(self.ports[name]) for name in self.ports}
        changes = {"8786": places["scheduler"], ":8787": f":{places['dask']}", ":8788": f":{places['parts']}"}
        changes |= {"tcp://scheduler:8786": f"tcp://127.0.0.1:{places['scheduler']}", "/tmp": str(self.folder)}
        changes |= {"${DASK_WORKER_MEMORY:-4GB}": "1GB"}
        for name in ("scheduler", "dask-worker"):
            command = replaced(SERVICES[name]["command"], changes)
            self.start(name, [*dask, *command, "--host", "127.0.0.1"])

    def start_relay(self) -> None:
        """Begin the relay of sites."""
        stated = SERVICES["relay"]
        changes = {"/etc/nats/nats.conf": str(self.relay), "8222": str(self.ports["monitor"])}
        places = {
            "NATS_PORT": str(self.ports["relay"]),
            "NATS_WEBSOCKET_PORT": str(self.ports["websocket"]),
            "NATS_STORE": str(self.folder / "relay"),
        }
        assert set(places) == set(stated["environment"])
        command = [program(*stated["entrypoint"]), *replaced(stated["command"], changes), "-a", "127.0.0.1"]
        self.start("relay", command, places)

    def start_proxy(self) -> None:
        """Begin the proxy."""
        told = {
            "HOST": "127.0.0.1",
            "PORT": str(self.ports["proxy"]),
            "HEALTH": str(self.ports["alive"]),
            "SECRETS": str(self.folder),
            "WEB": f"127.0.0.1:{self.ports['web-1']} 127.0.0.1:{self.ports['web-2']}",
            "RELAY": f"127.0.0.1:{self.ports['websocket']}",
            "HOME": str(self.folder),
        }
        command = [program("caddy"), "run", "--config", str(self.proxy), "--adapter", "caddyfile"]
        self.start("proxy", command, told)

    def start_site(self, credentials: Path) -> None:
        """Begin a machine of a site, which knows the hub's certificate and nothing else of this."""
        changes = {
            "/run/secrets/site": str(credentials),
            "/etc/moorage/site.yml": str(TOP / "config" / "site.yml"),
        }
        hub, name = (word for word in SITE["services"]["site"]["command"] if word.startswith("${"))
        changes |= {hub: f"wss://localhost:{self.ports['proxy']}/relay", name: credentials.stem}
        words = replaced(SITE["services"]["site"]["command"], changes)
        trusts = {"SSL_CERT_FILE": str(self.folder / "certificate")}
        trusts |= {"REQUESTS_CA_BUNDLE": str(self.folder / "certificate"), "MOORAGE_STATE": str(self.folder / "site")}
        self.start("site", [sys.executable, "-m", "moorage.cli", *words, str(METHODS), str(ARRAYS)], trusts)


@contextmanager
def composed_stack(folder: Path, prepared: Path) -> Iterator[ComposedStack]:
    """All services while the block lasts."""
    with ExitStack() as stack:
        builder = StackBuilder(stack, folder, prepared)
        builder.store = builder.database()
        builder.start_dask()
        builder.start_relay()
        for name in ("web-1", "web-2"):
            builder.start_ours(name, "--port", str(builder.ports[name]))
        for name in ("worker-1", "worker-2"):
            builder.start_ours(name)
        builder.start_proxy()
        address = f"https://localhost:{builder.ports['proxy']}"
        service = ComposedStack(address, builder, verify=str(folder / "certificate"))
        eventually(lambda: service.answers("/conformance"))
        for name, path in HEALTH.items():
            part = ServiceClient(f"http://127.0.0.1:{builder.ports[name]}")
            eventually(lambda part=part, path=path: part.answers(path))
        yield service
