"""The pages in config/: each configuration they show is read as it stands there, and their links lead somewhere."""

from __future__ import annotations

import re
import time
from pathlib import Path

import moorage
import pytest
import yaml
from moorage.callbacks import Callback, sign
from moorage_processes.configuration.configuration import read_configuration
from moorage_processes.configuration.keys import SECTIONS
from support.paths import ROOT

FOLDER = ROOT / "config"
PAGES = sorted(FOLDER.glob("*.md"))
MOUNTED = "pygeoapi.md"
"""Its blocks are parts of pygeoapi's configuration; tests/plugins/ runs them."""


def blocks(page: Path, language: str) -> list[str]:
    """The blocks of one language, in order."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return [text for name, text in found if name == language]


SHOWN = [
    pytest.param(text, id=f"{page.stem}-{number}")
    for page in PAGES
    if page.name != MOUNTED
    for number, text in enumerate(blocks(page, "yaml"))
]


@pytest.mark.parametrize("text", SHOWN)
def test_a_configuration_that_a_page_shows_is_valid(text, tmp_path, monkeypatch):
    monkeypatch.setenv("S3_KEY", "key")
    monkeypatch.setenv("S3_SECRET", "secret")
    assert yaml.safe_load(text).keys() <= SECTIONS.keys.keys()
    (tmp_path / "shown.yml").write_text(text)
    read_configuration(tmp_path / "shown.yml")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_of_a_page_lead_to_files(page):
    targets = re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", page.read_text(encoding="utf-8"))
    assert [each for each in targets if not (page.parent / each).exists()] == []


def test_the_first_page_leads_to_all_others():
    first = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES if page.name != "README.md" and f"({page.name})" not in first] == []


def test_what_the_shipped_configuration_refers_to_is_there():
    referred = re.findall(r"config/(\S+?\.md)", (FOLDER / "local.yml").read_text(encoding="utf-8"))
    assert referred
    assert [each for each in referred if not (FOLDER / each).exists()] == []


def test_a_receiver_checks_a_callback_as_the_page_shows():
    secret, body = "s3cret", b'{"status": "successful"}'
    sent = Callback("job-1", "success", "delivery-1", int(time.time()))
    headers = {"Moorage-Signature": sign(body, secret, sent)}
    names = {"moorage": moorage, "body": body, "headers": headers, "secret": secret}
    (shown,) = blocks(FOLDER / "callbacks.md", "python")
    exec(shown, names)
    assert names["callback"].job == "job-1"
    headers["Moorage-Signature"] = headers["Moorage-Signature"].replace("job-1", "job-2")
    with pytest.raises(moorage.SignatureError):
        exec(shown, names)
