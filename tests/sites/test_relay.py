"""What a site may do at the relay, tried out; and the ways to it."""

from __future__ import annotations

import asyncio
import logging
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import nats
import pytest
from moorage.cli import main
from moorage_processes.commands import join
from moorage_processes.configuration.settings import Settings
from moorage_processes.jobs.files.state_directory import StateDirectoryError
from moorage_processes.jobs.relay import protocol
from moorage_processes.jobs.relay.address import Relay, RelayError, found_credentials
from moorage_processes.jobs.relay.credentials import InvitationError, invite
from moorage_processes.jobs.relay.nats_connection import AGAIN, RelayConnection
from moorage_processes.site import agent
from support.nats_server import Nats, serving_nats
from support.patience import PATIENCE
from support.ports import free_port
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
    for given, words in (
        (Relay(relay.url, str(tmp_path / "stranger.seed")), "does not know the credentials"),
        (Relay(relay.url), "lets nobody in without credentials"),
    ):
        with pytest.raises(PermissionError, match=words):
            asyncio.run(RelayConnection.dialled(given, "awi", protocol.inbox("awi")))


@pytest.fixture
def mistaken(relay, tmp_path) -> dict[str, list[str]]:
    """What an operator of a site may get wrong: the address, and the rest of the command."""
    invite("awi", tmp_path / "stranger.seed", tmp_path / "users.conf")
    (tmp_path / "notes.txt").write_text("SUAM is how it began, I think")
    nowhere, key = f"nats://127.0.0.1:{free_port()}", ["--credentials", str(relay.credentials("awi"))]
    return {
        "a key of another relay": [relay.url, "--site", "awi", "--credentials", str(tmp_path / "stranger.seed")],
        "no key": [relay.url, "--site", "awi"],
        "no key's file": [relay.url, "--site", "awi", "--credentials", str(tmp_path / "notes.txt")],
        "another site's name": [relay.url, "--site", "gfz", *key],
        "no name of a site": [relay.url, "--site", "A.*", *key],
        "nobody there": [nowhere, "--site", "awi", *key],
        "no such host": ["nats://relay.invalid:4222", "--site", "awi", *key],
        "not a relay": [f"nats://127.0.0.1:{relay.web}", "--site", "awi", *key],
        "no certificates": [f"tls://127.0.0.1:{relay.port}", "--site", "awi", *key, "--ca", f"{tmp_path}/notes.txt"],
    }


MISTAKES = {
    "a key of another relay": "does not know the credentials",
    "no key": "lets nobody in without credentials",
    "no key's file": "holds no private key; it takes the file that `moorage invite` made",
    "another site's name": "for the site 'gfz'; give the name that it was invited with",
    "no name of a site": "takes small letters, digits and hyphens",
    "nobody there": "nothing listens there; check the address",
    "no such host": "there is no such host; check the address",
    "not a relay": "check the address, and that nats-server listens there",
    "no certificates": "it takes a file of certificates in PEM",
}


@pytest.fixture
def own_log(monkeypatch) -> None:
    """What the command under test sets up is for it alone."""
    monkeypatch.setattr(logging.root, "handlers", list(logging.root.handlers))
    monkeypatch.setattr(logging.root, "level", logging.root.level)


@pytest.mark.usefixtures("own_log")
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_ends_joining_with_one_sentence(mistaken, tmp_path, monkeypatch, capfd, mistake):
    monkeypatch.setattr(agent, "DIALLING", 0.2)
    monkeypatch.setattr(agent, "PATIENCE", 1.0)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nothing"))
    assert main(["join", *mistaken[mistake], "--config", str(empty(tmp_path)), "--state", str(tmp_path / "state")]) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert MISTAKES[mistake] in line


def empty(folder: Path) -> Path:
    """A configuration without any method, which is read in no time."""
    path = folder / "site.yml"
    path.write_text("moorage: {installed: false}\n")
    return path


def test_the_command_ends_with_one_sentence(relay, tmp_path):
    command = [sys.executable, "-m", "moorage.cli", "join", relay.url, "--site", "gfz"]
    command += ["--credentials", str(relay.credentials("awi")), "--config", str(empty(tmp_path))]
    command += ["--state", str(tmp_path / "state")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)


@pytest.mark.usefixtures("own_log")
@pytest.mark.parametrize("wanted", [True, False])
def test_methods_of_moorage_are_offered_when_asked_for(tmp_path, monkeypatch, wanted):
    asked = []

    def read(sources: tuple[str, ...], **options: bool) -> None:
        asked.append((sources, options["builtin"]))
        raise StateDirectoryError("enough")

    monkeypatch.setattr(join, "read_catalogue", read)
    words = ["join", "nats://localhost:4222", "--site", "awi", "--config", str(empty(tmp_path))]
    assert main([*words, "--state", str(tmp_path / "state"), *["--builtin"] * wanted]) == 1
    assert asked == [((), wanted)]


def test_a_relay_that_is_only_late_is_waited_for(relay, tmp_path):
    port = free_port()
    late = Nats(relay.folder, port, free_port())

    async def dialled() -> None:
        given = Relay(late.url, str(relay.credentials("awi")))
        dialling = asyncio.create_task(RelayConnection.dialled(given, "awi", protocol.inbox("awi"), patience=PATIENCE))
        await asyncio.sleep(2 * AGAIN)
        late.folder = tmp_path
        await asyncio.to_thread(late.start)
        await (await dialling).close()

    (tmp_path / "nats.conf").write_text((relay.folder / "nats.conf").read_text())
    (tmp_path / "users.conf").write_text((relay.folder / "users.conf").read_text())
    try:
        asyncio.run(dialled())
    finally:
        late.stop()


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


def test_a_key_is_made_outside_of_the_clone_and_found_there(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    for name in ("hub", "awi"):
        assert main(["invite", name]) == 0
        key = tmp_path / "config" / "moorage" / f"{name}.seed"
        assert key.stat().st_mode & 0o777 == 0o600
        assert key.parent.stat().st_mode & 0o777 == 0o700
        assert f"Wrote the private key {key}" in capsys.readouterr().out
        assert found_credentials(name) == str(key)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config", "users.conf"]
    relay = Settings.read({"nats": "nats://localhost:4222"}).relay()
    assert relay is not None
    assert relay.credentials == found_credentials("hub")
    stated = Settings.read({"nats": "nats://localhost:4222", "nats_credentials": found_credentials("awi")}).relay()
    assert stated is not None
    assert stated.credentials == found_credentials("awi")


def test_an_invitation_that_cannot_be_entered_makes_no_key(tmp_path, capsys):
    key = tmp_path / "awi.seed"
    assert main(["invite", "awi", "--credentials", str(key), "--users", str(tmp_path / "nowhere" / "users.conf")]) == 1
    assert "make it first" in capsys.readouterr().err
    assert not key.exists()


def test_git_is_told_to_leave_keys_alone(tmp_path):
    root = Path(__file__).parents[2]
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / ".gitignore").write_text((root / ".gitignore").read_text())
    for name in ("awi.seed", "config/hub.seed", "docker/secrets/site.seed"):
        assert subprocess.run(["git", "check-ignore", "-q", name], cwd=tmp_path, check=False).returncode == 0, name


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
        assert "its certificate is not trusted (self-signed certificate)" in caplog.text


def test_the_server_of_debian_reads_the_shipped_configuration(relay):
    assert shutil.which("nats-server")
    assert "jetstream" in (relay.folder / "nats.log").read_text().lower()
