"""A service with something to show on every page, and what reads its pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import requests
import xarray as xr
from support.paths import AUTHOR_MODULES
from support.samples import sea_surface
from support.services import Running, serve

METHODS = [str(AUTHOR_MODULES / f"methods_{name}.py") for name in ("for_tests", "on_arrays", "for_pages")]
ZONE = [[[10.1, 51.1], [10.4, 51.2], [10.3, 51.8], [10.1, 51.1]]]


def hills() -> xr.DataArray:
    """An elevation model of 12 x 16 cells."""
    y, x = np.mgrid[0:12, 0:16]
    coords = {
        "lat": ("lat", np.linspace(51, 51.11, 12), {"units": "degrees_north"}),
        "lon": ("lon", np.linspace(10, 10.15, 16), {"units": "degrees_east"}),
    }
    values = (300 + 100 * np.sin(x / 4) * np.cos(y / 3)).astype("float32")
    return xr.DataArray(values, coords, ("lat", "lon"), name="elevation", attrs={"units": "m"})


def zones(words: str = "west") -> dict:
    """One zone as GeoJSON."""
    zone = {"type": "Polygon", "coordinates": ZONE}
    feature = {"type": "Feature", "properties": {"name": "west", "words": words}, "geometry": zone}
    return {"type": "FeatureCollection", "features": [feature]}


@contextmanager
def showing(folder: Path, words: str = "west", **sections: dict) -> Iterator[Running]:
    """Serve datasets, collections and methods while the block lasts; *words* stand wherever an operator writes."""
    sea_surface()[["sst"]].to_netcdf(folder / "sst.nc")
    hills().to_netcdf(folder / "dem.nc")
    (folder / "zones.geojson").write_text(json.dumps(zones(words)))
    datasets = {
        "sst": {"path": "sst.nc", "variable": "sst", "title": words},
        "dem": "dem.nc",
        "zones": {"path": "zones.geojson", "kind": "features"},
    }
    provider = {"type": "feature", "name": "GeoJSON", "data": str(folder / "zones.geojson"), "id_field": "name"}
    places = {
        "type": "collection",
        "title": f"Places {words}",
        "description": words,
        "keywords": [words],
        "links": [{"rel": "about", "type": "text/html", "title": words, "href": "https://example.org/"}],
        "extents": {"spatial": {"bbox": [-180, -90, 180, 90]}},
        "providers": [provider],
    }
    with serve(folder, METHODS, ours=True, datasets=datasets, resources={"lakes": places}, **sections) as service:
        yield service


BLOCKS = ("td", "th", "dt", "dd", "li", "p", "div", "h1", "h2", "h3", "option")
"""Elements whose words do not run on."""


class Page(HTMLParser):
    """What stands on a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in BLOCKS:
            self.words.append(" ")

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of each such element."""
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def hrefs(self) -> set[str]:
        """Where its links lead."""
        return {each["href"] for each in self.all("a") if each.get("href")}

    @property
    def text(self) -> str:
        """All its words."""
        return " ".join("".join(self.words).split())


def call_of(url: str, process: str, language: str) -> str:
    """A call as a person copies it from the page of a process."""
    text = requests.get(f"{url}/processes/{process}", headers={"Accept": "text/html"}, timeout=60).text
    block = text.split(f'aria-labelledby="call-{language}"')[1].split("<code>")[1].split("</code>")[0]
    return "".join(Page(block).words)


def page(url: str, status: int = 200, **headers: str) -> Page:
    """A page as a browser gets it."""
    answer = requests.get(url, headers={"Accept": "text/html,*/*;q=0.8", **headers}, timeout=60)
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["Content-Type"].startswith("text/html")
    return Page(answer.text)
