"""Weather for the demonstration: made up, on the relief of a real place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import xarray as xr

CELLS = 28
"""Rows and columns of the elevation model that are one cell here."""
YEARS = ("2001-01-01", "2004-01-01")
YEARLY_MEAN, YEARLY_SWING = 14.0, 11.0
"""Of the temperature [degC] at the mean elevation; January is cold."""
COLDEST = 15
"""Day of the year."""
LAPSE = 0.0065
"""How much colder it is for each metre up [K/m]."""
YEAR = 365.25
DAILY_SWING = 6.0
"""From the mean of a day to its maximum, or minimum [K]."""
PERSISTENCE, SPREAD = 0.8, 2.5
"""Of what is left: how much of it stays until the next day, and its standard deviation from day to day [K]."""


def weather(dem: xr.DataArray) -> xr.Dataset:
    """Daily maximum and minimum temperature [degC] of three years, made up, on dimensions (time, lat, lon).

    Parameters
    ----------
    dem : elevations [m] on dimensions (lat, lon).
    """
    heights = dem.astype("float64").coarsen(lat=CELLS, lon=CELLS, boundary="trim").mean()
    days = np.arange(*YEARS, dtype="datetime64[D]").astype("datetime64[ns]")
    chance = np.random.default_rng(0)
    mean = _course(days, chance)[:, None, None] - LAPSE * (heights - heights.mean()).to_numpy()[None]
    swing = DAILY_SWING + chance.gamma(4.0, 0.5, mean.shape) - 2.0
    coordinates = {"time": ("time", days, {"standard_name": "time"}), "lat": heights.lat, "lon": heights.lon}
    made = xr.Dataset(
        {
            name: (("time", "lat", "lon"), values.round(2).astype("float32"), _attributes(words))
            for name, words, values in (("tasmax", "maximum", mean + swing), ("tasmin", "minimum", mean - swing))
        },
        coordinates,
        {"title": "Made-up weather", "comment": "made up for a demonstration: neither measured nor modelled"},
    )
    located: xr.Dataset = made.rio.write_crs("EPSG:4326")
    return located


def _course(days: npt.NDArray[np.datetime64], chance: np.random.Generator) -> npt.NDArray[np.float64]:
    """The mean of each day: the course of the year, and what persists from one day to the next."""
    of_year = (days - days.astype("datetime64[Y]")).astype("timedelta64[D]").astype(float)
    steps = chance.normal(0.0, SPREAD, len(days))
    rest = np.zeros(len(days))
    for day in range(1, len(days)):
        rest[day] = PERSISTENCE * rest[day - 1] + steps[day]
    mean: npt.NDArray[np.float64] = YEARLY_MEAN - YEARLY_SWING * np.cos(2 * np.pi * (of_year - COLDEST) / YEAR) + rest
    return mean


def _attributes(words: str) -> dict[str, str]:
    return {
        "long_name": f"daily {words} temperature, made up",
        "standard_name": "air_temperature",
        "units": "degC",
        "cell_methods": f"time: {words}",
    }
