"""Whatever the README shows is run, in its order, as a newcomer would."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from moorage_processes.commands.cli import wait_for
from support.programs import program
from support.waiting import eventually

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
URL = "http://localhost:5000"


def blocks(language: str) -> list[str]:
    """The README's blocks of one language, in order."""
    return [text for name, text in BLOCKS if name == language]


AUTHOR, CALLER, COLLEAGUE = blocks("python")
INSTALL, TEST, SERVE, CURL, INVITE, HUB, JOIN = blocks("bash")
CONFIG, HUB_CONFIG = blocks("yaml")


@pytest.fixture(scope="module")
def folder(newcomer: Path) -> Path:
    return newcomer


def demonstration() -> str:
    """The last part of the install line; what stands before it is run by whoever runs these tests."""
    return INSTALL.strip().rpartition("&& ")[2]


def environment(folder: Path) -> dict[str, str]:
    """This environment, with a state directory of its own for a service without --state, and a place for keys."""
    return os.environ | {"MOORAGE_STATE": str(folder / "state"), "XDG_CONFIG_HOME": str(folder / ".config")}


@contextmanager
def running(line: str, folder: Path, state: str = "state") -> Iterator[subprocess.Popen[bytes]]:
    """A line of the README, while the block lasts."""
    places = environment(folder) | {"MOORAGE_STATE": str(folder / state)}
    with subprocess.Popen(f"exec env {line.strip()}", shell=True, cwd=folder, env=places) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=60)


@pytest.fixture
def service(folder: Path) -> Iterator[None]:
    with running(SERVE, folder) as process:
        wait_for(URL, process)
        yield


@pytest.fixture
def hub(folder: Path) -> Iterator[None]:
    """A relay and a hub, as an operator begins them."""
    program("nats-server")
    install, *invitations, relay = INVITE.strip().splitlines()
    assert install.endswith('-e ".[server,sites]"')
    (folder / "config").mkdir()
    shutil.copy(ROOT / "config" / "nats.conf", folder / "config")
    for line in invitations:
        subprocess.run(line, shell=True, cwd=folder, check=True, env=environment(folder))
    (folder / "hub.yml").write_text(HUB_CONFIG)
    with running(relay, folder), running(HUB, folder, "hub") as process:
        wait_for(URL, process)
        yield


def test_the_first_example_stands_before_line_25():
    lines = README.read_text(encoding="utf-8").splitlines()
    assert lines.index("```python") < 24
    assert "@process" in lines[: lines.index("```python") + 10]


def test_every_block_is_known_to_these_tests():
    assert [name for name, _ in BLOCKS] == [
        *("python", "bash", "bash", "bash", "yaml", "bash", "python"),
        *("bash", "yaml", "bash", "bash", "python"),
    ]


def test_the_install_and_the_test_lines_are_those_that_ci_runs():
    assert INSTALL.startswith("python3 -m venv .venv && .venv/bin/pip install -q -c constraints.txt -e")
    assert TEST.strip().endswith(".venv/bin/python -m pytest -q")
    assert len(INSTALL.strip().splitlines()) == len(TEST.strip().splitlines()) == 1


def test_the_demonstration_leaves_a_map_and_what_to_go_on_with(folder):
    left = {path.name for path in (folder / "moorage-demo").iterdir()}
    assert {"demo.yml", "jacksboro.nc"} <= left
    assert any(name.endswith(".png") for name in left)


def test_the_configuration_shown_is_the_one_the_demonstration_wrote(folder):
    shown, written = (
        yaml.safe_load(CONFIG),
        yaml.safe_load((folder / "moorage-demo" / "demo.yml").read_text()),
    )
    assert shown == written


@pytest.mark.usefixtures("service")
def test_curl_fetches_a_picture(folder):
    subprocess.run(CURL, shell=True, cwd=folder, check=True)
    assert (folder / "relief.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("hub")
def test_a_site_behind_a_firewall_is_called_like_any_other(folder):
    with running(JOIN, folder, "site") as site:

        def is_there() -> bool:
            assert site.poll() is None
            return b"awi.relief" in urllib.request.urlopen(f"{URL}/processes", timeout=30).read()

        eventually(is_there)
        call = [sys.executable, "-c", COLLEAGUE]
        done = subprocess.run(call, cwd=folder, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "'id': 'awi', 'state': 'present'" in done.stdout
        listed = subprocess.run(
            [".venv/bin/moorage", "sites", URL], cwd=folder, check=True, capture_output=True, text=True
        )
        assert listed.stdout.startswith("awi  present")


@pytest.mark.usefixtures("service")
def test_the_caller_gets_what_the_readme_says(folder):
    done = subprocess.run([sys.executable, "-c", CALLER], cwd=folder, check=True, capture_output=True, text=True)
    assert "local relief" in done.stdout.lower()


def test_the_author_tests_the_function_by_calling_it():
    import numpy as np
    import xarray as xr

    namespace: dict = {"__name__": "relief"}
    exec(compile(AUTHOR, "relief.py", "exec"), namespace)
    dem = xr.DataArray(np.arange(25.0).reshape(5, 5), dims=("y", "x"))
    assert namespace["relief"](dem, cells=3).values[2, 2] == 12.0


def test_the_figures_quoted_name_their_bench():
    table = README.read_text(encoding="utf-8").split("## Measured")[1].split("## ")[0]
    for name in ("sync-call", "async-call", "array-100mb", "memory", "start"):
        assert name in table
