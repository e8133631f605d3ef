"""What a site may do at the relay, tried out; and the ways to it."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import nats
import pytest
from moorage_processes.jobs.relay import protocol
from moorage_processes.jobs.relay.address import Relay, RelayError
from moorage_processes.jobs.relay.credentials import InvitationError, invite
from moorage_processes.jobs.relay.nats_connection import RelayConnection
from support.nats_server import Nats, serving_nats
from support.programs import program

Deed = Callable[[nats.NATS], Awaitable[object]]


@pytest.fixture(scope="module")
def relay(tmp_path_factory) -> Iterator[Nats]:
    """A relay with the queues of two sites."""
    with serving_nats(tmp_path_factory.mktemp("relay"), "awi", "gfz") as server:

        async def prepare() -> None:
            hub = await RelayConnection.dialled(server.relay("hub"), "hub", protocol.inbox("hub"))
            await hub.make_queues()
            for site in ("awi", "gfz"):
                await hub.make_queue(site)
                await hub.put(site, "j1")
            await hub.close()

        asyncio.run(prepare())
        yield server


def published(subject: str) -> Deed:
    return lambda client: client.publish(subject, b"{}")


def subscribed(subject: str) -> Deed:
    return lambda client: client.subscribe(subject)


def refusals(server: Nats, guest: str, deed: Deed) -> list[str]:
    """What the relay says to a deed of a guest."""

    async def tried() -> list[str]:
        said: list[str] = []

        async def hear(error: Exception) -> None:
            said.append(str(error).lower())

        client = await nats.connect(server.url, nkeys_seed=str(server.credentials(guest)), error_cb=hear)
        await deed(client)
        await client.flush()
        await asyncio.sleep(0.1)
        await client.close()
        return said

    return asyncio.run(tried())


NEXT = f"$JS.API.CONSUMER.MSG.NEXT.{protocol.STREAM}"


@pytest.mark.parametrize(
    "deed",
    [
        published("moorage.hub.gfz.end"),
        published("moorage.hub.gfz.hello"),
        published("moorage.site.awi.stop"),
        published("moorage.site.gfz.stop"),
        published("moorage.jobs.awi.j2"),
        published("moorage.jobs.gfz.j2"),
        published(f"{NEXT}.gfz"),
        published(f"$JS.ACK.{protocol.STREAM}.gfz.1.1.1.1.1"),
        published("$JS.API.STREAM.CREATE.OTHER"),
        published(f"$JS.API.STREAM.DELETE.{protocol.STREAM}"),
        published(f"$JS.API.STREAM.PURGE.{protocol.STREAM}"),
        published(f"$JS.API.STREAM.MSG.GET.{protocol.STREAM}"),
        published(f"$JS.API.CONSUMER.CREATE.{protocol.STREAM}"),
        published(f"$JS.API.CONSUMER.DELETE.{protocol.STREAM}.gfz"),
        published("_INBOX.hub.x"),
        published("_INBOX.gfz.x"),
        subscribed(">"),
        subscribed("moorage.>"),
        subscribed("moorage.hub.*.*"),
        subscribed("moorage.site.gfz.*"),
        subscribed("moorage.jobs.*.*"),
        subscribed("_INBOX.>"),
        subscribed("_INBOX.hub.>"),
        subscribed("_INBOX.gfz.>"),
        subscribed("$JS.ACK.>"),
        subscribed("$SYS.>"),
    ],
)
def test_a_site_may_do_nothing_in_the_name_of_others(relay, deed):
    assert any("permissions violation" in word for word in refusals(relay, "awi", deed))


@pytest.mark.parametrize(
    "deed",
    [
        published("moorage.hub.awi.hello"),
        published(f"{NEXT}.awi"),
        subscribed("moorage.site.awi.*"),
        subscribed("_INBOX.awi.>"),
    ],
)
def test_a_site_may_speak_for_itself(relay, deed):
    assert refusals(relay, "awi", deed) == []


def test_a_site_pulls_its_own_notices_only(relay):
    async def pulled() -> str | None:
        connection = await RelayConnection.dialled(relay.relay("awi"), "awi", protocol.inbox("awi"))
        message = await (await connection.pull("awi")).next()
        await connection.close()
        return message and message.job

    assert asyncio.run(pulled()) == "j1"


def test_whoever_was_not_invited_stays_outside(relay, tmp_path):
    users = tmp_path / "users.conf"
    invite("awi", tmp_path / "stranger.seed", users)
    for given in (Relay(relay.url, str(tmp_path / "stranger.seed")), Relay(relay.url)):
        with pytest.raises(PermissionError, match="does not know the credentials"):
            asyncio.run(RelayConnection.dialled(given, "awi", protocol.inbox("awi")))


def test_the_command_says_why_it_may_not_join(relay, tmp_path):
    invite("awi", tmp_path / "stranger.seed", tmp_path / "users.conf")
    command = [sys.executable, "-m", "moorage.cli", "join", relay.url, "--site", "awi"]
    command += ["--credentials", str(tmp_path / "stranger.seed"), "--state", str(tmp_path / "state")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("stranger.seed")
    assert "Traceback" not in done.stderr


def test_an_invitation_is_made_once(tmp_path):
    users = tmp_path / "users.conf"
    for name in ("awi", "gfz"):
        invite(name, tmp_path / f"{name}.seed", users)
    first = users.read_text()
    assert (tmp_path / "awi.seed").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "awi.seed").read_text() not in first
    with pytest.raises(InvitationError, match="is there already; remove it first"):
        invite("awi", tmp_path / "awi.seed", users)
    (tmp_path / "awi.seed").unlink()
    invite("awi", tmp_path / "awi.seed", users)
    lines = [line for line in users.read_text().splitlines() if line.endswith("# awi")]
    assert len(lines) == 1
    assert lines[0] not in first.splitlines()
    with pytest.raises(protocol.SiteNameError, match="small letters, digits and hyphens"):
        invite("A.*", tmp_path / "x.seed", users)


@pytest.mark.parametrize("url", ["http://hub:4222", "hub:4222", "nats://", "nats://hub:x", ""])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(RelayError, match="takes one of nats://HOST:PORT, tls://HOST:PORT"):
        Relay(url)


def test_files_that_are_not_there_are_named(tmp_path):
    with pytest.raises(RelayError, match=r"credentials: there is no file .*seed"):
        Relay("nats://hub", credentials=str(tmp_path / "seed"))


def reached(given: Relay) -> str | None:
    """The job notice that a site gets over this way."""

    async def pulled() -> str | None:
        connection = await RelayConnection.dialled(given, "gfz", protocol.inbox("gfz"))
        message = await (await connection.pull("gfz")).next()
        if message is not None:
            await message.back(0.0)
        await connection.close()
        return message and message.job

    return asyncio.run(pulled())


def test_websockets_lead_there_too(relay):
    assert reached(Relay(f"ws://127.0.0.1:{relay.web}/relay", str(relay.credentials("gfz")))) == "j1"


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Path:
    """A certificate for loopback, which is its own authority, and its key."""
    folder = tmp_path_factory.mktemp("authority")
    command = [program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=relay"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "ca.pem")]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def encrypted(authority: Path) -> str:
    """Configuration of a relay that speaks nothing but TLS."""
    pair = f'cert_file: "{authority}/ca.pem", key_file: "{authority}/key.pem"'
    return f"tls {{ {pair} }}\nwebsocket {{ port: $NATS_WEBSOCKET_PORT, no_tls: false, tls {{ {pair} }} }}\n"


@pytest.mark.parametrize("scheme", ["tls", "wss"])
def test_the_way_is_encrypted_and_the_relay_known(authority, tmp_path, scheme, caplog):
    with serving_nats(tmp_path / "relay", "gfz", further=encrypted(authority)) as server:
        port = server.port if scheme == "tls" else server.web
        seeds = {name: str(server.credentials(name)) for name in ("hub", "gfz")}

        async def prepare() -> None:
            url = f"{scheme}://127.0.0.1:{port}"
            hub = await RelayConnection.dialled(
                Relay(url, seeds["hub"], f"{authority}/ca.pem"), "hub", protocol.inbox("hub")
            )
            await hub.make_queues()
            await hub.make_queue("gfz")
            await hub.put("gfz", "j9")
            await hub.close()

        asyncio.run(prepare())
        known = Relay(f"{scheme}://localhost:{port}", seeds["gfz"], f"{authority}/ca.pem")
        assert reached(known) == "j9"

        async def doubted() -> None:
            async with asyncio.timeout(12):
                await RelayConnection.dialled(Relay(known.url, seeds["gfz"]), "gfz", protocol.inbox("gfz"))

        with pytest.raises(TimeoutError):
            asyncio.run(doubted())
        assert "certificate verify failed" in caplog.text.lower()


def test_the_server_of_debian_reads_the_shipped_configuration(relay):
    assert shutil.which("nats-server")
    assert "jetstream" in (relay.folder / "nats.log").read_text().lower()
