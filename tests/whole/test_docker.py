"""What docker/ says, held to what it promises; and its processes, run as it names them, without containers."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from moorage import cli
from support.composed_stack import (
    COMPOSE,
    DOCKER,
    SERVICES,
    SITE,
    TOP,
    ComposedStack,
    composed_stack,
    replaced,
)
from support.patience import PATIENCE
from support.ports import free_port
from support.waiting import eventually

ALL = SERVICES | SITE["services"]
OURS = {name: service for name, service in ALL.items() if service["image"] == "moorage:local"}
ROOT = {"0", "root"}


def commands(block: int) -> str:
    """A block of bash of the folder's README."""
    return re.findall(r"^```bash\n(.*?)^```", (DOCKER / "README.md").read_text(), re.MULTILINE | re.DOTALL)[block]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository's folders after what the README says to do first."""
    top = tmp_path_factory.mktemp("top")
    for name in ("docker", "config"):
        shutil.copytree(
            TOP / name,
            top / name,
            ignore=shutil.ignore_patterns("secrets", "methods", "datasets", "relay", "users.conf"),
        )
    made = certificate(top)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run(["bash", "-euc", commands(0)], cwd=top, env=os.environ | made | {"PATH": path}, check=True)
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


@pytest.mark.parametrize("name", ALL)
def test_no_container_may_do_more_than_it_must(name):
    service = ALL[name]
    assert service["user"].partition(":")[0] not in ROOT
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert set(service.get("cap_add", [])) <= {"NET_BIND_SERVICE"}
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert service["healthcheck"]["test"][0] == "CMD"


def test_the_only_port_is_that_of_the_proxy():
    published = {name: service["ports"] for name, service in ALL.items() if service.get("ports")}
    assert published == {"proxy": ["443:8443"]}


def test_dask_and_the_database_are_out_of_reach():
    assert COMPOSE["networks"]["back"] == {"internal": True}
    for name in ("postgres", "scheduler", "dask-worker"):
        assert SERVICES[name]["networks"] == ["back"]
    assert SERVICES["proxy"]["networks"] == ["front"]


def test_every_secret_is_a_file_that_git_does_not_take(prepared):
    for name, secret in COMPOSE["secrets"].items():
        assert (prepared / secret["file"]).read_text().strip(), name
    for composed in (COMPOSE, SITE):
        used = {name for service in composed["services"].values() for name in service.get("secrets", [])}
        assert used == set(composed["secrets"])
        for secret in composed["secrets"].values():
            subprocess.run(["git", "check-ignore", "-q", f"docker/{secret['file']}"], cwd=TOP, check=True)
    assert oct((prepared / "secrets").stat().st_mode)[-3:] == "700"


@pytest.mark.parametrize("composed", [COMPOSE, SITE], ids=["hub", "site"])
def test_every_path_that_is_mounted_is_there(prepared, composed):
    for mount in [each for service in composed["services"].values() for each in service.get("volumes", [])]:
        source = mount.partition(":")[0]
        if source.startswith("."):
            assert (prepared / source).exists(), mount
            assert mount.endswith(":ro") or mount == "./relay:/relay"
        else:
            assert source in composed["volumes"]


@pytest.mark.parametrize("name", [name for name, service in OURS.items() if "entrypoint" not in service])
def test_every_command_is_one_that_is_taken(name, monkeypatch):
    service = OURS[name]
    health = service["healthcheck"]["test"][1:]
    taken = []
    for command in (service["command"], *([health[1:]] if health[0] == "moorage" else [])):
        found = cli.commands()
        monkeypatch.setattr(type(found[command[0]]), "run", lambda _, arguments: taken.append(arguments) or 0)
        assert cli.main(command) == 0
    mounted = {mount.split(":")[1] for mount in service["volumes"]}
    assert {str(each.config) for each in taken if each.config} < mounted


def test_what_the_configuration_takes_from_the_environment_is_set():
    names = set(re.findall(r"\$(\w+)", (TOP / "config" / "cluster.yml").read_text())) - {"NAME"}
    for name in ("web", "worker"):
        assert set(SERVICES[name]["environment"]) == names


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


@pytest.fixture(scope="module")
def service(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposedStack]:
    with composed_stack(tmp_path_factory.mktemp("composed-stack"), prepared) as service:
        yield service


def check(service: ComposedStack, name: str) -> int:
    """The exit code of the health check of a worker, or a site."""
    stated = ALL[name.partition("-")[0]]["healthcheck"]["test"][2:]
    config = str(TOP / "config" / "cluster.yml")
    environment = service.builder.environment("worker") | {"MOORAGE_STATE": str(service.builder.folder / name)}
    command = [sys.executable, "-m", "moorage.cli", *replaced(stated, {"/etc/moorage/cluster.yml": config})]
    return subprocess.run(command, env=os.environ | environment, timeout=PATIENCE, check=False).returncode


def test_a_job_is_taken_by_a_worker_and_its_result_served_by_a_web_process(service):
    for name in ("web-1", "web-2", "worker-1", "worker-2"):
        eventually(lambda name=name: service.answers("/jobs") and service.at_work(name) is not None)
    jobs = [service.submit("slow-sum", numbers=[1.0, 2.0], pause=3.0) for _ in range(4)]
    # one each, long enough to be seen
    eventually(lambda: service.at_work("worker-1") and service.at_work("worker-2"))
    for name in ("web-1", "web-2"):
        assert service.at_work(name) == []
    assert [service.done(job)["status"] for job in jobs] == ["successful"] * 4
    grid = service.run("grid", size=100)
    for _ in range(4):  # each web process has its turn
        answer = service.get(f"{grid}/results/result", Range="bytes=0-3")
        assert (answer.status_code, answer.content) == (206, b"\x89HDF")


def test_a_call_is_answered(service):
    answer = service.call("shout", text="hello")
    assert answer.json() == "HELLO"


def test_an_array_in_parts_is_computed_by_the_cluster(service):
    assert service.value(service.submit("mean-of-held", blocks=3)) == 1500.5


def test_web_processes_tell_whether_they_are_well(service):
    code = SERVICES["web"]["healthcheck"]["test"][-1]
    assert f'CMD ["python", "-c", "{code}"]' in (DOCKER / "Dockerfile").read_text()
    for port, is_well in ((service.builder.ports["web-2"], True), (free_port(), False)):
        done = subprocess.run(
            [sys.executable, "-c", code.replace("5000", str(port))], stderr=subprocess.DEVNULL, check=False
        )
        assert (done.returncode == 0) == is_well


def test_workers_tell_whether_they_are_well(service, tmp_path):
    assert check(service, "worker-1") == 0
    assert check(service, "worker-3") == 1


def test_a_site_dials_in_through_the_same_port(service, prepared):
    folder = service.builder.folder
    invitation = commands(3).splitlines()[0].split()
    assert invitation == ["moorage", "invite", "awi", "--users", "../config/users.conf", "--credentials", "awi.seed"]
    command = [sys.executable, "-m", "moorage.cli", *invitation[1:-1], str(folder / "awi.seed")]
    subprocess.run(command, cwd=prepared, check=True)
    service.builder.processes["relay"].send_signal(signal.SIGHUP)
    service.builder.start_site(folder / "awi.seed")
    # each web process looks for itself
    eventually(lambda: all(service.get("/processes/awi.grid").ok for _ in range(20)))
    grid = service.run("awi.grid", size=100)
    assert service.get(f"{grid}/results/result").content[:4] == b"\x89HDF"
    assert check(service, "site") == 0


def test_a_worker_that_is_stopped_hands_over_and_a_web_process_that_is_killed_is_passed_over(service):
    jobs = [service.submit("slow-sum", numbers=[1.0], pause=2.0) for _ in range(4)]
    eventually(lambda: service.at_work("worker-1"))
    service.builder.processes["worker-1"].send_signal(signal.SIGTERM)
    service.builder.processes["web-1"].kill()
    assert all(service.get("/conformance").ok for _ in range(10))
    assert [service.done(job)["status"] for job in jobs] == ["successful"] * 4
    assert service.builder.processes["worker-1"].wait(timeout=PATIENCE) == 0
    assert check(service, "worker-1") == 1
    assert check(service, "worker-2") == 0
    # the supervisor of the web process that was killed has nobody left, and ends while it can see that nothing waits
    eventually(lambda: service.at_work("web-1") is None)
