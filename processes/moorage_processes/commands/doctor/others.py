"""Checks of what a service shares with others: results store, relay, Dask cluster."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from moorage_processes.commands.doctor.finding import Finding
from moorage_processes.configuration.engine import state_of
from moorage_processes.jobs.files.object_store import ObjectStoreError
from moorage_processes.jobs.relay import protocol

if TYPE_CHECKING:
    from moorage_processes.configuration.configuration import Configuration
    from moorage_processes.jobs.relay.address import Relay

PATIENCE = 5.0
"""Seconds within which each has to answer."""
SITES = 'pip install "moorage[server,sites]"'


def results(configuration: Configuration) -> Finding:
    """Whether the place for results can be reached."""
    where, objects = str(configuration.results), state_of(configuration).objects
    if objects is None:
        return _directory(Path(where))
    try:
        objects.prepare()
        count = len(objects.jobs())
    except ObjectStoreError as error:
        return Finding("results", f"{error}: {error.__cause__}", "mend the address, its options, or the store")
    return Finding("results", f"{where} answers; it holds those of {count} jobs")


def _directory(path: Path) -> Finding:
    place = next(each for each in (path, *path.parents) if each.exists())
    if place.is_dir() and os.access(place, os.R_OK | os.W_OK | os.X_OK):
        return Finding("results", str(path) if path.exists() else f"{path} will be made")
    return Finding("results", f"{path} cannot be written to", f"{place} must be a folder that this user may write to")


def relay(address: Relay) -> Finding:
    """Whether the relay answers, and lets this service in."""
    try:
        asyncio.run(_dial(address))
    except ModuleNotFoundError:
        return Finding("relay", "there is nothing here that speaks to it", f"{SITES} brings it")
    except PermissionError as error:
        return Finding("relay", str(error), "enter them with `moorage invite`, and let the relay read its list again")
    except (OSError, ValueError) as error:
        return Finding("relay", f"{address.url}: {error or 'no answer'}", "begin the relay, or mend the address")
    return Finding("relay", f"{address.url} lets this service in")


async def _dial(address: Relay) -> None:
    from moorage_processes.jobs.relay.nats_connection import RelayConnection  # noqa: PLC0415 - where there are no sites it is not installed

    async with asyncio.timeout(PATIENCE):
        connection = await RelayConnection.dialled(address, "moorage doctor", protocol.inbox("hub"))
        await connection.close()


def scheduler(address: str) -> Finding:
    """Whether something listens where the cluster should."""
    parts = urlsplit(address)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), PATIENCE).close()
    except OSError as error:
        return Finding("scheduler", f"{address}: {error}", "begin the scheduler, or mend the address")
    return Finding("scheduler", f"something listens at {address}")
