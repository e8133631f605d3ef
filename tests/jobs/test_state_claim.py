"""One state directory is for services of the same settings; others are told so, and take over where one ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import pytest
from moorage_processes.commands.cli import free_port
from moorage_processes.jobs.files.state_claim import StateClaim
from moorage_processes.jobs.files.state_directory import StateDirectory, StateDirectoryError
from moorage_processes.ogc.shutdown import StopSignal
from support.paths import AUTHOR_MODULES

HOLDER = """
import os, sys
from pathlib import Path
from moorage_processes.jobs.files.state_claim import StateClaim
from moorage_processes.jobs.files.state_directory import StateDirectory
claim = StateClaim.make(StateDirectory(Path(sys.argv[1])), sys.argv[2])
if os.fork() == 0:
    # a web process, which answers until the pipe ends
    os.read(int(sys.argv[3]), 1)
    os._exit(0)
print(os.getpid(), flush=True)
sys.stdin.readline()
claim.release()
print("leaves", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def state(tmp_path):
    state = StateDirectory(tmp_path)
    state.prepare()
    return state


@contextmanager
def another_service(state: StateDirectory, fingerprint: str) -> Iterator[subprocess.Popen[str]]:
    """The first process of another service, and a web process that it forked."""
    read, write = os.pipe()
    command = [sys.executable, "-c", HOLDER, str(state.path), fingerprint, str(read)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "pass_fds": [read]}
    with subprocess.Popen(command, **pipes) as process:
        os.close(read)
        try:
            assert int(process.stdout.readline()) == process.pid
            yield process
        finally:
            os.close(write)


def say(process: subprocess.Popen[str], words: str) -> None:
    process.stdin.write(words)
    process.stdin.flush()


def test_a_service_with_other_settings_is_refused_and_one_with_the_same_is_not(state):
    with another_service(state, "these") as service:
        with pytest.raises(StateDirectoryError) as refused:
            StateClaim.make(state, "others", patience=0.0)
        (line,) = str(refused.value).splitlines()
        for words in (str(state.path), f"process {service.pid}", "stop that one", "--state"):
            assert words in line
        StateClaim.make(state, "these", patience=0.0).release()


def test_a_service_that_ends_makes_way_while_it_still_answers(state):
    with another_service(state, "these") as service:
        say(service, "leave\n")
        assert service.stdout.readline() == "leaves\n"
        StateClaim.make(state, "others", patience=0.0).release()
        assert service.poll() is None


def test_a_service_that_was_killed_makes_way_while_its_web_processes_still_answer(state):
    with another_service(state, "these") as service:
        os.kill(service.pid, signal.SIGKILL)
        service.wait()
        StateClaim.make(state, "others", patience=0.0).release()
        assert [path.name for path in state.run.glob("service-*")] == []


def test_a_service_waits_a_little_for_another_to_go(state):
    with another_service(state, "these") as service:
        Timer(0.3, say, [service, "leave\n"]).start()
        StateClaim.make(state, "others", patience=60.0).release()


def test_a_process_that_claims_anew_replaces_its_own_claim(state):
    first = StateClaim.make(state, "these")
    second = StateClaim.make(state, "edited", patience=0.0)
    (path,) = state.run.glob("service-*")
    assert json.loads(path.read_text())["fingerprint"] == "edited"
    first.release()
    assert path.exists()
    second.release()


def test_whoever_announces_the_stop_makes_way():
    done: list[str] = []
    stop = StopSignal()
    stop.then(lambda: done.append("made way"))
    stop.set()
    assert (done, stop.is_set) == (["made way"], True)


def test_a_second_service_on_the_state_of_the_first_ends_with_one_line(running, tmp_path):
    before = supervisor(running.state)
    modules = [str(AUTHOR_MODULES / "methods_for_tests.py")]
    (tmp_path / "lean.yml").write_text("moorage: {installed: false}\n")
    arguments = ["--config", str(tmp_path / "lean.yml"), "--port", str(free_port()), "--state", str(running.state)]
    command = [sys.executable, "-m", "moorage.cli", "serve", *arguments, *modules]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stderr.count("is in use by a service with other settings") == 1
    assert ended.stdout == ""
    assert supervisor(running.state) == before


def supervisor(state: Path) -> int:
    from moorage_processes.jobs.ipc import connected

    connection = connected(state / "run" / "socket")
    connection.send({"do": "describe"})
    pid: int = connection.receive(60).head["supervisor"]
    connection.close()
    return pid
