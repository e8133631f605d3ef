"""A real `mooring serve` in a process of its own, for the tests that need one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from mooring_processes.cli import free_port, wait_for
from mooring_processes.configuration import shipped


@dataclass(frozen=True)
class Running:
    """A service that answers."""

    url: str
    process: subprocess.Popen[bytes]
    state: Path


@contextmanager
def serve(folder: Path, modules: Sequence[str] = (), **sections: dict) -> Iterator[Running]:
    """Serve *modules* from *folder* while the block lasts; *sections* are laid over the shipped configuration."""
    document = yaml.safe_load(shipped("local.yml").read_text())
    for name, section in sections.items():
        document[name] = {**document[name], **section}
    config, port, state = folder / "config.yml", free_port(), folder / "state"
    config.write_text(yaml.safe_dump(document))
    url = f"http://localhost:{port}"
    command = [sys.executable, "-m", "mooring.cli", "serve", *modules]
    command += ["--config", str(config), "--port", str(port), "--state", str(state)]
    with subprocess.Popen(command) as process:
        try:
            wait_for(url, process)
            yield Running(url, process, state)
        finally:
            process.terminate()
            process.wait(timeout=60)
