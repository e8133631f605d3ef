"""What docker/ says, held to what it promises; and its processes, run as it names them, without containers."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
import yaml
from engines import METHODS, PATIENCE, eventually
from mooring import cli
from mooring_processes.cli import free_port
from mooring_processes.jobs.wire import connected
from postgres import serving_postgres
from programs import program

TOP = Path(__file__).parents[2]
DOCKER = TOP / "docker"
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "mooring:local"}
ROOT = {"0", "root"}
ON_DASK = Path(__file__).with_name("methods_on_dask.py")


def commands(block: int) -> str:
    """A block of bash of the folder's README."""
    return re.findall(r"^```bash\n(.*?)^```", (DOCKER / "README.md").read_text(), re.MULTILINE | re.DOTALL)[block]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository's folders after what the README says to do first."""
    top = tmp_path_factory.mktemp("top")
    for name in ("docker", "config"):
        shutil.copytree(TOP / name, top / name, ignore=shutil.ignore_patterns("secrets", "methods", "datasets"))
    made = certificate(top)
    subprocess.run(["bash", "-euc", commands(0)], cwd=top, env=os.environ | made, check=True)
    return top / "docker"


def certificate(folder: Path) -> dict[str, str]:
    """A certificate for loopback that nobody signed."""
    made = {"CERTIFICATE": str(folder / "certificate.pem"), "KEY": str(folder / "key.pem")}
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run(
        [*command, "-keyout", made["KEY"], "-out", made["CERTIFICATE"]], check=True, stderr=subprocess.DEVNULL
    )
    return made


# what it promises


@pytest.mark.parametrize("name", SERVICES)
def test_no_container_may_do_more_than_it_must(name):
    service = SERVICES[name]
    assert service["user"].partition(":")[0] not in ROOT
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert set(service.get("cap_add", [])) <= {"NET_BIND_SERVICE"}
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert service["healthcheck"]["test"][0] == "CMD"


def test_the_only_port_is_that_of_the_proxy():
    published = {name: service["ports"] for name, service in SERVICES.items() if service.get("ports")}
    assert published == {"proxy": ["443:8443"]}


def test_dask_and_the_database_are_out_of_reach():
    assert COMPOSE["networks"]["back"] == {"internal": True}
    for name in ("postgres", "scheduler", "dask-worker"):
        assert SERVICES[name]["networks"] == ["back"]
    assert SERVICES["proxy"]["networks"] == ["front"]


def test_every_secret_is_a_file_that_git_does_not_take(prepared):
    for name, secret in COMPOSE["secrets"].items():
        assert (prepared / secret["file"]).read_text().strip(), name
    used = {name for service in SERVICES.values() for name in service.get("secrets", [])}
    assert used == set(COMPOSE["secrets"])
    ignored = subprocess.run(
        ["git", "check-ignore", "docker/secrets/key.pem"], cwd=TOP, capture_output=True, check=False
    )
    assert ignored.returncode == 0
    assert oct((prepared / "secrets").stat().st_mode)[-3:] == "700"


def test_every_path_that_is_mounted_is_there(prepared):
    mounted = [each for service in SERVICES.values() for each in service.get("volumes", [])]
    for mount in mounted:
        source = mount.partition(":")[0]
        if source.startswith("."):
            assert (prepared / source).exists(), mount
            assert mount.endswith(":ro"), mount
        else:
            assert source in COMPOSE["volumes"]


@pytest.mark.parametrize("name", [name for name, service in OURS.items() if "entrypoint" not in service])
def test_every_command_is_one_that_is_taken(name, monkeypatch):
    service = OURS[name]
    health = service["healthcheck"]["test"][1:]
    taken = []
    for command in (service["command"], *([health[1:]] if health[0] == "mooring" else [])):
        found = cli.commands()
        monkeypatch.setattr(type(found[command[0]]), "run", lambda _, arguments: taken.append(arguments) or 0)
        assert cli.main(command) == 0
    assert all(str(each.config) == "/etc/mooring/cluster.yml" for each in taken)
    mounted = {mount.split(":")[1] for mount in service["volumes"]}
    assert "/etc/mooring/cluster.yml" in mounted


def test_what_the_configuration_takes_from_the_environment_is_set():
    names = set(re.findall(r"\$(\w+)", (TOP / "config" / "cluster.yml").read_text())) - {"NAME"}
    for name in ("web", "worker"):
        assert set(OURS[name]["environment"]) == names


def test_the_image_is_built_from_what_there_is():
    lines = (DOCKER / "Dockerfile").read_text()
    for sources in re.findall(r"^COPY (?!--from)(.*) \S+$", lines, re.MULTILINE):
        for source in sources.split():
            assert (TOP / source).exists()
            assert f"!{source}\n" in (DOCKER / "Dockerfile.dockerignore").read_text()
    project = (TOP / "pyproject.toml").read_text()
    for extra in re.findall(r'"\.\[(.*)\]"', lines)[0].split(","):
        assert f"\n{extra} = [\n" in project
    assert set(re.findall(r"^USER (\S+)", lines, re.MULTILINE)) == {OURS["web"]["user"]}


# its processes, without containers


@dataclass(frozen=True)
class Standing:
    """All of compose.yaml's services, as processes of this machine."""

    url: str
    certificate: Path
    places: Path
    """Each web process's and worker's state directory, by name."""
    processes: Mapping[str, subprocess.Popen[bytes]]

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """What the proxy answers."""
        return requests.request(method, f"{self.url}{path}", verify=str(self.certificate), timeout=PATIENCE, **options)

    def submit(self, process: str, **inputs: Any) -> str:
        """Submit; the path of the job."""
        answer = self.request(
            "POST", f"/processes/{process}/execution", json={"inputs": inputs}, headers={"Prefer": "respond-async"}
        )
        assert answer.status_code == 201, answer.text
        assert answer.headers["Location"].startswith(self.url)
        return answer.headers["Location"].removeprefix(self.url)

    def done(self, job: str) -> dict[str, Any]:
        """A job once it is done."""
        return eventually(lambda: (told := self.request("GET", job).json())["status"] not in LIVE and told)

    def at_work(self, name: str) -> list[str] | None:
        """Jobs that a web process or worker runs; None where its supervisor is not there yet."""
        try:
            line = connected(self.places / name / "run" / "socket")
        except OSError:
            return None
        with closing(line):
            line.send({"do": "describe"})
            return list(line.receive(PATIENCE).head["work"].values())


LIVE = ("accepted", "running")


def replaced(words: Sequence[str], changes: Mapping[str, str]) -> list[str]:
    """A command with other values."""
    return [changes.get(word, word) for word in words]


class Ground:
    """Where the services stand: their ports, files and environment.

    Parameters
    ----------
    stack : ends what is started.
    folder : of states and results.
    prepared : what the README says to do first, done.
    """

    def __init__(self, stack: ExitStack, folder: Path, prepared: Path) -> None:
        self.stack = stack
        self.folder = folder
        self.secrets = prepared / "secrets"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.ports: dict[str, int] = {name: free_port() for name in ("proxy", "alive", "scheduler", "dask", "parts")}

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str] = {}) -> None:
        """Begin a process, which ends with the ground."""
        process = subprocess.Popen([*command], env=os.environ | dict(environment), cwd=self.folder)
        self.processes[name] = process
        self.stack.callback(lambda: (process.terminate(), process.wait(timeout=90)))

    def database(self) -> str:
        """The store of compose.yaml, on a server that wants the password of the README."""
        server = self.stack.enter_context(serving_postgres())
        place = sa.make_url(server.database())
        engine = sa.create_engine(place)
        with engine.begin() as connection:
            password = (self.secrets / "postgres-password").read_text().strip()
            connection.execute(sa.text(f"CREATE ROLE mooring LOGIN PASSWORD '{password}'"))
            connection.execute(sa.text("GRANT CREATE ON SCHEMA public TO mooring"))
        engine.dispose()
        rules = server.data / "pg_hba.conf"
        rules.write_text(f"host all mooring 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        server.stop("fast")
        server.start()
        entry = self.folder / "pgpass"
        words = (self.secrets / "pgpass").read_text().split(":")
        entry.write_text(":".join(["127.0.0.1", str(server.port), place.database or "", *words[3:]]))
        entry.chmod(0o400)
        stated = OURS["web"]["environment"]["MOORING_STORE"]
        stated = stated.replace("@postgres/mooring", f"@127.0.0.1:{server.port}/{place.database}")
        return stated.replace("/run/secrets/pgpass", str(entry))

    def environment(self, name: str, store: str) -> dict[str, str]:
        """What a container is told, in places of this machine."""
        stated = OURS[name.partition("-")[0]]["environment"]
        values = {
            "MOORING_URL": f"https://localhost:{self.ports['proxy']}",
            "MOORING_STORE": store,
            "MOORING_RESULTS": str(self.folder / "results"),
            "MOORING_SCHEDULER": f"tcp://127.0.0.1:{self.ports['scheduler']}",
            "MOORING_CALLBACK_SECRET_FILE": str(self.secrets / "callback-secret"),
            "MOORING_SLOTS": "1",
        }
        assert set(values) == set(stated)
        return values | {"MOORING_STATE": str(self.folder / name)}

    def start_ours(self, name: str, store: str, *options: str) -> None:
        """Begin one of a service's replicas with the command of its service."""
        words = replaced(
            OURS[name.partition("-")[0]]["command"],
            {"/etc/mooring/cluster.yml": str(TOP / "config" / "cluster.yml"), "0.0.0.0": "127.0.0.1"},
        )
        command = [sys.executable, "-m", "mooring.cli", *words, *options, "--", str(METHODS), str(ON_DASK)]
        self.start(name, command, self.environment(name, store))

    def start_dask(self) -> None:
        """Begin the scheduler and a worker of it."""
        dask = [sys.executable, "-c", "from dask.__main__ import main; main()"]
        places = {name: str(self.ports[name]) for name in self.ports}
        changes = {"8786": places["scheduler"], ":8787": f":{places['dask']}", ":8788": f":{places['parts']}"}
        changes |= {"tcp://scheduler:8786": f"tcp://127.0.0.1:{places['scheduler']}", "/tmp": str(self.folder)}
        changes |= {"${DASK_WORKER_MEMORY:-4GB}": "1GB"}
        for name in ("scheduler", "dask-worker"):
            command = replaced(OURS[name]["command"], changes)
            self.start(name, [*dask, *command, "--host", "127.0.0.1"])


@contextmanager
def standing(folder: Path, prepared: Path) -> Iterator[Standing]:
    """All services while the block lasts."""
    proxy = program("caddy")
    with ExitStack() as stack:
        ground = Ground(stack, folder, prepared)
        store = ground.database()
        ground.start_dask()
        webs = {name: free_port() for name in ("web-1", "web-2")}
        for name, port in webs.items():
            ground.start_ours(name, store, "--port", str(port))
        for name in ("worker-1", "worker-2"):
            ground.start_ours(name, store)
        secrets = {"certificate": "certificate.pem", "key": "key.pem"}
        for name, file in secrets.items():
            (folder / name).write_text((ground.secrets / file).read_text())
        told = {
            "PORT": str(ground.ports["proxy"]),
            "HEALTH": str(ground.ports["alive"]),
            "SECRETS": str(folder),
            "WEB": " ".join(f"127.0.0.1:{port}" for port in webs.values()),
            "HOME": str(folder),
        }
        ground.start("proxy", [proxy, "run", "--config", str(prepared / "Caddyfile"), "--adapter", "caddyfile"], told)
        url = f"https://localhost:{ground.ports['proxy']}"
        service = Standing(url, folder / "certificate", folder, ground.processes)
        eventually(lambda: answers(service, "/conformance"))
        for port in (ground.ports["dask"], ground.ports["parts"]):
            eventually(lambda port=port: responds(f"http://127.0.0.1:{port}/health"))
        assert responds(f"http://127.0.0.1:{ground.ports['alive']}/")
        yield service


def responds(url: str) -> bool:
    """Whether an address answers well."""
    try:
        return requests.get(url, timeout=PATIENCE).ok
    except requests.ConnectionError:
        return False


def answers(service: Standing, path: str) -> bool:
    """Whether the proxy answers well."""
    try:
        return service.request("GET", path).ok
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="module")
def service(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with standing(tmp_path_factory.mktemp("standing"), prepared) as service:
        yield service


def check(service: Standing, name: str) -> int:
    """The exit code of a worker's own health check."""
    words = replaced(OURS["worker"]["healthcheck"]["test"][2:], {"/etc/mooring/cluster.yml": "local.yml"})
    words = words[: words.index("--config")] + words[words.index("--config") + 2 :]
    command = [sys.executable, "-m", "mooring.cli", *words, "--state", str(service.places / name)]
    return subprocess.run(command, timeout=PATIENCE, check=False).returncode


def test_a_job_is_taken_by_a_worker_and_its_result_served_by_a_web_process(service):
    for name in ("web-1", "web-2", "worker-1", "worker-2"):
        eventually(lambda name=name: answers(service, "/jobs") and service.at_work(name) is not None)
    jobs = [service.submit("slow-sum", numbers=[1.0, 2.0], pause=1.0) for _ in range(4)]
    # one each
    eventually(lambda: service.at_work("worker-1") and service.at_work("worker-2"))
    for name in ("web-1", "web-2"):
        assert service.at_work(name) == []
    assert [service.done(job)["status"] for job in jobs] == ["successful"] * 4
    grid = service.submit("grid", size=100)
    assert service.done(grid)["status"] == "successful"
    for _ in range(4):  # each web process has its turn
        answer = service.request("GET", f"{grid}/results/result", headers={"Range": "bytes=0-3"})
        assert (answer.status_code, answer.content) == (206, b"\x89HDF")


def test_a_call_is_answered(service):
    answer = service.request("POST", "/processes/shout/execution", json={"inputs": {"text": "hello"}})
    assert answer.json() == "HELLO"


def test_an_array_in_parts_is_computed_by_the_cluster(service):
    job = service.submit("mean-of-held", blocks=3)
    assert service.done(job)["status"] == "successful"
    assert service.request("GET", f"{job}/results").json() == 1500.5


def test_workers_tell_whether_they_are_well(service, tmp_path):
    assert check(service, "worker-1") == 0
    assert check(service, "no-such") == 1


def test_a_worker_that_is_stopped_hands_over_and_a_web_process_that_is_killed_is_passed_over(service):
    jobs = [service.submit("slow-sum", numbers=[1.0], pause=2.0) for _ in range(4)]
    eventually(lambda: service.at_work("worker-1"))
    service.processes["worker-1"].send_signal(signal.SIGTERM)
    service.processes["web-1"].kill()
    assert all(service.request("GET", "/conformance").ok for _ in range(10))
    assert [service.done(job)["status"] for job in jobs] == ["successful"] * 4
    assert service.processes["worker-1"].wait(timeout=PATIENCE) == 0
    assert check(service, "worker-1") == 1
    assert check(service, "worker-2") == 0
