"""Every answer is a page too: all it says, all its links, a look at the data, and nothing that runs."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
import yaml
from moorage_processes.app import create_app, service_of
from moorage_processes.catalogue.reading import read_catalogue
from moorage_processes.configuration.configuration import shipped
from moorage_processes.data.datasets import Datasets
from moorage_processes.methods.drawing.number import SIZE
from moorage_processes.network.fetch import Policy
from moorage_processes.ogc.pages.examples import examples
from moorage_processes.ogc.pages.snippets import Snippets
from moorage_processes.ogc.pages.text_filters import prose
from moorage_processes.ogc.requests.input_validation import InputValidator
from PIL import Image
from support.author_modules.methods_for_pages import EVIL
from support.pages_service import METHODS, Page, call_of, page, showing
from support.programs import program
from support.service_client import ServiceClient

if TYPE_CHECKING:
    from support.services import Running

FRONT = ("", "conformance", "processes", "processes?limit=2", "processes/echo", "processes/terrain", "processes/mirror")
PLACES = ("", "/lakes", "/lakes/items", "/lakes/items/west", "/lakes/schema", "/lakes/queryables")
COLLECTIONS = tuple(f"collections{place}" for place in PLACES)
PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with showing(tmp_path_factory.mktemp("pages"), EVIL) as service:
        yield service


@pytest.fixture(scope="module")
def url(running: Running) -> str:
    return running.url


@pytest.fixture(scope="module")
def mirrored(url: str) -> str:
    """A job all of whose words are hostile."""
    return ServiceClient(url).run("mirror")


@pytest.fixture(scope="module")
def terrain(url: str) -> str:
    """A job with grids."""
    return ServiceClient(url).run("terrain", dem="dem")


def get(url: str, **headers: str) -> requests.Response:
    return requests.get(url, headers=headers, timeout=60)


def test_paragraphs_and_lists_of_a_docstring_are_such_on_its_page():
    text = "With *n* values,\n\n- mean ``sum(x) / n``, of\n  all;\n- spread - the <b>usual</b>.\n\nNo more."
    assert prose(text) == (
        "<p>With <em>n</em> values,</p>\n"
        "<ul><li>mean <code>sum(x) / n</code>, of\n  all;</li><li>spread - the &lt;b&gt;usual&lt;/b&gt;.</li></ul>\n"
        "<p>No more.</p>"
    )


def test_data_of_which_an_input_takes_several_are_shown_twice(url):
    members = get(f"{url}/processes/ensemble-statistics", Accept="application/json").json()["inputs"]["members"]
    datasets = Datasets.from_json({})
    first, second = examples({"members": members}, datasets)["members"]
    assert first == second == examples({"members": {**members, "maxOccurs": 1}}, datasets)["members"]


def links_of(document: object) -> Iterator[str]:
    """All hrefs of a JSON document."""
    if isinstance(document, dict):
        if isinstance(document.get("href"), str):
            yield document["href"]
        document = list(document.values())
    if isinstance(document, list):
        for each in document:
            yield from links_of(each)


def leaves(document: object) -> Iterator[str]:
    """All texts of a JSON document, without those of its links."""
    if isinstance(document, dict):
        for name, each in document.items():
            if name != "links":
                yield from leaves(each)
    elif isinstance(document, list):
        for each in document:
            yield from leaves(each)
    elif isinstance(document, str):
        yield document


def plain(text: str) -> str:
    """A text without the little markup of docstrings, in one line."""
    without_marks = re.sub(r"^\s*- ", "", text, flags=re.MULTILINE)
    return " ".join(without_marks.replace("``", "").replace("*", "").replace(".. [", "[").split())


# All that the JSON says


def same_links(url: str) -> None:
    document = get(url, Accept="application/json").json()
    missing = {href for href in links_of(document) if "f=html" not in href} - page(url).hrefs
    assert not missing


@pytest.mark.parametrize("path", [*FRONT, *COLLECTIONS])
def test_every_link_of_the_json_stands_on_the_page(url, path):
    same_links(f"{url}/{path}")


def test_every_link_of_jobs_and_results_stands_on_the_page(url, mirrored, terrain):
    for place in (f"{url}/jobs", mirrored, terrain):
        same_links(place)
    found = page(f"{terrain}/results").hrefs
    for output in ("slope", "aspect", "hillshade"):
        assert {f"{terrain}/results/{output}", f"{terrain}/results/{output}?f=file"} <= found


@pytest.mark.parametrize("path", ["", "conformance", "processes", "processes/echo", "processes/terrain"])
def test_all_that_the_json_says_stands_on_the_page(url, path):
    shown = page(f"{url}/{path}")
    said = plain(shown.text)
    for text in leaves(get(f"{url}/{path}", Accept="application/json").json()):
        assert plain(text) in said, text


def test_all_that_a_job_says_stands_on_its_page(mirrored):
    shown = page(mirrored)
    whole = {value for _, attributes in shown.tags for value in attributes.values()} | {plain(shown.text)}
    for text in leaves(get(mirrored).json()):
        assert any(plain(text) in part for part in whole if part), text


def test_inputs_tell_type_unit_bounds_default_and_what_data_lies_here(url):
    echo, terrain = page(f"{url}/processes/echo").text, page(f"{url}/processes/terrain").text
    assert "pause [s] optional number, at least 0, at most 5; default 0.0" in echo
    assert "dem required grid" in terrain
    assert "or data that lies here: dem, sst" in terrain
    assert "Given up after 1 h" in terrain


def test_a_person_walks_from_the_start_to_a_result_by_links_alone(url, terrain):
    assert f"{url}/processes" in page(f"{url}/").hrefs
    assert f"{url}/processes/terrain" in page(f"{url}/processes").hrefs
    assert f"{url}/jobs?processID=terrain" in page(f"{url}/processes/terrain").hrefs
    assert terrain in page(f"{url}/jobs?processID=terrain").hrefs
    assert f"{terrain}/results" in page(terrain).hrefs
    assert f"{terrain}/results/slope" in page(f"{terrain}/results").hrefs
    assert f"{terrain}/results/slope?f=file" in page(f"{terrain}/results/slope").hrefs


# What keeps pages harmless and usable


def pages_of(url: str, mirrored: str, terrain: str) -> list[str]:
    paths = [f"{url}/{path}" for path in (*FRONT, *COLLECTIONS, "jobs")]
    jobs = [mirrored, f"{mirrored}/log", f"{mirrored}/results", f"{mirrored}/results/text", f"{terrain}/results"]
    return [*paths, *jobs, terrain]


def test_every_page_has_one_heading_a_language_and_landmarks(url, mirrored, terrain):
    for place in pages_of(url, mirrored, terrain):
        shown = page(place)
        assert len(shown.all("h1")) == 1, place
        assert shown.all("html") == [{"lang": "en"}], place
        assert len(shown.all("main")) == 1, place
        assert {each.get("scope") for each in shown.all("th")} <= {"col", "row"}, place
        assert shown.all("a")[0]["href"] == "#main", place


def test_no_page_has_scripts_or_styles_of_its_own_or_of_others(url, mirrored, terrain):
    for place in pages_of(url, mirrored, terrain):
        shown = page(place)
        for tag, attributes in shown.tags:
            assert not any(name.startswith("on") or name == "style" for name in attributes), (place, tag)
        assert not shown.all("style"), place
        sources = [each.get("src") for tag in ("script", "img", "iframe") for each in shown.all(tag)]
        sources += [each["href"] for each in shown.all("link")]
        assert all(source and source.startswith("/") for source in sources), (place, sources)


def test_every_page_states_what_it_may_load_and_on_what_it_depends(url, mirrored, terrain):
    for place in [*pages_of(url, mirrored, terrain), f"{url}/nothing", f"{url}/collections/nothing"]:
        headers = get(place, Accept="text/html").headers
        assert "default-src 'none'" in headers["Content-Security-Policy"], place
        assert "'unsafe" not in headers["Content-Security-Policy"], place
        assert "Accept" in headers["Vary"], place
        assert headers["X-Content-Type-Options"] == "nosniff", place


def test_a_result_that_is_a_page_itself_is_sealed(mirrored):
    answer = get(f"{mirrored}/results/site?f=file")
    assert answer.headers["Content-Type"] == "text/html"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox;")


def test_the_style_is_kept_by_browsers_and_asked_for_again_by_etag(url):
    answer = get(f"{url}/-/pages/page.css")
    assert answer.headers["Content-Type"].startswith("text/css")
    assert "max-age=600" in answer.headers["Cache-Control"]
    assert get(f"{url}/-/pages/page.css", **{"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert get(f"{url}/-/pages/nothing.css").status_code == 404
    assert get(f"{url}/-/pages/..%2fpages.py").status_code == 404


def test_behind_a_path_prefix_links_keep_it(tmp_path):
    config = yaml.safe_load(shipped("local.yml").read_text())
    config["server"]["url"] = "https://data.example/analysis"
    config["moorage"]["state"] = str(tmp_path / "state")
    app = create_app(config)
    shown = Page(app.test_client().get("/processes/nothing", headers={"Accept": "text/html"}).text)
    service_of(app).engine.close(stop_supervisor=True)
    assert {each["href"] for each in shown.all("link")} == {"/analysis/-/pages/page.css", "/analysis/-/pages/mark.svg"}
    assert "/analysis/jobs" in shown.hrefs


# Errors, lists, jobs


@pytest.mark.parametrize("path", ["nothing", "processes/nothing", "jobs/nothing", "jobs?status=odd", "collections/no"])
def test_errors_are_pages_where_a_browser_asks(url, path):
    answer = get(f"{url}/{path}", Accept="text/html")
    assert answer.status_code in (400, 404)
    assert len(Page(answer.text).all("h1")) == 1


def test_the_form_of_the_job_list_may_leave_fields_empty(url, mirrored, terrain):
    empty = "f=html&processID=&from=&to=&minDuration=&maxDuration=&limit=10"
    assert {mirrored, terrain} <= page(f"{url}/jobs?{empty}").hrefs
    chosen = page(f"{url}/jobs?{empty}&status=failed&status=running")
    assert mirrored not in chosen.hrefs
    assert [each["value"] for each in chosen.all("input") if "checked" in each] == ["running", "failed"]


def test_the_form_of_the_job_list_takes_dates(url, mirrored):
    day = get(mirrored).json()["created"][:10]
    assert mirrored in page(f"{url}/jobs?f=html&from={day}&to={day}&limit=1000").hrefs
    before = page(f"{url}/jobs?f=html&to=2001-01-01")
    assert mirrored not in before.hrefs
    assert {"type": "date", "id": "to", "name": "to", "value": "2001-01-01"} in before.all("input")


def test_lists_go_on_as_pages(url):
    first = page(f"{url}/processes?limit=2")
    (following,) = [each["href"] for each in first.all("a") if each.get("rel") == "next"]
    assert "f=html" in following
    assert page(following).hrefs - first.hrefs


def test_a_wrong_filter_is_told_on_a_page(url):
    assert "minDuration: 'x' is not valid" in page(f"{url}/jobs?f=html&minDuration=x", 400).text


def test_a_job_that_runs_looks_again_by_itself_without_javascript(url):
    job = ServiceClient(url).submit("echo", message="x", pause=5)
    shown = page(job)
    assert {"http-equiv": "refresh", "content": "5"} in shown.all("meta")
    assert job.removeprefix(url) in shown.hrefs
    ServiceClient(url).done(job)
    assert not [each for each in page(job).all("meta") if "http-equiv" in each]


def test_the_page_of_a_dismissed_job_says_so(url):
    job = ServiceClient(url).submit("slow-sum", numbers=[], pause=30.0)
    answer = requests.delete(job, headers={"Accept": "text/html"}, timeout=60)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "This job was stopped" in Page(answer.text).text
    assert "dismissed" in page(job).text


def test_an_execution_answers_a_browser_with_pages(url):
    body = {"inputs": {"message": "said"}}
    place = f"{url}/processes/echo/execution"
    now = requests.post(place, json=body, headers={"Accept": "text/html"}, timeout=60)
    assert (now.status_code, Page(now.text).all("h1")) == (200, [{}])
    (download,) = [href for href in Page(now.text).hrefs if href.endswith("/results/message?f=file")]
    assert get(download).json() == "said"
    later = requests.post(place, json=body, headers={"Accept": "text/html", "Prefer": "respond-async"}, timeout=60)
    assert later.status_code == 201
    assert later.headers["Location"] in Page(later.text).hrefs


# A look at the data


def test_grids_and_features_have_a_picture(url, terrain, mirrored):
    for place in (f"{terrain}/results/slope", f"{mirrored}/results/shapes", f"{mirrored}/results/place"):
        answer = get(f"{place}/look")
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.content.startswith(PNG)
        (shown,) = page(place).all("img")
        assert shown["src"] == f"{place}/look".removeprefix(url)
        assert shown["alt"]


def test_a_picture_is_made_once_for_a_browser(terrain):
    answer = get(f"{terrain}/results/slope/look")
    assert answer.headers["Cache-Control"] == "private, max-age=3600"
    again = get(f"{terrain}/results/slope/look", **{"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_number_has_a_picture_and_is_shown_as_text(url):
    job = ServiceClient(url).run("only-as-job", values=[1.5, 2.0])
    shown = page(f"{job}/results")
    assert "3.5" in shown.text
    assert not shown.all("img")
    assert size_of(get(f"{job}/results/result/look").content) == SIZE


def test_a_grid_of_one_value_has_a_picture(url):
    job = ServiceClient(url).run("area-mean", data="dem")
    (shown,) = page(f"{job}/results").all("img")
    assert (int(shown["width"]), int(shown["height"])) == SIZE
    assert size_of(get(f"{job}/results/result/look").content) == SIZE


def size_of(content: bytes) -> tuple[int, int]:
    """Width and height of a picture, as another program reads them."""
    with Image.open(BytesIO(content)) as picture:
        return picture.size


def test_a_picture_has_its_place_before_it_is_drawn_and_is_drawn_once(running):
    client = ServiceClient(running.url)
    job = client.run("terrain", dem="dem", z_factor=2.0)
    place = f"{job}/results/slope"
    (before,) = page(place).all("img")
    drawn = get(f"{place}/look").content
    width, height = size_of(drawn)
    # nearly, since the layout is not known before
    assert int(before["width"]) / int(before["height"]) == pytest.approx(width / height, rel=0.15)
    (after,) = page(place).all("img")
    assert int(after["width"]) / int(after["height"]) == pytest.approx(width / height, rel=0.01)
    (kept,) = (running.state / "pictures" / job.rpartition("/")[2]).iterdir()
    kept.write_bytes(drawn + b"kept")
    assert get(f"{place}/look").content == drawn + b"kept"
    client.dismiss(job)
    assert not kept.exists()


def test_a_picture_that_is_a_result_has_its_size(url):
    job = ServiceClient(url).run("quicklook", data="dem", width=400)
    (shown,) = page(f"{job}/results").all("img")
    width, height = size_of(get(f"{job}/results/result?f=file").content)
    assert (int(shown["width"]), int(shown["height"])) == (width, height)


def test_of_many_maps_the_first_is_drawn_and_all_are_told(url):
    job = ServiceClient(url).run("many-maps")
    assert get(f"{job}/results/result/look").content.startswith(PNG)
    assert (
        "height Height [m] step 30 \N{MULTIPLICATION SIGN} lat 8 \N{MULTIPLICATION SIGN} lon 9 0 2159"
        in page(f"{job}/results").text
    )


def test_a_file_that_cannot_be_read_has_a_page_and_no_picture(url):
    job = ServiceClient(url).run("broken-grid")
    assert f"{job}/results/result?f=file" in page(f"{job}/results").hrefs
    answer = get(f"{job}/results/result/look")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "there is no picture of 'result'; fetch the output itself"


@pytest.mark.parametrize("output", ["text", "nothing"])
def test_what_is_no_data_has_no_picture(mirrored, output):
    assert get(f"{mirrored}/results/{output}/look").status_code == 404


def test_a_table_shows_its_first_rows(mirrored):
    shown = page(f"{mirrored}/results/table")
    assert "50 rows, 1 column; the first 20 rows" in shown.text
    assert f"19 {EVIL}" in shown.text
    assert f"20 {EVIL}" not in shown.text


def test_looking_leaves_nothing_behind(running):
    job = ServiceClient(running.url).run("many-maps")
    before = [set((running.state / folder).iterdir()) for folder in ("results", "logs")]
    count = "select count(*) from jobs"
    with sqlite3.connect(running.state / "jobs.sqlite") as store:
        (jobs,) = store.execute(count).fetchone()
        assert get(f"{job}/results/result/look").content.startswith(PNG)
        page(f"{job}/results")
        time.sleep(1.5)  # records are written together, a little later
        assert store.execute(count).fetchone() == (jobs,)
    assert [set((running.state / folder).iterdir()) for folder in ("results", "logs")] == before


def test_nobody_outside_can_have_a_look_at_a_file(url):
    for name in ("_picture", "_facts", "picture", "facts"):
        assert get(f"{url}/processes/{name}").status_code == 404
        body = {"inputs": {"path": "/etc/passwd", "media_type": "text/csv"}}
        assert requests.post(f"{url}/processes/{name}/execution", json=body, timeout=60).status_code == 404
    assert not any(each["id"].startswith("_") for each in get(f"{url}/processes?limit=1000").json()["processes"])


# Calls to copy


def test_every_call_of_our_methods_runs_as_it_stands(url):
    """What the button sends is what the calls send; `test_examples.py` runs them in each language."""
    ours = [each for each in read_catalogue([]).values() if each.limits.sync]
    without = set()
    for entry in ours:
        bodies = [each["data-body"] for each in page(f"{url}/processes/{entry.id}").all("p") if "data-body" in each]
        without |= set() if bodies else {entry.id}
        for body in bodies:
            answer = requests.post(f"{url}/processes/{entry.id}/execution", json=json.loads(body or ""), timeout=60)
            # the sample rises at all places alike, which is one mode
            is_sample = entry.id == "eof" and "data varies in 1 modes only" in answer.text
            assert answer.status_code == 200 or is_sample, (entry.id, body, answer.text)
    # there are no daily temperatures
    assert without == {"climate-index"}


PROCESSES = ("echo", "climatology", "terrain", "only-as-job", "mirror")


@pytest.mark.parametrize("process", PROCESSES)
def test_the_curl_call_works_as_it_stands(url, tmp_path, process):
    program("curl")
    command = call_of(url, process, "curl")
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True, capture_output=True, text=True)
    saved = list(tmp_path.iterdir())
    if process in ("climatology", "terrain"):
        assert saved[0].read_bytes().startswith(b"\x89HDF")
    else:
        assert "problem" not in done.stdout
        assert '"detail"' not in (saved[0].read_text() if saved else done.stdout)


@pytest.mark.parametrize("process", PROCESSES)
def test_the_python_call_works_as_it_stands(url, tmp_path, process):
    done = subprocess.run(
        [sys.executable, "-c", call_of(url, process, "python")],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("process", PROCESSES)
def test_the_javascript_call_works_as_it_stands(url, tmp_path, process):
    (tmp_path / "call.mjs").write_text(call_of(url, process, "javascript"))
    done = subprocess.run([program("node"), "call.mjs"], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_values_of_every_call_are_what_its_process_takes():
    datasets, policy = Datasets({}), Policy(own="")
    for entry in read_catalogue(METHODS).values():
        calls = Snippets(entry, "http://localhost", datasets)
        if not calls.needs_file:
            InputValidator(entry, datasets, policy).check(calls.inputs)


def test_where_no_data_lies_here_a_call_sends_a_file(url, tmp_path):
    entry = read_catalogue([])["terrain"]
    (tmp_path / "dem.nc").write_bytes(Path(get_file(url, tmp_path)).read_bytes())
    curl, python, javascript = Snippets(entry, url, Datasets({}))
    for command in (["bash", "-c", curl.text], [sys.executable, "-c", python.text]):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "slope.nc").read_bytes().startswith(b"\x89HDF")
    (tmp_path / "call.mjs").write_text(javascript.text)
    subprocess.run([program("node"), "call.mjs"], cwd=tmp_path, check=True, capture_output=True)


def get_file(url: str, folder: Path) -> str:
    """An elevation model of the caller's own."""
    from support.pages_service import hills

    path = folder / "own.nc"
    hills().to_netcdf(path)
    return str(path)
