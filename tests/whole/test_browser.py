"""A person with a browser: walks the pages, follows a job, meets hostile words, and needs neither mouse nor script."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright
from support.author_modules.methods_for_pages import EVIL
from support.pages_service import showing
from support.programs import program
from support.service_client import ServiceClient

AXE = "axe-core@4.14.1"
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
QUIET += ("--disable-background-networking", "--disable-component-update", "--disable-sync")
FRONT = ("", "conformance", "processes", "processes/echo", "processes/terrain", "processes/mirror", "jobs", "nothing")
COLLECTIONS = ("", "/lakes", "/lakes/items", "/lakes/items/west", "/lakes/schema", "/lakes/queryables", "/no")
COLLECTIONS += ("/sst", "/dem", "/zones", "/zones/items", "/sst/coverage?f=html")
COLLECTIONS += (
    "/sst/position?coords=POINT(10 10)&f=html",
    "/dem/area?coords=POLYGON((10 51,10.1 51,10 51.1,10 51))&f=html",
)
WIDTHS = (1200, 390)
RUN = "document.body.dataset.run ?? ''"
"""What hostile words leave where a browser runs them."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with showing(tmp_path_factory.mktemp("browser"), EVIL) as service:
        yield service.url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = program("chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=list(QUIET))
        yield opened
        opened.close()


class Visit:
    """One browser tab, and all it asked for and complained of."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)

    def _hear(self, message: object) -> None:
        # a page that tells of an error has that status
        if message.type in ("error", "warning") and "status of 4" not in message.text:
            self.complaints.append(message.text)


@pytest.fixture
def visit(browser: Browser, url: str) -> Iterator[Visit]:
    """A tab that must stay with this service and without complaint."""
    context = browser.new_context()
    made = Visit(context)
    yield made
    context.close()
    elsewhere = [each for each in made.requests if not each.startswith((f"{url}/", "data:"))]
    assert not elsewhere
    assert not made.complaints


@pytest.fixture(scope="module")
def places(url: str) -> list[str]:
    """Every kind of page, each with hostile words in it where there may be any."""
    client = ServiceClient(url)
    jobs = [client.run("mirror"), client.run("terrain", dem="dem")]
    zonal = client.run("zonal-statistics", grid="dem", zones="zones")
    failed = client.submit("echo", message=EVIL, mixed={"value": {EVIL: [EVIL]}})
    refused = client.submit("fail", words=EVIL)
    client.done(failed), client.done(refused)
    paths = [*(f"{url}/{path}" for path in FRONT), *(f"{url}/collections{path}" for path in COLLECTIONS)]
    paths += [f"{job}{part}" for job in (*jobs, zonal, failed) for part in ("", "/results", "/log")]
    return [*paths, refused, f"{refused}/log", f"{jobs[0]}/results/table", f"{jobs[0]}/results/site"]


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The rules of accessibility, as a script."""
    folder = tmp_path_factory.mktemp("axe")
    install = [program("npm"), "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), AXE]
    subprocess.run(install, check=True)
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()


def test_a_person_walks_from_the_start_to_the_results_by_links(visit, url):
    page = visit.page
    page.goto(f"{url}/")
    page.get_by_role("navigation", name="Service").get_by_role("link", name="Processes").click()
    page.get_by_role("link", name="Slope, aspect and hillshade of an elevation model").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Slope, aspect and hillshade of an elevation model")
    page.get_by_role("button", name="Run this call as a job").click()
    page.wait_for_url(f"{url}/jobs/*")
    page.get_by_role("link", name="Results", exact=True).click(timeout=30_000)
    picture = page.get_by_role("img").first
    expect(picture).to_be_visible()
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("complete", value=True, timeout=30_000)
    assert picture.evaluate("image => image.naturalWidth") > 100
    page.get_by_role("link", name="Slope", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download slope").click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x89HDF")


def test_progress_moves_without_a_reload_and_ends_in_results(visit, url):
    job = ServiceClient(url).submit("steps", fractions=[0.2, 0.4, 0.6, 0.8], pause=1.0)
    page = visit.page
    page.goto(job)
    page.evaluate("window.stayed = true")
    expect(page.locator("progress")).to_have_attribute("value", "40", timeout=10_000)
    expect(page.get_by_text("at 0.6")).to_be_visible(timeout=10_000)
    expect(page.get_by_role("link", name="Results", exact=True)).to_be_visible(timeout=10_000)
    assert page.evaluate("window.stayed")
    assert page.locator("#news").inner_text() == "successful, 100 %"
    held = [each for each in visit.requests if each == job]
    assert len(held) < 20  # asked again when there was news, not all the time


def test_the_log_grows_while_a_job_runs(visit, url):
    job = ServiceClient(url).submit("mirror", text="spoken words")
    visit.page.goto(job)
    expect(visit.page.locator(".log")).to_contain_text("spoken words", timeout=10_000)


def test_a_running_job_is_dismissed_by_its_button(visit, url):
    job = ServiceClient(url).submit("slow-sum", numbers=[], pause=60.0)
    page = visit.page
    page.goto(job)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Dismiss this job").click()
    expect(page.get_by_text("This job was stopped")).to_be_visible()
    assert requests.get(job, timeout=30).json()["status"] == "dismissed"


def test_a_finished_job_is_removed_only_after_a_question(visit, url):
    job = ServiceClient(url).run("shout")
    page = visit.page
    page.goto(job)
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Remove this job").click()
    assert requests.get(job, timeout=30).status_code == 200
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Remove this job").click()
    expect(page.get_by_text("its results are gone")).to_be_visible()
    assert requests.get(job, timeout=30).status_code == 404


def test_a_call_is_copied_by_a_button(browser, url):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{url}/processes/echo")
    page.get_by_role("button", name="Copy the call: Python").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith("import moorage\n")
    context.close()


def test_the_filters_of_the_job_list_are_a_form(visit, url):
    job = ServiceClient(url).run("shout", text="found")
    page = visit.page
    page.goto(f"{url}/jobs")
    page.get_by_label("Process", exact=True).select_option("shout")
    page.get_by_label("successful").check()
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_label("successful")).to_be_checked()
    shown = page.locator("table.jobs tbody tr")
    assert set(shown.locator("td").nth(0).all_inner_texts()) == {"shout"}
    expect(page.get_by_role("link", name=job[-36:-28])).to_be_visible()


def test_hostile_words_would_run_where_nobody_takes_care(browser):
    page = browser.new_page()
    page.set_content(f"<body><p>{EVIL}</p>")
    page.wait_for_load_state("networkidle")
    assert page.evaluate(RUN) == "yes"
    page.close()


def test_hostile_words_never_run(visit, places):
    page = visit.page
    for place in places:
        page.goto(place)
        page.wait_for_load_state("networkidle")
        assert page.evaluate(RUN) == "", place


def test_a_result_that_is_a_page_cannot_run_either(browser, places):
    (site,) = [place for place in places if place.endswith("/results/site")]
    page = browser.new_page()
    page.goto(f"{site}?f=file")
    assert page.evaluate(RUN) == ""
    page.close()


def test_every_page_is_accessible_in_both_schemes(browser, places, axe):
    found = []
    for scheme, rules in (("light", ""), ("dark", ", runOnly: ['color-contrast']")):
        context = browser.new_context(color_scheme=scheme, bypass_csp=True)
        page = context.new_page()
        for place in places:
            page.goto(place)
            page.evaluate(axe)
            result = page.evaluate(f"axe.run(document, {{resultTypes: ['violations']{rules}}})")
            found += [
                (scheme, place, each["id"], each["nodes"][0]["html"][:200], each["nodes"][0].get("failureSummary"))
                for each in result["violations"]
                if each["impact"] in ("serious", "critical")
            ]
        context.close()
    assert not found


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_is_wider_than_its_window(browser, places, width):
    page = browser.new_page(viewport={"width": width, "height": 800})
    too_wide = []
    for place in places:
        page.goto(place)
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            too_wide.append(place)
    page.close()
    assert not too_wide


def test_the_keyboard_skips_to_the_content_and_its_place_is_seen(visit, url):
    page = visit.page
    page.goto(f"{url}/processes")
    page.keyboard.press("Tab")
    skip: Locator = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    assert skip.bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_without_javascript_everything_can_be_read(browser, url, places):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for place in places:
        page.goto(place)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
    job = ServiceClient(url).submit("slow-sum", numbers=[1.0], pause=7.0)
    page.goto(job)
    expect(page.get_by_text("running").first).to_be_visible()
    # it looks again by itself
    expect(page.get_by_role("link", name="Results", exact=True)).to_be_visible(timeout=20_000)
    page.get_by_role("link", name="Results", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Results")
    context.close()
