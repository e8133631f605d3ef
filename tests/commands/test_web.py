"""The web server alone: connections that last, processes that die, ends in good order, a port that is taken."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from moorage_processes.jobs.workers import linux
from support import small_server
from support.engines import is_alive
from support.patience import PATIENCE
from support.ports import free_port
from support.waiting import eventually

PROCESSES = 2


@dataclass(frozen=True)
class Small:
    """A running server."""

    folder: Path
    host: str
    port: int
    process: subprocess.Popen[str]

    def connection(self) -> http.client.HTTPConnection:
        """A connection to it."""
        return http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)

    def ask(self, path: str, method: str = "GET", **options: Any) -> bytes:
        """The body of an answer on a connection of its own."""
        connection = self.connection()
        connection.request(method, path, **options)
        try:
            return connection.getresponse().read()
        finally:
            connection.close()

    def who(self, **options: Any) -> dict[str, Any]:
        """What a request looks like there."""
        return json.loads(self.ask("/who", **options))

    @property
    def is_listening(self) -> bool:
        """Whether it takes connections."""
        try:
            socket.create_connection((self.host, self.port)).close()
        except ConnectionRefusedError:
            return False
        return True

    @property
    def web(self) -> list[int]:
        """Its web processes that have begun."""
        return [pid for pid in linux.children(self.process.pid) if (self.folder / f"begun-{pid}").exists()]


def begun(folder: Path, port: int, host: str = "127.0.0.1", delay: float = 0.0) -> Small:
    """A server that is starting."""
    words = [sys.executable, small_server.__file__, str(folder), host, str(port), str(delay)]
    return Small(folder, host, port, subprocess.Popen(words, stderr=subprocess.PIPE, text=True))


@contextmanager
def small(folder: Path, port: int | None = None, **options: Any) -> Iterator[Small]:
    """A server while the block lasts."""
    server = begun(folder, port or free_port(), **options)
    try:
        eventually(lambda: len(server.web) == PROCESSES)
        yield server
    finally:
        (folder / "go").touch()
        server.process.terminate()
        server.process.communicate(timeout=PATIENCE)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    folder = tmp_path_factory.mktemp("web")
    with (folder / "large").open("wb") as file:
        file.truncate(small_server.LARGE)
    with small(folder) as server:
        yield server


# connections


@pytest.mark.parametrize(
    ("path", "status", "body"), [("/chunks", 200, b"ab"), ("/same", 304, b""), ("/who", 200, None)]
)
def test_a_connection_lasts_whatever_the_length_of_an_answer(server, path, status, body):
    connection = server.connection()
    connection.request("GET", path)
    answer = connection.getresponse()
    assert answer.status == status
    assert answer.read() == body or body is None
    first = connection.sock
    assert first is not None
    connection.request("HEAD", path)
    assert connection.getresponse().read() == b""
    connection.request("GET", "/who")
    assert json.loads(connection.getresponse().read())["REQUEST_METHOD"] == "GET"
    assert connection.sock is first
    connection.close()


@pytest.mark.parametrize(
    ("length", "headers"),
    [
        (100_001, {}),
        (20_000_000, {}),
        (100_001, {"Expect": "100-continue"}),
        (300_000, {"Transfer-Encoding": "chunked"}),
    ],
)
def test_a_body_that_is_too_large_is_refused_with_a_problem_that_can_be_read(server, length, headers):
    connection = server.connection()
    body = iter([b"x" * length]) if "Transfer-Encoding" in headers else b"x" * length
    connection.request("POST", "/size", body=body, headers=headers, encode_chunked="Transfer-Encoding" in headers)
    answer = connection.getresponse()
    problem = json.loads(answer.read())
    assert (answer.status, answer.headers["Content-Type"]) == (413, "application/problem+json")
    assert (problem["status"], problem["type"]) == (413, "RequestEntityTooLarge")
    assert "more than 100000 bytes" in problem["detail"]
    connection.close()


def test_the_largest_body_that_is_allowed_is_taken(server):
    assert server.ask("/size", "POST", body=b"x" * 100_000) == b"100000"


def test_a_caller_who_asks_first_is_told_to_go_on(server):
    with socket.create_connection((server.host, server.port), PATIENCE) as sock:
        sock.sendall(b"POST /size HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"abc")
        assert sock.recv(1000).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 70_000, 431),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    ],
)
def test_what_is_no_request_is_answered_with_a_problem(server, request_, status):
    with socket.create_connection((server.host, server.port), PATIENCE) as sock:
        sock.sendall(request_)
        answer = http.client.HTTPResponse(sock)
        answer.begin()
        assert (answer.status, json.loads(answer.read())["status"]) == (status, status)


def test_an_upload_is_read_by_the_application_whatever_its_size(server):
    assert server.ask("/upload", "PUT", body=b"x" * 5_000_000) == b"5000000"
    assert server.ask("/upload", "PUT", body=b"x" * 5_000_000, headers={"Expect": "100-continue"}) == b"5000000"
    # of any length only where it is stated
    assert json.loads(server.ask("/upload", "PUT", body=iter([b"x" * 300_000]), encode_chunked=True))["status"] == 413


def test_an_upload_that_is_refused_is_answered_before_it_has_come(server):
    with socket.create_connection((server.host, server.port), PATIENCE) as sock:
        sock.sendall(b"PUT /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\nxyz")
        answer = http.client.HTTPResponse(sock)
        answer.begin()
        assert (answer.status, answer.read(), answer.headers["Connection"]) == (404, b"none", "close")


def test_an_upload_whose_caller_has_gone_frees_its_thread(server):
    for _ in range(10):  # more than there are threads in one process
        with socket.create_connection((server.host, server.port), PATIENCE) as sock:
            sock.sendall(b"PUT /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nxyz")
            eventually((server.folder / "upload").exists)
            (server.folder / "upload").unlink()
    assert {server.who()["pid"] for _ in range(20)} <= set(server.web)


def test_slow_readers_of_a_large_file_hold_no_thread_and_little_memory(server):
    held = linux.resident(server.web)
    slow = []
    for _ in range(40):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        sock.settimeout(PATIENCE)
        sock.connect((server.host, server.port))
        sock.sendall(b"GET /file HTTP/1.1\r\nHost: a\r\n\r\n")
        assert sock.recv(100)
        slow.append(sock)
    assert {server.who()["pid"] for _ in range(40)} <= set(server.web)
    assert linux.resident(server.web) - held < 50_000_000
    for sock in slow:
        sock.close()
    assert len(server.ask("/file")) == small_server.LARGE


# processes


def test_a_web_process_that_dies_is_replaced(server):
    before = server.web
    with pytest.raises(http.client.RemoteDisconnected):
        server.ask("/stop")
    eventually(lambda: len(server.web) == PROCESSES and set(server.web) != set(before))
    before = server.web
    os.kill(before[0], signal.SIGKILL)
    eventually(lambda: len(server.web) == PROCESSES and before[0] not in server.web)
    assert server.who()["pid"] in server.web


def test_a_service_that_cannot_begin_says_so_and_ends(tmp_path):
    (tmp_path / "broken").touch()
    server = begun(tmp_path, free_port())
    _, told = server.process.communicate(timeout=PATIENCE)
    assert server.process.returncode == 1
    assert "it is broken" in told


# ends


def test_what_was_asked_is_answered_before_the_end(tmp_path):
    with small(tmp_path) as server, ThreadPoolExecutor(1) as caller:
        web, idle, half = server.web, server.connection(), server.connection()
        idle.request("GET", "/who")
        idle.getresponse().read()
        answer = caller.submit(server.ask, "/wait")
        eventually((tmp_path / "waits").exists)
        half.connect()
        half.sock.sendall(b"GET /who HTTP/1.1\r\n")
        server.process.terminate()
        eventually(lambda: not server.is_listening)
        assert idle.sock.recv(1) == b""
        (tmp_path / "go").touch()
        assert answer.result() == b"waited"
        assert half.sock.recv(1) == b""
        assert server.process.wait(PATIENCE) == 0
    assert {path.name for path in tmp_path.glob("ended-*")} == {f"ended-{pid}" for pid in web}
    assert (tmp_path / f"all-{server.process.pid}").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_an_urgent_signal_waits_for_nothing(tmp_path, number):
    with small(tmp_path) as server, ThreadPoolExecutor(1) as caller:
        web = server.web
        answer = caller.submit(server.ask, "/wait")
        eventually((tmp_path / "waits").exists)
        server.process.terminate()
        eventually(lambda: not server.is_listening)
        server.process.send_signal(number)
        with pytest.raises(http.client.RemoteDisconnected):
            answer.result()
        assert server.process.wait(PATIENCE) == 0
        assert not any(map(is_alive, web))


def test_the_end_is_announced_and_a_second_signal_does_not_wait_for_it(tmp_path):
    with small(tmp_path, delay=3600.0) as server:
        server.process.terminate()
        eventually(lambda: server.who()["leaving"])
        server.process.terminate()
        assert server.process.wait(PATIENCE) == 0


def test_a_first_process_that_is_killed_takes_the_others_along_and_the_next_has_its_port(tmp_path):
    with small(tmp_path) as server, ThreadPoolExecutor(1) as caller:
        web = server.web
        answer = caller.submit(server.ask, "/wait")
        eventually((tmp_path / "waits").exists)
        # one of them leaves later than the next service begins
        late = next(pid for pid in web if not linux.children(pid))
        os.kill(late, signal.SIGSTOP)
        server.process.kill()
        server.process.wait(PATIENCE)
        following = begun(tmp_path, server.port)
        assert following.process.poll() is None
        os.kill(late, signal.SIGCONT)
        eventually(lambda: len(following.web) == PROCESSES)
        assert following.who()["pid"] in following.web
        (tmp_path / "go").touch()
        assert answer.result() == b"waited"
        eventually(lambda: not any(map(is_alive, web)))
        following.process.terminate()
        assert following.process.wait(PATIENCE) == 0


# the port


def test_a_port_that_is_taken_is_told_in_one_line(tmp_path):
    with small(tmp_path) as server:
        second = begun(tmp_path, server.port)
        _, told = second.process.communicate(timeout=PATIENCE)
        assert second.process.returncode == 1
        assert f"port {server.port} of 127.0.0.1 is in use" in told.splitlines()[-1]


@pytest.mark.parametrize(("host", "callers"), [("::1", {"::1"}), ("::", {"::1", "127.0.0.1"})])
def test_ipv6_is_served(tmp_path, host, callers):
    with small(tmp_path, host=host) as server:
        for caller in callers:
            told = Small(tmp_path, caller, server.port, server.process).who()
            assert told["REMOTE_ADDR"].removeprefix("::ffff:") == caller
