"""Shapes across 180 degrees, cut there as RFC 7946 asks, so that no map draws them around the whole Earth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

TURN = 360.0
HALF = 180.0
POLE = 90.0


def leaping(geometries: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of the *geometries* (lon, lat) have neighbouring points more than half a turn apart."""
    coordinates, owners = shapely.get_coordinates(geometries, return_index=True)
    leaps = (np.abs(np.diff(coordinates[:, 0])) > HALF) & (np.diff(owners) == 0)
    mask = np.zeros(len(geometries), dtype=bool)
    mask[owners[1:][leaps]] = True
    return mask


def unrolled(geometry: Any) -> Any:
    """The geometry with longitudes that do not leap at 180 degrees but go on beyond.

    A ring that goes once around the Earth encloses the nearer pole, and is drawn up to it.
    """
    if hasattr(geometry, "geoms"):
        parts = [unrolled(part) for part in geometry.geoms]
        if geometry.geom_type == "GeometryCollection":
            return shapely.GeometryCollection(parts)
        return type(geometry)([piece for part in parts for piece in getattr(part, "geoms", [part])])
    if geometry.geom_type == "Point":
        return geometry
    if geometry.geom_type != "Polygon":
        return shapely.LineString(_continuous(geometry))
    area = _area(geometry.exterior)
    for ring in geometry.interiors:
        hole = _area(ring)
        for turns in range(-2, 3):  # wherever its first point took it
            area = shapely.difference(area, _moved(hole, turns * TURN))
    return area


def folded(geometry: Any) -> Any:
    """The geometry within -180 to 180 degrees: what lies beyond is cut off there and moved by whole turns."""
    if geometry is None or geometry.is_empty:
        return geometry
    west, _, east, _ = geometry.bounds
    if west >= -HALF and east <= HALF:
        return geometry
    if geometry.geom_type == "GeometryCollection":
        return shapely.GeometryCollection([folded(part) for part in geometry.geoms])
    first, last = np.floor((np.array([west, east]) + HALF) / TURN)
    if first == last:
        return _moved(geometry, -first * TURN)
    pieces = []
    for turn in np.arange(first, last + 1) * TURN:
        piece = shapely.intersection(geometry, shapely.box(turn - HALF, -POLE, turn + HALF, POLE))
        parts = shapely.get_parts(piece)
        parts = parts[shapely.get_dimensions(parts) == shapely.get_dimensions(geometry)]
        pieces += [_moved(part, -turn) for part in parts]
    return shapely.union_all(pieces)


def _continuous(line: Any) -> NDArray[np.float64]:
    coordinates: NDArray[np.float64] = shapely.get_coordinates(line, include_z=line.has_z)
    coordinates[:, 0] = np.unwrap(coordinates[:, 0], period=TURN)
    return coordinates


def _area(ring: Any) -> Any:
    """What a ring encloses."""
    coordinates = _continuous(ring)
    if abs(coordinates[-1, 0] - coordinates[0, 0]) > HALF:
        corners = coordinates[[-1, 0]]
        corners[:, 1] = np.copysign(POLE, coordinates[:, 1].mean())
        coordinates = np.vstack((coordinates, corners, coordinates[:1]))
    return shapely.make_valid(shapely.Polygon(coordinates))


def _moved(geometry: Any, degrees: float) -> Any:
    def move(coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        coordinates[:, 0] += degrees
        return coordinates

    return shapely.transform(geometry, move, include_z=geometry.has_z)
