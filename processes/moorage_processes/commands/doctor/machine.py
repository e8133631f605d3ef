"""The machine: its packages, the state directory, the address to listen at."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from moorage_processes.commands.doctor.finding import Finding
from moorage_processes.commands.web.port import bound
from moorage_processes.jobs.files.disk import NETWORKED, file_system
from moorage_processes.network.hosts import authority

if TYPE_CHECKING:
    from moorage_processes.jobs.files.state_directory import StateDirectory

EXTRAS = ("", "data", "server")
"""What a service is installed with."""
SHOWN = ("moorage", "pygeoapi", "xarray", "netcdf4", "geopandas", "sqlalchemy")
"""Packages whose versions are told where all is well."""
ROOM = 10**9
"""Bytes that should be free where results are kept."""
PATIENCE = 5.0
"""Seconds that a service has to answer."""


def versions() -> Finding:
    """Whether this is a system Moorage runs on, with the packages it needs."""
    here = f"Python {platform.python_version()} on {platform.system()}"
    if sys.platform != "linux":
        return Finding("versions", here, "a service needs Linux")
    if lacking := dict.fromkeys(_lacking()):
        return Finding("versions", ", ".join(lacking), 'mend it with: pip install "moorage[server]"')
    return Finding("versions", ", ".join([here, *(f"{name} {version(name)}" for name in SHOWN)]))


def _lacking() -> Iterator[str]:
    """Packages that a service needs and that are not here, or in another version."""
    for wanted in map(Requirement, requires("moorage") or ()):
        is_for_us = wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in EXTRAS)
        if not is_for_us or wanted.name == "moorage":
            continue
        try:
            found = version(wanted.name)
        except PackageNotFoundError:
            yield f"{wanted.name} is not installed"
            continue
        if not wanted.specifier.contains(found, prereleases=True):
            yield f"{wanted.name} is {found}, and {wanted.specifier} is needed"


def directory(state: StateDirectory) -> Finding:
    """Whether the state directory will do."""
    place = next(each for each in (state.path, *state.path.parents) if each.exists())
    kind, free = file_system(place), shutil.disk_usage(place).free
    words = f"{state.path} on {kind}, {free / 1e9:.3g} GB free"
    if kind in NETWORKED:
        return Finding("state", words, "name a directory on a local disk: --state, or moorage.state")
    if not (place.is_dir() and os.access(place, os.R_OK | os.W_OK | os.X_OK)):
        return Finding("state", f"{state.path} cannot be written to", f"{place} must be a folder of this user")
    if state.run.exists() and state.run.stat().st_uid != os.geteuid():
        return Finding("state", f"{state.run} belongs to another user", "name a state directory of your own")
    if free < ROOM:
        return Finding("state", words, f"results need room: {ROOM / 1e9:g} GB or more")
    return Finding("state", words if state.path.exists() else f"{words}; it will be made")


def address(host: str, port: int) -> Finding:
    """Whether a service can listen there, or does so already."""
    where = authority(host, port)
    try:
        bound(host, port).close()
    except OSError as error:
        return _taken(where, error)
    return Finding("address", f"{where} is free")


def _taken(where: str, error: OSError) -> Finding:
    """The service itself listens there, or somebody else, or nobody can."""
    try:
        with urllib.request.urlopen(f"http://{where}/readyz", timeout=PATIENCE) as answer:
            if answer.read() == b"ready\n":
                return Finding("address", f"the service at {where} answers and is ready")
    except urllib.error.HTTPError as problem:
        if problem.headers.get_content_type() == "application/problem+json":
            return Finding("address", f"the service at {where} is not ready", f"http://{where}/readyz tells why")
    except OSError:
        pass  # what stands below says more
    reason = error.strerror or str(error)
    return Finding("address", f"{where}: {reason}", "end what listens there, or name another place: --host, --port")
