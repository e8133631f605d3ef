"""The parts of the check: what each runs, and how long it may take."""

from __future__ import annotations

import functools
import hashlib
import itertools
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

PACKAGES = {
    "gdal-bin": "gdalinfo",
    "cdo": "cdo",
    "curl": "curl",
    "openssl": "openssl",
    "chromium": "chromium",
    "nodejs": "node",
    "npm": "npm",
    "postgresql": "/usr/lib/postgresql",
    "nats-server": "nats-server",
    "iproute2": "ip",
    "caddy": "caddy",
    "grass-core": "grass",
    "redis-server": "redis-server",
    "strace": "strace",
    "qgis": "/usr/bin/qgis_process.bin",
    "python3-qgis": "/usr/lib/python3/dist-packages/qgis/core",
    "qgis-providers": "/usr/lib/qgis/plugins/libprovider_wfs.so",
}
"""Debian's packages by a program or file that each brings."""
SIDE_BY_SIDE = "-n 3 --dist loadgroup --no-loadscope-reorder -o faulthandler_timeout=600"
"""Three on two cores, since most tests wait; a test that hangs says where, before its part is ended."""
STORM = "tests/faults/test_storm.py::test_each_job_has_one_true_end"
TELLING = (
    "tests/authoring",
    "tests/catalogue",
    "tests/client",
    "tests/configuration",
    "tests/data",
    "tests/plugins",
    "tests/ogc/conformance",
    "tests/jobs/test_engine.py",
    "tests/jobs/test_ipc.py",
    "tests/faults/test_kill.py",
)
"""What depends most on the interpreter and on the pygeoapi that goes with it; the deep run has the rest, in shares."""
SHARES = 5
TURN = 480
"""Seconds of a part that a plain run takes in turn: six minutes, and two for a busy machine."""


@dataclass(frozen=True)
class Part:
    """One part of the check.

    Parameters
    ----------
    about : what it proves, for ``--list``.
    command : for bash, with ``-euo pipefail``.
    limit : seconds after which it has failed.
    environment : beside what all parts have.
    python, cache : where it runs pytest: the interpreter, and the cache that tells what failed.
    is_turn : whether a plain run takes it in turn.
    """

    name: str
    about: str
    command: str
    limit: int
    environment: dict[str, str] = field(default_factory=dict)
    python: str | None = None
    cache: str | None = None
    is_turn: bool = False


def programs() -> Part:
    """Programs the tests drive or compare with; only what is missing, since these may come from elsewhere too."""
    proofs = "\n".join(f'[ -e "{proof}" ] || command -v "{proof}" > /dev/null || missing+=({package})'
                       for package, proof in PACKAGES.items())  # fmt: skip
    install = (
        'DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null'
    )
    command = f'missing=()\n{proofs}\n[ "${{#missing[@]}}" = 0 ] || {{ apt-get update -qq; {install}; }}'
    return Part("programs", "programs of others that the tests drive", command, 300)


def install() -> Part:
    """The README's first block, as it stands there; then what checks the code."""
    command = f"""
    ( {readme(1)} )
    ls -l moorage-demo
    mv moorage-demo "$(mktemp -d)"
    .venv/bin/pip install -q --no-compile -c constraints.txt -e ".[dev]"
    """
    return Part("install", "the README's first block: install and demonstrate", command, 480)


def lint() -> Part:
    """All that reads the code; that which imports it comes last, when the tests beside have installed it anew."""
    yaml_rules = (
        "{extends: default, rules: {line-length: {max: 120}, document-start: disable, comments-indentation: disable}}"
    )
    command = f"""
    .venv/bin/ruff check .
    .venv/bin/ruff format --check .
    .venv/bin/hadolint docker/Dockerfile
    .venv/bin/check-jsonschema --builtin-schema vendor.compose-spec docker/compose*.yaml
    .venv/bin/yamllint --strict -d '{yaml_rules}' config docker
    .venv/bin/mypy
    .venv/bin/basedpyright
    .venv/bin/lint-imports
    """
    return Part("lint", "style, types, floors, container and configuration files", command, 900)


def tests(*, deep: bool) -> Part:
    """The README's test command, with what CI adds to it; a deep run has the storms in a part of their own."""
    left_out = f"--deselect {STORM}" if deep else ""
    options = {"PYTEST_ADDOPTS": f"{SIDE_BY_SIDE} --durations=20 {left_out}"}
    command = f"rm -rf .pytest_cache\n{readme(2)}"
    about = "the whole suite, by the README's command"
    return Part("tests", about, command, 2400, options, ".venv/bin/python", ".pytest_cache")


def newest_install(python: str) -> Part:
    """A second environment; of its libraries Python compiles what the tests import, a part of them."""
    command = f"""
    [ -x .venv-newest/bin/python ] || "{python}" -m venv .venv-newest
    .venv-newest/bin/pip install -q --no-compile -c constraints.txt -e ".[test]"
    """
    return Part("newest-install", "an environment of the newest interpreter", command, 480)


def newest(name: str, about: str, tests: str, *, is_turn: bool = False) -> Part:
    """Tests on the newest interpreter."""
    command = f"""
    rm -rf .venv-newest/cache
    .venv-newest/bin/python --version
    .venv-newest/bin/python -m pytest -q -o cache_dir=.venv-newest/cache {tests}
    """
    options = {"PYTEST_ADDOPTS": f"{SIDE_BY_SIDE} --durations=10"}
    limit = TURN if is_turn else 720
    return Part(name, about, command, limit, options, ".venv-newest/bin/python", ".venv-newest/cache", is_turn)


def newest_share(number: int) -> Part:
    """A share of the tests that the telling ones leave out."""
    told = " ".join(f"--ignore {each}" for each in TELLING)
    wanted = f"--share {number}/{SHARES} {told} --deselect {STORM}"
    return newest(f"newest-{number}", f"share {number} of {SHARES} of the rest on the newest", wanted, is_turn=True)


def bench(name: str, *benches: str, limit: int = TURN, is_turn: bool = True) -> Part:
    """Figures side by side with a peer, each of the long ones once, on a fifth of the days."""
    command = f".venv/bin/python tests/bench/run.py {' '.join(benches)}"
    shorter = {"MOORAGE_BENCH_RUNS": "1", "MOORAGE_BENCH_DAYS": "730"}
    return Part(name, f"figures: {', '.join(benches)}", command, limit, shorter, is_turn=is_turn)


def plain() -> list[Part]:
    """What every run has, but for the turn."""
    python = newest_python()
    telling = newest("newest", "what tells most, on the newest", f'-k "not postgresql" {" ".join(TELLING)}')
    return [
        programs(),
        install(),
        *([newest_install(python)] if python else []),
        lint(),
        tests(deep=False),
        *([telling] if python else []),
        bench("bench", "sync-call", "start", limit=240, is_turn=False),
    ]


def deep() -> list[Part]:
    """What only a deep run has, whole."""
    storms = Part(
        "storms",
        "all four storms",
        f'rm -rf .pytest_cache\n.venv/bin/python -m pytest -q -n 2 --dist load "{STORM}"',
        TURN,
        {"MOORAGE_DEEP": "1"},
        ".venv/bin/python",
        ".pytest_cache",
        is_turn=True,
    )
    fuzz = Part(
        "fuzz",
        "long fuzzing of all that the OpenAPI document describes",
        "rm -rf .pytest_cache\n.venv/bin/python -m pytest -q -n 2 --dist load tests/ogc/test_openapi_fuzzed.py",
        TURN,
        {"MOORAGE_FUZZ": "30"},
        ".venv/bin/python",
        ".pytest_cache",
        is_turn=True,
    )
    examples = Part(
        "examples",
        "each call of each process page, as a person copies it",
        "rm -rf .pytest_cache\n.venv/bin/python -m pytest -q tests/ogc/test_examples.py",
        TURN,
        {"MOORAGE_DEEP": "1"},
        ".venv/bin/python",
        ".pytest_cache",
        is_turn=True,
    )
    shares = [newest_share(number + 1) for number in range(SHARES)] if newest_python() else []
    return [
        storms,
        fuzz,
        examples,
        *shares,
        bench("bench-calls", "sync-call", "python-call", "async-call", "array-100mb", "memory", "start", "describe"),
        bench("bench-jobs", "job-list", "cancel", "progress", "queue-depth", "power-loss", "site-call"),
        bench("bench-engine", "engine-throughput", "scale-out"),
        bench("bench-climate", "climate"),
        bench("bench-peers", "zonal-statistics", "catalogue", limit=3600, is_turn=False),
    ]


def turn(of: int) -> int:
    """A number below *of*, by the commit: its hash, since a shallow clone does not know how many came before."""
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    return int(hashlib.sha256(head.encode()).hexdigest(), 16) % of


def readme(number: int) -> str:
    """The nth bash block of the README, so that what is run here is what stands there."""
    blocks = re.findall(
        r"^```bash\n(.*?)^```$", Path("README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    return blocks[number - 1].strip()


@functools.cache
def newest_python() -> str | None:
    """The newest Python beside the default one."""
    for version in ("3.13", "3.12"):
        known = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
        for candidate in itertools.chain([f"python{version}"], map(str, known)):
            # a name alone proves nothing: it may be a shim
            if (
                subprocess.run(["bash", "-c", f'"{candidate}" --version'], capture_output=True, check=False).returncode
                == 0
            ):
                return candidate
    return None
