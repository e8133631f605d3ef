"""What a service reaches out for: its datasets, and the hosts it may speak to."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from moorage.formats import Kind

from moorage_processes.commands.doctor.finding import Finding
from moorage_processes.data.datasets import Dataset, DatasetUnavailableError
from moorage_processes.data.opening import open_grid
from moorage_processes.network.hosts import ForbiddenHostError, Hosts, UnknownHostError, is_network
from moorage_processes.ogc.collections import layer


def dataset(entry: Dataset) -> Finding:
    """Whether a dataset opens, and what it holds."""
    about = f"datasets.{entry.id}"
    try:
        return Finding(about, _held(entry))
    except DatasetUnavailableError as error:
        return Finding(about, f"{entry.path} does not open: {error.reason}", "mend the file, or the path")


def _held(entry: Dataset) -> str:
    if entry.kind is Kind.GRID:
        with open_grid(entry) as grid:
            sizes = ", ".join(f"{name} {size}" for name, size in grid.sizes.items())
            return f"a grid, {', '.join(map(str, grid.data_vars)) or 'without variables'} over {sizes}"
    try:
        return f"{entry.kind}, {layer.describe(entry).count} rows"
    except DatasetUnavailableError:
        raise
    except Exception as error:  # libraries meet a broken file with whatever they like
        raise DatasetUnavailableError(entry, error) from error


def host(key: str, entry: str, listed: Sequence[str]) -> Finding:
    """Whether an entry of a list of hosts leads anywhere, and may be spoken to.

    Parameters
    ----------
    key : the list.
    entry : one of its entries.
    listed : all of them: a private address must be among them.
    """
    about = f"moorage.{key}: {entry}"
    if is_network(entry):
        return Finding(about, "an address, or a network")
    try:
        found = Hosts(tuple(listed)).resolve(urlsplit(f"http://{entry}"))
    except UnknownHostError:
        return Finding(about, "it has no address", "mend the name, or what tells this machine of names")
    except ForbiddenHostError:
        return Finding(about, "it leads to a private address", "list that address, or its network, too")
    return Finding(about, f"it leads to {found}")
