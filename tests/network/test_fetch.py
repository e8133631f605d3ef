"""An href is fetched from where the operator allows, and never further."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from moorage_processes.errors import InputError
from moorage_processes.network.fetch import Policy, fetch
from moorage_processes.network.range_reader import RangeReader
from support.scripted_server import Answer, Told, scripted
from support.waiting import eventually


class Handler(BaseHTTPRequestHandler):
    """Serves content, redirects, errors and a slow drip."""

    def do_GET(self) -> None:
        match self.path.split("?")[0]:
            case "/content":
                self._answer(200, b"x" * 1000, {"Content-Type": "text/csv"})
            case "/unsized":
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"x" * 5000)
            case "/near":
                self._answer(302, b"", {"Location": "/content"})
            case "/round":
                self._answer(302, b"", {"Location": "/round"})
            case "/elsewhere":
                self._answer(302, b"", {"Location": "http://169.254.169.254/latest/meta-data"})
            case "/moved":
                self._answer(303, b"", {"Location": self.path.partition("?to=")[2]})
            case _:
                self._answer(404, b"no")

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


LISTED = Policy(own="http://service.example", allowed_hosts=("127.0.0.0/8",))


def test_a_listed_host_is_fetched_with_its_media_type(host, tmp_path):
    path = tmp_path / "content"
    assert fetch(f"http://{host}/content?a=b", path, LISTED, "grid") == "text/csv"
    assert path.read_bytes() == b"x" * 1000


def test_the_service_itself_is_always_allowed(host, tmp_path):
    fetch(f"http://{host}/content", tmp_path / "content", Policy(own=f"http://{host}"), "grid")


def test_another_port_of_the_same_host_is_not_the_service(host):
    with pytest.raises(InputError, match="not a host this service fetches from"):
        Policy(own="http://127.0.0.1:1").check(f"http://{host}/content", "grid")


@pytest.mark.parametrize(
    "href",
    [
        "file:///etc/passwd",
        "ftp://data.example.org/a.nc",
        "http://",
        "//data.example.org/a",
        "http://data.example.org:notaport/",
        "http://user:secret@data.example.org/",
        "http://data.example.org.evil.example/",
        "http://10.0.0.1/a.nc",
        "http://[::1]/a.nc",
        "http://2130706433/a.nc",
        "gopher://data.example.org/",
        "http://[not-an-address/",
    ],
)
def test_anything_else_is_refused_before_a_connection(href):
    policy = Policy(own="http://service.example", allowed_hosts=("data.example.org",))
    with pytest.raises(InputError, match="^grid: ") as refused:
        policy.check(href, "grid")
    assert refused.value.input == "grid"


def test_a_listed_name_that_leads_to_a_private_address_is_refused(host, tmp_path):
    policy = Policy(own="http://service.example", allowed_hosts=("ip6-localhost", "myself.localhost"))
    port = host.rsplit(":")[-1]
    with pytest.raises(InputError, match="private address|not known"):
        fetch(f"http://myself.localhost:{port}/content", tmp_path / "content", policy, "grid")


def test_localhost_is_fetched_where_it_is_listed(host, tmp_path):
    port = host.rsplit(":")[-1]
    policy = Policy(own="http://service.example", allowed_hosts=(f"localhost:{port}",))
    with pytest.raises(InputError):
        policy.check("http://localhost:1/content", "grid")
    fetch(f"http://localhost:{port}/content", tmp_path / "content", policy, "grid")


@pytest.mark.parametrize("entry", ["localhost:{}", "127.0.0.1:{}", "127.0.0.0/8:{}"])
def test_a_listed_port_is_the_only_one_that_is_open(host, tmp_path, entry):
    port = int(host.rsplit(":")[-1])
    open_port = Policy(own="http://service.example", allowed_hosts=(entry.format(port),))
    other_port = Policy(own="http://service.example", allowed_hosts=(entry.format(port - 1),))
    fetch(f"http://127.0.0.1:{port}/content", tmp_path / "content", open_port, "grid")
    with pytest.raises(InputError, match="not a host this service fetches from"):
        fetch(f"http://127.0.0.1:{port}/content", tmp_path / "content", other_port, "grid")


def test_a_name_does_not_open_ports_of_the_address_it_leads_to(host, tmp_path):
    port = int(host.rsplit(":")[-1])
    policy = Policy(own="http://service.example", allowed_hosts=("127.1", f"127.0.0.0/8:{port - 1}"))
    with pytest.raises(InputError, match=f"127.1:{port} leads to a private address"):
        fetch(f"http://127.1:{port}/content", tmp_path / "content", policy, "grid")


def test_a_redirect_of_the_service_itself_opens_no_other_port(host, tmp_path):
    own, port = f"http://{host}", int(host.rsplit(":")[-1])
    policy = Policy(own=own, allowed_hosts=(f"localhost:{port - 1}",))
    for elsewhere in ("localhost", "127.0.0.2"):
        with pytest.raises(InputError, match="not a host this service fetches from"):
            fetch(f"{own}/moved?to=http://{elsewhere}:{port}/content", tmp_path / "content", policy, "grid")


def test_a_redirect_within_the_origin_is_followed(host, tmp_path):
    fetch(f"http://{host}/near", tmp_path / "content", LISTED, "grid")
    assert (tmp_path / "content").stat().st_size == 1000


def test_a_redirect_elsewhere_is_not_followed(host, tmp_path):
    with pytest.raises(InputError, match="redirects to another host"):
        fetch(f"http://{host}/elsewhere", tmp_path / "content", LISTED, "grid")


def test_a_redirect_of_the_service_itself_leads_to_whatever_is_allowed(host, tmp_path):
    own, site = f"http://{host}", "http://localhost:9"
    with pytest.raises(InputError, match="not a host this service fetches from"):
        fetch(f"{own}/elsewhere", tmp_path / "content", Policy(own=own), "grid")
    port = host.rsplit(":")[-1]
    moved = f"{own}/moved?to=http://localhost:{port}/content"
    for policy in (
        Policy(own=own, allowed_hosts=(f"localhost:{port}",)),
        Policy(own=own, published=f"http://localhost:{port}"),
    ):
        fetch(moved, tmp_path / "content", policy, "grid")
        assert (tmp_path / "content").stat().st_size == 1000
    with pytest.raises(InputError, match="not a host this service fetches from"):
        fetch(moved, tmp_path / "content", Policy(own=own, published=site), "grid")


def test_redirects_end(host, tmp_path):
    with pytest.raises(InputError, match="redirects more than"):
        fetch(f"http://{host}/round", tmp_path / "content", LISTED, "grid")


@pytest.mark.parametrize("page", ["content", "unsized"])
def test_too_much_is_refused_whether_its_size_is_stated_or_not(host, tmp_path, page):
    policy = Policy(own="", allowed_hosts=("127.0.0.0/8",), size=999)
    with pytest.raises(InputError, match="more than 999 bytes"):
        fetch(f"http://{host}/{page}", tmp_path / "content", policy, "grid")


class Slow:
    """A host that sends its answer byte by byte, for as long as anybody listens."""

    def __init__(self, head: bytes, each: bytes) -> None:
        self.head = head
        self.each = each
        self.is_left = threading.Event()

    def __call__(self, connection: socket.socket) -> None:
        try:
            connection.recv(65536)
            connection.sendall(self.head)
            while True:
                connection.sendall(self.each)
                time.sleep(0.05)
        except OSError:
            self.is_left.set()


@contextmanager
def slow(talk: Slow) -> Iterator[str]:
    """Where a slow host listens, which is left by its caller before the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                talk(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/content"
        eventually(talk.is_left.is_set)


DRIPS = {
    "head": (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "interim": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x"),
    "unsized": (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "chunk size": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
}
PARTIAL = {name: (head.replace(b"200 OK", b"206 Part"), each) for name, (head, each) in DRIPS.items()}


@pytest.mark.parametrize("part", DRIPS)
def test_a_host_that_drips_is_left_when_the_time_is_up(tmp_path, part):
    policy = Policy(own="", allowed_hosts=("127.0.0.1",), seconds=0.4)
    with slow(Slow(*DRIPS[part])) as url, pytest.raises(InputError, match="took longer than 0.4 s"):
        fetch(url, tmp_path / "content", policy, "grid")


@pytest.mark.parametrize("part", PARTIAL)
def test_a_part_that_drips_is_left_when_the_time_is_up(part):
    policy = Policy(own="", allowed_hosts=("127.0.0.1",), seconds=0.4)
    with (
        slow(Slow(*PARTIAL[part])) as url,
        closing(RangeReader(url, policy, "grid")) as link,
        pytest.raises(InputError, match="does not answer in full within 0.4 s"),
    ):
        link.get(span="bytes=0-99")


def test_redirects_begin_no_new_time(tmp_path):
    def go_on(told: Told) -> Answer:
        time.sleep(0.3)
        return Answer(status=302, headers={"Location": f"/{len(told.path)}"})

    with scripted({f"GET /{name}": go_on for name in ("content", 8, 2)}) as host:
        policy = Policy(own="", allowed_hosts=("127.0.0.1",), seconds=0.5)
        with pytest.raises(InputError, match="took longer than 0.5 s"):
            fetch(f"{host.url}/content", tmp_path / "content", policy, "grid")


def test_a_connection_that_is_kept_gives_each_part_its_own_time():
    def part(told: Told) -> Answer:
        time.sleep(0.3)
        return Answer(b"x" * 10, status=206, headers={"Content-Range": "bytes 0-9/10"})

    with scripted({"GET /content": part}) as host:
        policy = Policy(own="", allowed_hosts=("127.0.0.1",), seconds=2.0)
        with closing(RangeReader(f"{host.url}/content", policy, "grid")) as link:
            for _ in range(8):
                assert link.get(span="bytes=0-9").content == b"x" * 10


def test_an_answer_that_is_no_success_is_told(host, tmp_path):
    with pytest.raises(InputError, match="status 404"):
        fetch(f"http://{host}/nothing", tmp_path / "content", LISTED, "grid")


def test_a_host_that_does_not_answer_is_told(tmp_path):
    with pytest.raises(InputError, match="does not answer"):
        fetch("http://127.0.0.1:9/", tmp_path / "content", LISTED, "grid")
