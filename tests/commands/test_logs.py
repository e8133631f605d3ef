"""In JSON every line of every part is an object, and what concerns a job names it; in text all is as people read it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from moorage_processes.commands.cli import wait_for
from moorage_processes.jobs.ipc import connected
from moorage_processes.jobs.job import Status
from support.engines import catalogue, settings, started
from support.paths import AUTHOR_MODULES
from support.ports import free_port
from support.service_client import ServiceClient, identifier
from support.waiting import eventually

METHODS = str(AUTHOR_MODULES / "methods_for_tests.py")
EVERY_LINE = {"time", "level", "part", "pid", "logger", "message"}


class Told:
    """A service that was run to its end, and what it wrote.

    Parameters
    ----------
    folder : where its files lie.
    """

    def __init__(self, folder: Path) -> None:
        (folder / "site.yml").write_text(yaml.safe_dump({"moorage": {"log": "json", "slots": 1}}))
        port = free_port()
        self.client = ServiceClient(f"http://localhost:{port}")
        self.state = folder / "state"
        command = [sys.executable, "-m", "moorage.cli", "serve", METHODS, "--config", str(folder / "site.yml")]
        command += ["--port", str(port), "--state", str(self.state)]
        with (folder / "out").open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
            wait_for(self.client.url, process)
            self.jobs = {name: self._done(name) for name in ("fail", "speak", "segfault")}
            self.killed = self._killed()
            process.terminate()
            assert process.wait(60) == 0
        self.text = (folder / "out").read_text()
        self.lines: list[dict[str, Any]] = [json.loads(line) for line in self.text.splitlines()]

    def log(self, process: str) -> str:
        """What whoever asked for the job of a process can read."""
        return (self.state / "logs" / f"{self.jobs[process]}.log").read_text()

    def _done(self, process: str) -> str:
        job = self.client.submit(process)
        self.client.until(job, "successful", "failed")
        return identifier(job)

    def _killed(self) -> str:
        """A job whose worker is killed once."""
        job = self.client.submit("slow-sum", numbers=[1.0], pause=2.0)
        # an attempt that no worker has taken up does not count
        eventually((self.state / "begun" / f"{identifier(job)}.1").exists)
        connection = connected(self.state / "run" / "socket")
        connection.send({"do": "describe"})
        (worker,) = connection.receive(60).head["work"]
        os.kill(int(worker), signal.SIGKILL)
        connection.close()
        self.client.until(job, "successful")
        return identifier(job)


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> Told:
    return Told(tmp_path_factory.mktemp("logs"))


def test_every_line_is_an_object_with_the_same_members(told):
    assert all(line.keys() >= EVERY_LINE for line in told.lines)
    assert {"web", "supervisor", "worker"} <= {line["part"] for line in told.lines}


def test_the_service_says_what_it_offers(told):
    (line,) = (line for line in told.lines if "processes at" in line["message"])
    assert (line["part"], line["level"]) == ("web", "INFO")
    assert told.client.url in line["message"]


@pytest.mark.parametrize(("process", "status"), [("fail", "failed"), ("speak", "successful"), ("segfault", "failed")])
def test_the_end_of_a_job_is_a_line(told, process, status):
    lines = [line for line in told.lines if line.get("job") == told.jobs[process] and "status" in line]
    (line,) = lines
    assert (line["process"], line["status"], line["queue"]) == (process, status, "local")
    assert line["attempt"] == (3 if process == "segfault" else 1)
    assert line["seconds"] > 0


def test_what_a_method_raises_stands_in_the_log_of_its_job_and_in_that_of_the_operator(told):
    (line,) = (line for line in told.lines if line["part"] == "worker" and line.get("job") == told.jobs["fail"])
    assert (line["process"], line["attempt"], line["level"]) == ("fail", 1, "ERROR")
    assert "s3cret" in line["error"]
    assert "s3cret" in told.log("fail")
    assert "Traceback" in told.log("fail")


def test_what_a_method_prints_is_for_whoever_asked(told):
    assert told.log("speak")
    assert told.log("speak").splitlines()[0] not in told.text


def test_what_a_method_logs_is_for_both(told):
    (line,) = (line for line in told.lines if line["logger"] == "science")
    assert (line["job"], line["process"], line["message"]) == (told.jobs["speak"], "speak", "logged")
    assert "INFO science: logged" in told.log("speak")


def test_each_attempt_of_a_job_is_told_apart(told):
    lines = [line for line in told.lines if line.get("job") == told.killed]
    assert [(line["attempt"], line["level"]) for line in lines] == [(1, "WARNING"), (2, "INFO")]
    assert all(line["process"] == "slow-sum" and line["part"] == "supervisor" for line in lines)


def test_the_forkserver_writes_the_same(tmp_path, capfd):
    with started(tmp_path / "state", log="json", preload=("no_such_module",)) as under_test:
        under_test.call("shout")
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert "not preloaded: No module named 'no_such_module'" in {
        line["message"] for line in lines if line["part"] == "forkserver"
    }
    assert not (tmp_path / "state" / "logs" / "supervisor.log").exists()


def test_a_method_of_ours_that_cannot_be_loaded_any_more_keeps_nobody_up(tmp_path):
    entries = catalogue().to_json()
    lost = next(each for each in entries if each["id"] == "slow-sum")
    lost["address"] = {"root": None, "file": None, "module": "moorage_processes.methods.gone", "name": "gone"}
    with started(tmp_path / "state", executor={"catalogue": entries}) as under_test:
        assert under_test.call("shout").status is Status.SUCCESSFUL
        assert under_test.run("slow-sum", numbers=[1.0]).status is Status.FAILED
    text = (tmp_path / "state" / "logs" / "supervisor.log").read_text()
    assert "ERROR moorage_processes.execution.executor: gone is not preloaded" in text


def test_in_text_the_author_at_the_terminal_sees_what_their_method_raised(tmp_path, capfd):
    with started(tmp_path / "state") as under_test:
        called, job = under_test.call("fail"), under_test.run("fail")
        under_test.call("refuse")
    told = capfd.readouterr().err
    for each in (called, job):
        assert f": RuntimeError: the password is s3cret (fail failed, reference {each.failure.reference})\n" in told
    assert told.count("Traceback (most recent call last):\n  File ") == 2
    assert f"{METHODS}" in told
    assert "1990 to 1993" not in told


def test_in_text_the_engine_writes_to_its_file_and_no_line_for_each_job(tmp_path, capfd):
    with started(tmp_path / "state") as under_test:
        under_test.run("shout")
    text = (tmp_path / "state" / "logs" / "supervisor.log").read_text()
    assert "INFO moorage_processes.jobs.supervisor.supervisor: supervisor" in text
    assert "is successful" not in text
    assert capfd.readouterr().err == ""


def test_the_settings_of_an_engine_tell_how_it_logs(tmp_path):
    assert settings(tmp_path).fingerprint != settings(tmp_path, log="json").fingerprint
