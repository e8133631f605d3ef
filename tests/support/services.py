"""Real services in processes of their own, for the tests that need one: ours, and pygeoapi as it comes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from moorage_processes.commands.cli import wait_for
from moorage_processes.configuration.configuration import shipped
from support.patience import PATIENCE
from support.ports import free_port

HELLO = {"hello-world": {"type": "process", "processor": {"name": "HelloWorld"}}}


@dataclass(frozen=True)
class Running:
    """A service that answers."""

    url: str
    process: subprocess.Popen[bytes]
    state: Path


@contextmanager
def serve(
    folder: Path,
    modules: Sequence[str] = (),
    *,
    ours: bool = False,
    options: Sequence[str] = (),
    terminal: Path | None = None,
    **sections: dict,
) -> Iterator[Running]:
    """Serve *modules* from *folder* while the block lasts.

    Parameters
    ----------
    ours : whether the methods that come with Moorage are served too; to describe them is most of the work of a start.
    options : of the command.
    terminal : file that has all that the command writes; without it, it goes where the tests' own words go.
    sections : laid over the shipped configuration; running jobs are not waited for at the end unless ``drain`` says so.
    """
    document = yaml.safe_load(shipped("local.yml").read_text())
    document["moorage"] |= {"installed": ours, "drain": 0}
    for name, section in sections.items():
        document[name] = {**document[name], **section}
    config, port, state = folder / "config.yml", free_port(), folder / "state"
    config.write_text(yaml.safe_dump(document))
    url = f"http://localhost:{port}"
    command = [sys.executable, "-m", "moorage.cli", "serve", *modules]
    command += ["--config", str(config), "--port", str(port), "--state", str(state), *options]
    environment = os.environ | {"PROJ_NETWORK": "ON"}  # which the service must not heed
    with ExitStack() as stack:
        out = None if terminal is None else stack.enter_context(terminal.open("wb"))
        process = stack.enter_context(subprocess.Popen(command, stdout=out, stderr=out, env=environment))
        yield stack.enter_context(_answering(Running(url, process, state)))


@contextmanager
def _answering(service: Running) -> Iterator[Running]:
    """A service from its first answer until the block ends, which stops it."""
    try:
        wait_for(service.url, service.process, PATIENCE)
        yield service
    finally:
        service.process.terminate()
        service.process.wait(PATIENCE)


@contextmanager
def unmodified(
    folder: Path,
    resources: Mapping[str, dict] = HELLO,
    *,
    manager: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """pygeoapi as it comes, under gunicorn with our numbers of processes and threads, while the block lasts."""
    # the server imports all that it serves with
    from moorage_processes.app import THREADS
    from moorage_processes.commands.serve import PROCESSES

    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    url = f"http://localhost:{port}"
    places = _configured(folder, url, resources, manager, os.environ | dict(environment or {}))
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread"]
    command += ["--workers", str(PROCESSES), "--threads", str(THREADS), "--keep-alive", "75", "pygeoapi.flask_app:APP"]
    quiet = subprocess.DEVNULL
    with (
        subprocess.Popen(command, env=places, stderr=quiet) as process,
        _answering(Running(url, process, folder)) as service,
    ):
        yield service


def _configured(
    folder: Path,
    url: str,
    resources: Mapping[str, dict],
    manager: Mapping[str, str] | None,
    environment: dict[str, str],
) -> dict[str, str]:
    document = yaml.safe_load(shipped("local.yml").read_text())
    document = {name: document[name] for name in ("server", "logging", "metadata")}
    document["server"] |= {"url": url, "cors": False} | ({"manager": dict(manager)} if manager else {})
    document["resources"] = dict(resources)
    config, openapi = folder / "config.yml", folder / "openapi.yml"
    config.write_text(yaml.safe_dump(document))
    places = environment | {"PYGEOAPI_CONFIG": str(config), "PYGEOAPI_OPENAPI": str(openapi)}
    generate = [sys.executable, "-c", "from pygeoapi import cli; cli()"]
    generate += ["openapi", "generate", str(config), "--output-file", str(openapi)]
    subprocess.run(generate, env=places, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return places
