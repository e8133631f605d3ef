"""Collections of a service, as a caller asks for them."""

from __future__ import annotations

import io

import requests
import xarray as xr

NETCDF = "application/x-netcdf"


def get(url: str, path: str, **query: object) -> requests.Response:
    """A GET of something below /collections."""
    return requests.get(f"{url}/collections{path}", params={"f": "json", **query}, timeout=60)


def coverage(url: str, name: str, **query: object) -> dict:
    """A coverage as CoverageJSON."""
    answer = get(url, f"/{name}/coverage", **query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/prs.coverage+json"
    return answer.json()


def netcdf(url: str, name: str, **query: object) -> xr.Dataset:
    """A coverage as NetCDF, opened."""
    answer = get(url, f"/{name}/coverage", **query, f="netcdf")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == NETCDF
    with xr.open_dataset(io.BytesIO(answer.content), engine="h5netcdf") as grid:
        return grid.load()
