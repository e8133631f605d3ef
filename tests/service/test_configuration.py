"""A configuration is read once, checked, and says what is wrong with it."""

from __future__ import annotations

import pytest
import yaml
from mooring_processes.configuration import ConfigurationError, read_configuration, shipped


def test_the_shipped_configuration_needs_nothing_more():
    configuration = read_configuration()
    assert configuration.url == "http://localhost:5000"
    assert configuration.settings.body_size == 64_000_000


def test_the_command_line_lies_over_the_file(tmp_path):
    configuration = read_configuration(None, modules=["a.py"], host="0.0.0.0", port=81, state=tmp_path)
    assert configuration.url == "http://0.0.0.0:81"
    assert configuration.bind == ("0.0.0.0", 81)
    assert configuration.settings.modules == ("a.py",)
    assert configuration.state == tmp_path


def test_a_file_of_datasets_alone_is_enough(tmp_path):
    (tmp_path / "site.yml").write_text("datasets: {sea: sea.nc}\nmooring: {modules: [flood.py]}\n")
    configuration = read_configuration(tmp_path / "site.yml")
    assert configuration.datasets.to_json()["sea"]["path"] == str(tmp_path / "sea.nc")
    assert configuration.settings.modules == (str(tmp_path / "flood.py"),)


def test_a_key_that_a_file_leaves_out_is_as_shipped_however_deep(tmp_path):
    text = "server: {url: https://here.example.org}\nmetadata: {identification: {title: Ours}}\nlogging:\n"
    (tmp_path / "site.yml").write_text(text)
    read, base = read_configuration(tmp_path / "site.yml").pygeoapi, read_configuration().pygeoapi
    assert read["server"] == base["server"] | {"url": "https://here.example.org"}
    assert read["metadata"]["identification"] == base["metadata"]["identification"] | {"title": "Ours"}
    assert {name: base[name] for name in ("logging", "resources")} == {n: read[n] for n in ("logging", "resources")}


def test_a_url_that_is_stated_is_kept_without_its_slash():
    document = yaml.safe_load(shipped("local.yml").read_text())
    document["server"]["url"] = "https://analysis.example.org/"
    assert read_configuration(document).url == "https://analysis.example.org"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("moring: {}", "unknown section.*moring"),
        ("mooring: {modles: []}", "unknown key 'modles'; it takes modules"),
        ("mooring: {queue: many}", "queue: 'many' will not do; it takes a whole number"),
        ("mooring: {installed: 1}", "installed: 1 will not do; it takes true or false"),
        ("mooring: {allowed_hosts: example.org}", "allowed_hosts.*takes a list"),
        ("datasets: {sea: {}}", "datasets: sea: the path is missing"),
        ("datasets: {sea: {path: a.nc, colour: blue}}", "sea: unknown.*colour"),
        ("datasets: {sea: sea.bin}", "does not tell its kind"),
        ("[1, 2]", "not a mapping of sections"),
        ("a: [", "is not YAML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, words):
    (tmp_path / "site.yml").write_text(text)
    with pytest.raises(ConfigurationError, match=words):
        read_configuration(tmp_path / "site.yml")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"nothing\.yml cannot be read"):
        read_configuration(tmp_path / "nothing.yml")
