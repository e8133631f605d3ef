"""The commands say what is wrong, in one line, and end with 1."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest
import yaml
from support.engines import family
from support.patience import PATIENCE
from support.ports import free_port
from support.programs import processes_with
from support.service_client import ServiceClient


def serve(folder, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`moorage serve` where it cannot."""
    command = [sys.executable, "-m", "moorage.cli", "serve", *arguments, "--state", str(folder / "state")]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing.py"], "nothing.py"),
        (["no.such.module"], "no.such.module"),
        (["broken.py"], "broken.py:3"),
        (["--config", "nothing.yml"], "nothing.yml cannot be read"),
        (["--config", "wrong.yml"], "moorage.modles: there is no such key; did you mean 'modules'?"),
    ],
)
def test_what_cannot_be_served_is_told(tmp_path, arguments, words):
    (tmp_path / "broken.py").write_text("import os\n\nimport not_there\n")
    (tmp_path / "wrong.yml").write_text("moorage: {modles: []}\n")
    done = serve(tmp_path, *arguments)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [[], ["--check"]])
def test_a_worker_that_shares_nothing_is_told_what_is_missing(tmp_path, words):
    command = [sys.executable, "-m", "moorage.cli", "worker", "--state", str(tmp_path / "state"), *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert ("moorage.store: it is missing; a worker shares a PostgreSQL" in done.stderr) == (not words)
    assert "Traceback" not in done.stderr


def test_a_state_directory_that_cannot_be_used_is_told(tmp_path):
    (tmp_path / "state").write_text("a file, not a directory")
    done = serve(tmp_path)
    assert done.returncode == 1
    assert "state" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_start_that_fails_leaves_nothing_behind(tmp_path):
    (tmp_path / "state").write_text("a file, not a directory")
    source = tmp_path / "waits.py"
    source.write_text("open(__file__ + '.go').read()\n")
    os.mkfifo(f"{source}.go")
    done = serve(tmp_path, str(source))
    assert done.returncode == 1
    assert "state" in done.stderr
    assert not processes_with(str(source))


@pytest.mark.parametrize(("status", "code", "told"), [("None", 0, ""), ("3", 3, ""), ("'a reason'", 1, "a reason\n")])
def test_an_exit_writes_what_is_pending_and_waits_for_no_thread(tmp_path, status, code, told):
    program = f"""
import sys, tempfile, threading
from moorage_processes.commands.exit import exit_now
folder = tempfile.TemporaryDirectory(dir={str(tmp_path)!r})
threading.Thread(target=threading.Event().wait).start()
sys.stdout.write("not flushed")
exit_now({status})
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "not flushed", told)
    assert not list(tmp_path.iterdir())


ONE = """
from moorage_processes import process

@process
def one() -> int:
    \"\"\"One.\"\"\"
    return 1
"""


def test_a_port_in_use_is_told_in_one_line_before_anything_is_begun(tmp_path):
    (tmp_path / "one.py").write_text(ONE)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = serve(tmp_path, "one.py", "--port", port)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"port {port} of localhost is in use; ")
    assert not (tmp_path / "state" / "logs" / "supervisor.log").exists()


def test_an_address_that_this_machine_does_not_have_is_told(tmp_path):
    done = serve(tmp_path, "--host", "192.0.2.1", "--port", "5000")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("port 5000 of 192.0.2.1 cannot be used: ")


def test_one_process_at_an_ipv6_address(tmp_path):
    (tmp_path / "one.py").write_text(ONE)
    (tmp_path / "one.yml").write_text(yaml.safe_dump({"moorage": {"installed": False}}))
    command = [sys.executable, "-m", "moorage.cli", "serve", "one.py", "--config", "one.yml", "--host", "::1"]
    port = free_port()
    command += ["--port", str(port), "--state", str(tmp_path / "state")]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout.readline() == f"1 process at http://[::1]:{port}: one\n"
        client = ServiceClient(f"http://[::1]:{port}")
        assert client.call("one").json() == 1
        assert client.run("one").startswith(f"http://[::1]:{port}/jobs/")
        service.terminate()
        assert service.wait(PATIENCE) == 0


def test_a_start_that_fails_ends_the_supervisor_that_it_began(tmp_path):
    (tmp_path / "one.py").write_text(ONE)
    named = {"moorage": {"installed": False}, "datasets": {"one": "one.nc"}}
    (tmp_path / "one.yml").write_text(yaml.safe_dump(named))
    done = serve(tmp_path, "one.py", "--config", "one.yml", "--port", str(free_port()))
    assert done.returncode == 1
    assert "datasets.one: there is a process" in done.stderr
    supervisor = (tmp_path / "state" / "logs" / "supervisor.log").read_text()
    assert (supervisor.count(" begins\n"), supervisor.count(" ends\n")) == (1, 1)
    assert not family(tmp_path / "state")
