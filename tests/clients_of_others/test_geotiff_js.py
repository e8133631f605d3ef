"""geotiff.js, which draws GeoTIFFs in browsers: ranges of a result, read by node and by a page of another site."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import requests
from orders import CELLS, GEOTIFF, noise
from playwright.sync_api import Page, sync_playwright
from support.programs import program

VERSION = "3.0.5"
SCRIPT = Path(__file__).parent / "read_window.mjs"
WINDOW = (700, 800, 764, 832)
"""Left, top, right, bottom, in cells."""
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="session")
def library(pytestconfig: pytest.Config) -> Path:
    """The folder geotiff.js is installed in, outside the tree."""
    folder = Path(pytestconfig.cache.mkdir(f"geotiff.js-{VERSION}"))
    if not (folder / "node_modules" / "geotiff").is_dir():
        options = ["--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run([program("npm"), "install", *options, f"geotiff@{VERSION}"], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def other_site(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a page that loads geotiff.js, at another origin than the service."""
    folder = tmp_path_factory.mktemp("site")
    script = (library / "node_modules" / "geotiff" / "dist-browser" / "geotiff.js").read_bytes()
    (folder / "geotiff.js").write_bytes(script)
    (folder / "index.html").write_text("<!doctype html><title>map</title><script src=geotiff.js></script>")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def page(other_site: str) -> Iterator[Page]:
    """That page in a browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=FLAGS)
        opened = browser.new_page()
        opened.goto(other_site)
        yield opened
        browser.close()


def expected() -> list[float]:
    left, top, right, bottom = WINDOW
    return noise(slice(top, bottom), slice(left, right)).ravel().tolist()


def test_node_reads_a_window_without_the_rest(library, geotiff, way):
    command = [program("node"), str(SCRIPT), str(library), way.to(geotiff), *map(str, WINDOW)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout)
    assert told["size"] == [CELLS, CELLS]
    assert told["box"] == pytest.approx([0, 45, 15, 60])
    np.testing.assert_array_equal(np.array(told["values"], "float32"), np.array(expected(), "float32"))
    whole = int(requests.head(geotiff, timeout=60).headers["Content-Length"])
    assert 0 < way.sent(geotiff) < whole / 5
    assert {each.status for each in way.heard} == {206}


JOURNEY = """
async ([service, window, mediaType]) => {
  const submitted = await fetch(`${service}/processes/noise/execution`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Prefer: "respond-async" },
    body: JSON.stringify({ inputs: {}, outputs: { result: { format: { mediaType } } } }),
  });
  const applied = submitted.headers.get("Preference-Applied");
  const job = service + new URL(submitted.headers.get("Location")).pathname;
  let state;
  do {
    state = await (await fetch(job)).json();
  } while (["accepted", "running"].includes(state.status));
  const tiff = await GeoTIFF.fromUrl(`${job}/results/result`);
  const image = await tiff.getImage();
  const [values] = await image.readRasters({ window });
  return { applied, status: state.status, path: new URL(job).pathname, values: Array.from(values) };
}
"""


def test_a_page_of_another_site_orders_a_map_and_reads_a_window_of_it(page, way):
    told = page.evaluate(JOURNEY, [way.url, WINDOW, GEOTIFF])
    assert (told["applied"], told["status"]) == ("respond-async", "successful")
    np.testing.assert_array_equal(np.array(told["values"], "float32"), np.array(expected(), "float32"))
    read = [each for each in way.heard if each.path.endswith("/results/result") and each.method == "GET"]
    assert {each.status for each in read} == {206}
    assert sum(each.size for each in read) < 4_000_000
    asked = {name for each in way.heard if each.preflight for name in each.preflight.split(",")}
    assert asked == {"content-type", "prefer"}


RANGES = """
async ([href, headers]) => {
  const answer = await fetch(href, { headers });
  return {
    status: answer.status,
    range: answer.headers.get("Content-Range"),
    etag: answer.headers.get("ETag"),
    size: (await answer.arrayBuffer()).byteLength,
  };
}
"""


def test_a_page_of_another_site_may_ask_for_any_range(page, geotiff, way):
    """A browser asks beforehand about a range that is not of the plainest form, and about what goes with one."""
    begin = page.evaluate(RANGES, [way.to(geotiff), {"Range": "bytes=0-99"}])
    assert (begin["status"], begin["size"]) == (206, 100)
    assert begin["range"].startswith("bytes 0-99/")
    end = page.evaluate(RANGES, [way.to(geotiff), {"Range": "bytes=-100", "If-Match": begin["etag"]}])
    assert (end["status"], end["size"]) == (206, 100)
    asked = {name for each in way.heard if each.preflight for name in each.preflight.split(",")}
    assert asked == {"if-match", "range"}


def test_a_page_of_another_site_dismisses_a_job(page, service_url, way):
    body = {"inputs": {"pause": 60}}
    submitted = requests.post(f"{service_url}/processes/noise/execution", json=body, timeout=60)
    state = page.evaluate(
        "async (job) => (await fetch(job, { method: 'DELETE' })).json()", way.to(submitted.headers["Location"])
    )
    assert state["status"] == "dismissed"
    assert [each.method for each in way.heard] == ["OPTIONS", "DELETE"]
