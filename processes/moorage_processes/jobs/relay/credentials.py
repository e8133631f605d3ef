"""Makes credentials for the relay: a private key for each site, and a list of public keys with their permissions."""

from __future__ import annotations

import json
import os
import re
import secrets
from pathlib import Path
from typing import Any

import nkeys

from moorage_processes.errors import OperatorError
from moorage_processes.jobs.relay import protocol
from moorage_processes.jobs.relay.address import RelayError

HEAD = "# Who the relay lets in: made by `moorage invite`, read by nats-server.\n"
LINE = re.compile(r"^ +(\{.*\}),? # (\S+)$", re.MULTILINE)


class InvitationError(OperatorError, ValueError):
    """An invitation that cannot be made; the message says what would do."""


def invite(name: str, credentials: Path, users: Path) -> None:
    """Make the credentials of a site, or of the hub, and enter them into the relay's list.

    Parameters
    ----------
    name : of the site; ``hub`` for the hub itself.
    credentials : the file that is made, and its folder, for this user alone; it goes to the site.
    users : the relay's list, which is made or changed; it holds no secret.

    Raises
    ------
    SiteNameError
        where no site can have that name.
    InvitationError
        where the credentials are there already.
    """
    protocol.check_name(name)
    if credentials.exists():
        raise InvitationError(f"{credentials} is there already; remove it first, to lock out whoever has it")
    if not users.absolute().parent.is_dir():
        raise InvitationError(f"there is no folder for {users}, the list of those it lets in; make it first")
    seed = nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER)
    public = bytes(nkeys.from_seed(seed).public_key).decode()
    entered = _entered(users) | {name: json.dumps(_user(name, public))}
    credentials.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(credentials, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "wb") as content:
        content.write(seed)
    lines = [f"  {user}, # {site}\n" for site, user in sorted(entered.items())]
    new = users.with_name(f"{users.name}.new")
    new.write_text("".join((HEAD, "users = [\n", *lines, "]\n")), encoding="utf-8")
    new.replace(users)


def check_key(credentials: str) -> None:
    """Refuse a file that holds no private key.

    Raises
    ------
    RelayError
        where it holds none.
    OSError
        where it cannot be read.
    """
    try:
        pair = nkeys.from_seed(bytearray(Path(credentials).read_bytes().strip()))
        is_user = bytes(pair.public_key).startswith(b"U")
    except (nkeys.NkeysError, ValueError, TypeError, IndexError):
        is_user = False
    if not is_user:
        raise RelayError(f"{credentials} holds no private key; it takes the file that `moorage invite` made")


def _entered(users: Path) -> dict[str, str]:
    """Those that are in the list already, by name."""
    if not users.exists():
        return {}
    return {found[2]: found[1] for found in LINE.finditer(users.read_text(encoding="utf-8"))}


def _user(name: str, key: str) -> dict[str, Any]:
    if name == protocol.HUB:
        heard = [protocol.to_hub("*", "*"), f"{protocol.inbox(protocol.HUB)}.>"]
        told = [protocol.notice("*", "*"), protocol.to_site("*", "*"), "$JS.API.>", "_INBOX.>"]
        return {"nkey": key, "permissions": {"publish": told, "subscribe": heard}}
    return {
        "nkey": key,
        "permissions": {
            # speak to the hub in its own name, pull its own job notices and acknowledge them
            "publish": [
                protocol.to_hub(name, "*"),
                f"$JS.API.CONSUMER.MSG.NEXT.{protocol.STREAM}.{name}",
                f"$JS.ACK.{protocol.STREAM}.{name}.>",
            ],
            "subscribe": [protocol.to_site(name, "*"), f"{protocol.inbox(name)}.>"],
            # answer what it is asked, and nothing else
            "allow_responses": {"max": 1, "ttl": "1m"},
        },
    }
