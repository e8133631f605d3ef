"""The check refuses what it does not know, ends what takes too long, and says at its end what came of each part."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / ".ci"))

import main
import parts
import running
from parts import Part
from running import Result
from support.engines import is_alive

pytestmark = pytest.mark.starts


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Logs and caches of parts go to a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "README.md").symlink_to(ROOT / "README.md")


def checked(*wanted: Part) -> list[Result]:
    return main.Check(60).run(list(wanted))


@pytest.mark.parametrize("words", [["nonsense"], ["deep", "nonsense"], ["deep", "deep"], ["--fast"]])
def test_an_argument_that_is_not_known_is_refused(words):
    done = subprocess.run([ROOT / ".ci/run", *words], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 2
    assert repr(words[-1]) in done.stderr
    assert "storms" in done.stderr


def test_the_parts_are_listed():
    done = subprocess.run([ROOT / ".ci/run", "--list"], capture_output=True, text=True, check=True, cwd=ROOT)
    assert {"tests", "newest", "storms", "bench-calls"} <= {
        line.split()[0] for line in done.stdout.splitlines() if line
    }


def test_a_part_that_takes_too_long_is_ended_with_all_that_it_began(tmp_path, capsys):
    command = "setsid sleep 600 & echo $! > pid; echo begun; sleep 600"
    began = time.monotonic()
    late, after = checked(Part("late", "", command, 1), Part("after", "", "echo here", 10))
    assert time.monotonic() - began < 40
    assert (late.is_good, late.outcome) == (False, "took longer than 1 s")
    assert not is_alive(int((tmp_path / "pid").read_text()))
    assert after.is_good
    assert "begun\n" in capsys.readouterr().out
    assert (tmp_path / ".ci/logs/late.log").read_text() == "begun\n"


def test_what_failed_beside_others_is_run_alone_and_that_is_told(tmp_path, capsys):
    (tmp_path / "test_it.py").write_text("""
import pytest
from pathlib import Path
def test_good(): pass
@pytest.mark.xdist_group("a group")
def test_first_time():
    seen = Path("seen").exists(); Path("seen").touch(); assert seen
def test_bad(): assert False
""")
    command = f"{sys.executable} -m pytest -q"
    part = Part("it", "", command, 60, {"PYTEST_ADDOPTS": "-n 1 --dist loadgroup"}, sys.executable, ".pytest_cache")
    results = checked(part)
    assert main.close(results, 3.0) == 1
    table = capsys.readouterr().out
    assert "passed when rerun alone: test_it.py::test_first_time" in table
    assert table.splitlines()[-2].startswith("=== 1 failed, 2 passed in ")
    assert table.splitlines()[-1] == "2 passed, 1 failed"
    (tmp_path / "test_it.py").write_text("def test_good(): pass")
    assert main.close(checked(part), 3.0) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 0 failed"


def test_a_failure_without_a_failed_test_is_counted(capsys):
    good = Result("lint", 1, "passed", is_good=True)
    late = Result("tests", 1, "took longer than 1 s", is_good=False, counts=Counter(passed=3, skipped=1))
    assert main.close([good, late], 3.0) == 1
    assert "4 passed, 1 failed, 1 skipped" in capsys.readouterr().out


def test_counts_are_those_of_all_runs_of_pytest_in_a_log():
    log = "x\n1 failed, 3 passed, 2 warnings in 3.21s\n==== 4 passed, 2 errors in 70.1s (0:01:10) ====\nno 5 passed"
    assert running.counts(log) == Counter(failed=1, passed=7, warnings=2, error=2)


def test_nothing_starts_where_the_installation_fails():
    results = checked(Part("install", "", "exit 3", 10), Part("lint", "", "true", 10))
    assert [(each.outcome, each.is_good) for each in results] == [("failed with code 3", False), ("not run", False)]


def test_each_deep_part_has_its_turn():
    turns = [part.name for part in parts.deep() if part.is_turn]
    assert {"storms", "fuzz", "bench-calls"} <= set(turns)
    assert all(0 <= parts.turn(of) < of for of in (1, 2, len(turns)))


def test_limits_leave_time_for_a_verdict():
    limits = {part.name: part.limit for part in parts.plain()}
    beside = [[sum(limits.pop(name, 0) for name in lane) for lane in group] for group in main.BESIDE]
    longest = max(part.limit for part in parts.deep() if part.is_turn)
    assert sum(map(max, beside)) + sum(limits.values()) + longest + main.ALONE <= main.BUDGET


def test_the_storms_are_where_their_part_looks():
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", parts.STORM]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=plain_environment()).stdout
    assert told.count(f"{parts.STORM}[") == 4


def plain_environment() -> dict[str, str]:
    """This one, without what a run of several workers says to its own."""
    return {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")} | {"MOORAGE_DEEP": "1"}
