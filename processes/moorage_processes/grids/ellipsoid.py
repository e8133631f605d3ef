"""Areas on the ellipsoid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from moorage_processes.grids.horizontal import Ellipsoid, Numbers


def area_from_equator(latitude: Numbers, ellipsoid: Ellipsoid) -> Numbers:
    """Area [m2] of one radian of longitude between the equator and a latitude [degree] (Snyder 1987, equation 3-12)."""
    s, e = np.sin(np.radians(latitude)), ellipsoid.e2**0.5
    relative = s / (1 - (e * s) ** 2) + (np.arctanh(e * s) / e if e else s)
    area: Numbers = ellipsoid.a**2 * (1 - ellipsoid.e2) / 2 * relative
    return area
