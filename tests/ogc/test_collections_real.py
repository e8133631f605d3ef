"""Real data as it comes: odd names and units, levels, sparse months, years of 365 days, stations, lakes, towns."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from support.coverages import coverage, get, netcdf
from support.services import serve


@pytest.fixture(scope="module")
def real(shared_data, tmp_path_factory):
    named = {path.stem: str(path) for path in shared_data.iterdir() if path.suffix in (".nc", ".geojson")}
    with serve(tmp_path_factory.mktemp("real"), datasets=named) as service:
        yield service.url


def test_the_sea_surface_is_what_xarray_reads(real, shared_data):
    part = netcdf(real, "coads_sst", bbox="170,-10,-170,10", datetime="2000-03", properties="SST,AIRT")
    with xr.open_dataset(shared_data / "coads_sst.nc") as whole:
        east = whole.SST.sel(COADSX=slice(170, 180), COADSY=slice(-10, 10)).isel(TIME=2)
        west = whole.SST.sel(COADSX=slice(-180, -170), COADSY=slice(-10, 10)).isel(TIME=2)
        expected = xr.concat([east, west], "COADSX").values
    assert np.array_equal(part.SST.isel(TIME=0).values, expected, equal_nan=True)
    assert part.COADSX.values.tolist() == list(np.arange(171.0, 190, 2))
    assert set(part.data_vars) == {"SST", "AIRT"}
    document = coverage(real, "coads_sst", datetime="2000-03", properties="SST", bbox="-110,35,-70,50")
    assert document["parameters"]["SST"]["unit"]["symbol"] == "Deg C"
    assert None in document["ranges"]["SST"]["values"]


def test_winds_on_levels_of_two_months_are_what_xarray_reads(real, shared_data):
    document = coverage(real, "eraint_uvz", subset="level(500),month(7),lat(50:60),lon(0:10)", properties="u")
    with xr.open_dataset(shared_data / "eraint_uvz.nc") as whole:
        expected = whole.u.sel(level=500, month=7, latitude=slice(60, 50), longitude=slice(0, 10)).values
    values = np.array(document["ranges"]["u"]["values"]).reshape(document["ranges"]["u"]["shape"])
    assert np.allclose(values.squeeze(), expected)
    assert document["domain"]["axes"]["z"]["values"] == [500]
    assert "domainType" not in document["domain"]  # month is not an axis of a Grid


def test_a_calendar_of_365_days_is_cut_by_dates(real):
    document = coverage(real, "cmip5_rcp85_precipitation_p25", datetime="2050/2051", bbox="-100,50,-95,55")
    assert document["domain"]["axes"]["t"]["values"] == ["2050-07-01T06:00:00Z", "2051-07-01T06:00:00Z"]
    told = get(real, "/cmip5_rcp85_precipitation_p25").json()["extent"]["temporal"]
    assert told["interval"] == [["2006-07-01T06:00:00Z", "2100-07-01T06:00:00Z"]]


def test_stations_are_told_to_be_no_grid(real):
    assert (
        get(real, "/era5_cities_daily").json()["description"].startswith("Unavailable: none of its variables is a map")
    )
    assert get(real, "/era5_cities_daily/coverage").status_code == 503


def test_real_places_and_lakes_are_found(real):
    found = get(real, "/ne_110m_populated_places_simple/items", name="Hamburg").json()
    assert found["numberMatched"] in (0, 1)
    tokyo = get(real, "/ne_110m_populated_places_simple/items", bbox="139,35,140,36").json()["features"]
    assert [each["properties"]["name"] for each in tokyo] == ["Tokyo"]
    assert get(real, "/ne_110m_lakes").json()["extent"]["spatial"]["bbox"][0][0] == pytest.approx(-124.95, abs=0.01)
