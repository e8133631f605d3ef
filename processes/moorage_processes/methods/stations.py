"""From stations to a grid: inverse distances and ordinary kriging."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import geopandas  # noqa: TC002 - the signature is read when the process is described
import numpy as np
import numpy.typing as npt
import shapely
import xarray as xr
from pydantic import Field

from moorage_processes import InputError, process, progress
from moorage_processes.authoring.result_size import check_room
from moorage_processes.cf.provenance import MethodReference
from moorage_processes.grids.horizontal import Numbers
from moorage_processes.grids.point_target import PointTarget, target_crs, target_of
from moorage_processes.methods.interpolation.distances import Weighting, metric_positions
from moorage_processes.methods.interpolation.kriging import Kriging, Variogram, variogram_of

WORK = 2 * 2**20
"""Bytes of the distances between stations and the cells that are worked on at once, few enough for the caches."""
SAME_PLACE = 1e-3
"""Metres within which stations are one."""
METHOD = MethodReference(
    "interpolate-stations",
    "Shepard (1968): A two-dimensional interpolation function for irregularly-spaced data. Proc. 23rd ACM National "
    "Conference, 517-524, doi:10.1145/800186.810616; Cressie (1993): Statistics for spatial data, Wiley, "
    "doi:10.1002/9781119115151",
)
Estimator = Callable[[Numbers], tuple[Numbers, Numbers]]
Positive = Annotated[float, Field(gt=0)]


class Interpolation(NamedTuple):
    """A grid made from stations.

    Parameters
    ----------
    estimate : value at the centre of each cell, in the unit of the stations.
    variance : variance of the kriging error, in the square of that unit; missing for inverse distances.
    """

    estimate: xr.DataArray
    variance: xr.DataArray


@process(example={"column": ...})
def interpolate_stations(
    stations: geopandas.GeoDataFrame,
    resolution: Positive,
    column: str | None = None,
    method: Literal["inverse-distance", "ordinary-kriging"] = "inverse-distance",
    bounds: list[float] | None = None,
    crs: str | None = None,
    power: Positive = 2.0,
    neighbours: Annotated[int, Field(ge=1)] | None = None,
    radius: Positive | None = None,
    variogram: Literal["linear", "spherical", "exponential", "gaussian"] = "spherical",
    sill: Positive | None = None,
    variogram_range: Positive | None = None,
    slope: Positive | None = None,
    nugget: Annotated[float, Field(ge=0)] | None = None,
    outside: Literal["filled", "missing"] = "filled",
    units: str | None = None,
) -> Interpolation:
    """Grid of the values of stations, by inverse distances or ordinary kriging.

    Parameters
    ----------
    stations : points in any CRS with a column of numbers.
    resolution : width and height of a cell, in the unit of the CRS of the grid (m, or degrees of longitude and
        latitude).
    column : the one that is interpolated; the only one of numbers where none is named.
    method : inverse-distance, or ordinary-kriging, which gives its variance too.
    bounds : west, south, east, north of the grid in its own CRS; those of the stations, to whole cells, where none
        are given.
    crs : that of the grid, as EPSG:25832. Where none is given it is the stations' own if that is projected; else the
        zone of UTM that fits them, or longitude and latitude where they lie more than 12 degrees apart.
    power : of the inverse distance.
    neighbours : how many of the nearest stations count, for inverse distances; all where none is given.
    radius : distance [m] up to which stations count, for inverse distances; any where none is given.
    variogram : model for kriging.
    sill : semivariance far away, the nugget included; fitted with the range and the nugget where none is given.
    variogram_range : distance [m] at which the sill is reached, or to 95 % for the exponential model.
    slope : semivariance per metre, of the linear model.
    nugget : semivariance at the shortest distance; 0 where the other parameters are given and it is not.
    outside : whether cells outside the convex hull of the stations are filled or missing.
    units : unit of the values, written into the result.

    Returns
    -------
    Estimate and variance in double precision, dimensions (y, x) or (lat, lon), first row north.

    Raises
    ------
    InputError
        where the stations state no CRS, are no points, have no such column or too few values; where the parameters
        do not belong to the method, the equations of kriging are singular, or the grid would be too large.

    Notes
    -----
    Inverse distances (Shepard 1968): ``sum(z_i d_i^-p) / sum(d_i^-p)`` over the stations that count, and the value of
    a station at its own place; a cell without a station inside *radius* is missing. Ordinary kriging (Cressie 1993,
    section 3.2): the weights *w* solve ``sum_j w_j gamma(d_ij) + m = gamma(d_i0)`` and ``sum_j w_j = 1`` over all
    stations; the variance is ``sum_i w_i gamma(d_i0) + m``. The semivariance at distance zero is zero whatever the
    nugget, so both methods are exact at the stations. Models: ``n + s d``; ``n + c (1.5 h - 0.5 h^3)`` with
    ``h = d / r <= 1``; ``n + c (1 - exp(-3 h))``; ``n + c (1 - exp(-(7 h / 4)^2))``, with *c* the sill without the
    nugget *n*. They are fitted to the semivariances of six classes of distance, by PyKrige.

    Distances are in metres: along the map in a projected CRS, along great circles of a sphere of 6371 km in
    longitude and latitude, never in degrees. The gaussian model is not strictly valid on a sphere. Stations without
    a value are left out; those at one place (to 1 mm) count as one with their mean. Cells are worked on in parts, so
    that besides the result little memory is needed.

    References
    ----------
    .. [1] Shepard, D. (1968): A two-dimensional interpolation function for irregularly-spaced data. Proceedings of
       the 23rd ACM National Conference, 517-524. doi:10.1145/800186.810616
    .. [2] Cressie, N. A. C. (1993): Statistics for spatial data. Wiley. doi:10.1002/9781119115151
    """
    kriges = method == "ordinary-kriging"
    _check_options(kriges=kriges, variogram=variogram, sill=sill, reach=variogram_range, slope=slope, nugget=nugget,
                   neighbours=neighbours, radius=radius)  # fmt: skip
    name = _column(stations, column)
    points, values = _measured(stations, name)
    system = target_crs(points, crs)
    target = target_of(points.to_crs(system), system, resolution, bounds)
    check_room((2, *target.shape), 8, f"two grids of {target.rows.size} x {target.columns.size} cells",
               input="resolution")  # fmt: skip
    first, values = _one_each(metric_positions(target.stations, system), values)
    points_kept = target.stations[first]
    places = metric_positions(points_kept, system)
    if kriges:
        model = variogram_of(variogram, sill, variogram_range, slope, nugget)
        kriging = Kriging.of(places, values, points_kept, system, variogram, model)
        estimator: Estimator = kriging.estimate
        how = f"variogram={variogram}, {_told(kriging.variogram)}"
    else:
        estimator = Weighting(places, values, power, neighbours, radius, is_round=system.is_geographic).estimate
        how = f"power={power:g}, neighbours={neighbours or 'all'}, radius={radius or 'any'}"
    layers = _filled(target, estimator, len(values))
    if outside == "missing":
        _cut(layers, target)
    options = f"column={name}, method={method}, {how}, {len(values)} stations, resolution={resolution:g}"
    return _described(layers, target, name, options, units)


def _check_options(*, kriges: bool, variogram: str, **given: Any) -> None:
    """Refuse parameters that would have no effect, and incomplete models."""
    idle = ("neighbours", "radius") if kriges else ("sill", "reach", "slope", "nugget")
    names = {"reach": "variogram_range"}
    for key in idle:
        if given[key] is not None:
            other = "inverse-distance" if kriges else "ordinary-kriging"
            shown = names.get(key, key)
            raise InputError(f"{shown} belongs to the method {other}; leave it out or ask for that", input=shown)
    linear = variogram == "linear"
    for key in ("sill", "reach") if linear else ("slope",):
        if given[key] is not None:
            shown = names.get(key, key)
            takes = "slope and nugget" if linear else "sill, variogram_range and nugget"
            raise InputError(f"the {variogram} model has no {shown}; it takes {takes}", input=shown)
    has = [given[key] is not None for key in (("slope",) if linear else ("sill", "reach"))]
    if any(has) != all(has):
        raise InputError(
            "sill and variogram_range go together; give both, or neither to have them fitted", input="sill"
        )
    if given["nugget"] is not None and not all(has):
        raise InputError("a nugget goes with the other parameters of the model; give those too", input="nugget")
    if given["sill"] is not None and (given["nugget"] or 0.0) >= given["sill"]:
        raise InputError(f"the nugget is part of the sill, so it is below {given['sill']:g}", input="nugget")


def _column(stations: geopandas.GeoDataFrame, column: str | None) -> str:
    numeric = [str(name) for name in stations.select_dtypes("number").columns]
    if column is None and len(numeric) == 1:
        return numeric[0]
    if column is None:
        has = f"{len(numeric)} columns of numbers: {', '.join(numeric)}" if numeric else "no column of numbers"
        raise InputError(f"stations have {has}; name one as column", input="column")
    if column not in numeric:
        raise InputError(f"stations have no column of numbers {column!r}; they have {numeric}", input="column")
    return column


def _measured(stations: geopandas.GeoDataFrame, column: str) -> tuple[geopandas.GeoSeries, Numbers]:
    """The points that have a value, and the values."""
    if stations.crs is None:
        raise InputError("stations do not state their CRS; write it with set_crs('EPSG:4326')", input="stations")
    values = stations[column].to_numpy(dtype=np.float64, na_value=np.nan)
    there = np.isfinite(values) & ~(stations.geometry.isna() | stations.geometry.is_empty).to_numpy()
    if not there.any():
        raise InputError(f"no station has a value in {column}", input="stations")
    points = stations.geometry[there]
    if not (points.geom_type == "Point").all():
        others = sorted(set(points.geom_type) - {"Point"})
        raise InputError(
            f"stations are points, and some are {', '.join(others)}; take their centroids", input="stations"
        )
    return points, values[there]


def _one_each(places: Numbers, values: Numbers) -> tuple[npt.NDArray[np.intp], Numbers]:
    """The first station at each place, and the mean of those there."""
    _, first, which = np.unique(np.round(places / SAME_PLACE), axis=0, return_index=True, return_inverse=True)
    which = which.ravel()
    return first, np.bincount(which, values) / np.bincount(which)


def _filled(target: PointTarget, estimator: Estimator, stations: int) -> Numbers:
    """Estimate and variance of each cell, some cells after the other."""
    layers: Numbers = np.empty((2, target.rows.size * target.columns.size))
    cells = max(1, WORK // (8 * stations))
    for start in progress.track(range(0, layers.shape[1], cells), "cells"):
        row, column = np.divmod(np.arange(start, min(start + cells, layers.shape[1])), target.columns.size)
        where = np.stack([target.columns[column], target.rows[row]], axis=1)
        layers[:, start : start + cells] = estimator(metric_positions(where, target.crs))
    return layers.reshape(2, *target.shape)


def _cut(layers: Numbers, target: PointTarget) -> None:
    """Leave nothing outside the convex hull of the stations."""
    hull = shapely.MultiPoint(target.stations).convex_hull
    shapely.prepare(hull)
    for number, row in enumerate(target.rows):
        inside = shapely.intersects_xy(hull, target.columns, np.full(target.columns.size, row))
        layers[:, number, ~inside] = np.nan


def _told(model: Variogram) -> str:
    return ", ".join(f"{name}={number:.6g}" for name, number in model.parameters.items())


def _described(layers: Numbers, target: PointTarget, column: str, options: str, units: str | None) -> Interpolation:
    square = None if units is None else f"({units})2"
    titles = ((column, units, column), (f"variance of the kriging error of {column}", square, f"{column}_variance"))
    results = []
    for layer, (title, unit, name) in zip(layers, titles, strict=True):
        field = target.field(layer, name)
        grid_mapping = field.rio.grid_mapping
        results.append(
            METHOD.derived(field, xr.Dataset(), options, long_name=title, units=unit, grid_mapping=grid_mapping)
        )
    return Interpolation(*results)
