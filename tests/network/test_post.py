"""A callback goes to the host that the operator allows, in time, and no further."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest
from moorage_processes.network.hosts import Hosts
from moorage_processes.network.post import PostError, Receipt, RefusedPostError, post
from support.programs import program
from support.scripted_server import Answer, scripted

LOOPBACK = Hosts(("127.0.0.1",))


def sent(url, hosts=LOOPBACK, timeout=10.0, **headers):
    return post(url, b"{}", headers, hosts, timeout)


def test_what_is_sent_arrives_as_it_is():
    with scripted({"POST /hook": Answer(status=202)}) as receiver:
        assert sent(f"{receiver.url}/hook?key=a%20b", Colour="blue") == Receipt(202)
        told = receiver.heard[0]
    assert (told.method, told.path, told.body) == ("POST", "/hook?key=a%20b", b"{}")
    assert (told.headers["Colour"], told.headers["Host"]) == ("blue", receiver.url.removeprefix("http://"))


def test_a_redirect_is_not_followed():
    with scripted({}) as other, scripted({}) as receiver:
        for status in (301, 302, 303, 307, 308):
            receiver.script["POST /hook"] = Answer(status=status, headers={"Location": f"{other.url}/hook"})
            assert sent(f"{receiver.url}/hook").status == status
        assert not other.heard


@pytest.mark.parametrize(
    ("url", "listed", "words"),
    [
        ("http://127.0.0.1:9/", (), "not a host callbacks are sent to"),
        ("http://127.0.0.2:9/", ("127.0.0.1",), "not a host callbacks are sent to"),
        ("http://127.0.0.1:9/", ("localhost:10",), "not a host callbacks are sent to"),
        ("http://127.0.0.1:9/", ("127.0.0.0/8:10", "localhost:10"), "not a host callbacks are sent to"),
        ("http://[::1]:9/", ("[::1]:10",), "not a host callbacks are sent to"),
        ("http://127.1:9/", ("127.1", "localhost:10"), "127.1:9 leads to a private address"),
        # a name by which the resolver means 127.0.0.2
        ("http://127.0x2:9/", ("127.0x2", "127.0.0.1"), "127.0x2:9 leads to a private address"),
    ],
)
def test_nothing_is_sent_where_the_operator_does_not_allow_it(url, listed, words):
    with pytest.raises(RefusedPostError, match=words):
        sent(url, Hosts(listed))


def test_a_name_that_leads_to_a_listed_address_is_sent_to():
    with scripted({"POST /hook": Answer(status=204)}) as receiver:
        url = receiver.url.replace("127.0.0.1", "127.1")
        assert sent(f"{url}/hook", Hosts(("127.1", "127.0.0.0/8"))).status == 204


def test_a_host_that_nobody_knows_may_be_known_later():
    with pytest.raises(PostError, match="nobody.invalid is not known") as refused:
        sent("http://nobody.invalid/", Hosts(("nobody.invalid",)))
    assert not isinstance(refused.value, RefusedPostError)


def test_a_refused_connection_is_told():
    with pytest.raises(PostError, match="refused the connection"):
        sent("http://127.0.0.1:9/")


@contextmanager
def answering(talk):
    """A server that lets *talk* answer its only connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                try:
                    talk(connection)
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def drip(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        connection.sendall(b"x")
        time.sleep(0.05)


@pytest.mark.parametrize("talk", [lambda _: time.sleep(30), drip], ids=["is silent", "drips"])
def test_the_time_is_up_where_the_receiver(talk):
    with answering(talk) as url, pytest.raises(PostError, match="did not answer within 0.5 s"):
        sent(url, timeout=0.5)


def test_an_answer_without_end_does_not_keep_it():
    def talk(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 1000)

    with answering(talk) as url:
        assert sent(url).status == 200


def test_what_is_no_http_is_told_without_its_words():
    with answering(lambda connection: connection.sendall(b"220 mail.example ESMTP\r\n")) as url:
        with pytest.raises(PostError, match="the connection failed") as failed:
            sent(url)
        assert "ESMTP" not in str(failed.value)


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("7", 7, 7),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0, 0),
        ("Fri, 31 Dec 2100 23:59:59 GMT", 1e9, 1e10),
        ("soon", 0, 0),
        ("-1", 0, 0),
        ("", 0, 0),
    ],
)
def test_how_long_a_receiver_wants_to_be_left_alone_is_read(header, least, most):
    with scripted({"POST /hook": Answer(status=503, headers={"Retry-After": header})}) as receiver:
        assert least <= sent(f"{receiver.url}/hook").retry_after <= most


def test_a_certificate_is_checked_against_the_name(tmp_path, monkeypatch):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = [program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    make += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(make, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    hosts = Hosts(("localhost", "127.0.0.1"))

    def talk(connection):
        with context.wrap_socket(connection, server_side=True) as secure:
            heard = b""
            while not heard.endswith(b"{}"):
                heard += secure.recv(10_000)
            secure.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    def as_https(url, host="localhost"):
        return url.replace("http:", "https:").replace("127.0.0.1", host)

    with answering(talk) as url, pytest.raises(PostError, match="certificate was not accepted"):
        sent(as_https(url), hosts)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with answering(talk) as url, pytest.raises(PostError, match="certificate was not accepted"):
        sent(as_https(url, "127.0.0.1"), hosts)
    with answering(talk) as url:
        assert sent(as_https(url), hosts).status == 204
