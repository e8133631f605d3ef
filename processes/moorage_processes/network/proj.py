"""PROJ, the library of coordinate transformations, fetches grids from the network where its environment allows it."""

from __future__ import annotations

import os
import sys

OFFLINE = {"PROJ_NETWORK": "OFF"}
"""What keeps PROJ off the network, ours and those in GDAL and pyproj, whatever the operator's environment says."""


def keep_proj_offline() -> None:
    """Let PROJ fetch nothing in this process: what it asked for would be told by the data of a caller."""
    os.environ.update(OFFLINE)
    if "pyproj" in sys.modules:  # it has looked at the environment already
        import pyproj.network  # noqa: PLC0415 - slow, and not needed where it is not imported

        pyproj.network.set_network_enabled(active=False)  # type: ignore[attr-defined]  # re-exported in another way
