"""How long tests wait for an event before they fail; ``MOORAGE_PATIENCE=3`` makes all of it three times as long."""

from __future__ import annotations

import os


def patience(seconds: float) -> float:
    """Seconds to wait, where *seconds* are enough on a machine that is not overloaded."""
    return seconds * float(os.environ.get("MOORAGE_PATIENCE") or 1)


PATIENCE = patience(60.0)
"""Seconds after which a test that waits for something gives up."""
