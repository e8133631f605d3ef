"""The guide for authors, walked: its files are served, its calls made, and what it says of mistakes is what is said."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import tomllib

import moorage
import pytest
from moorage_processes.authoring.process import ImportPath
from moorage_processes.authoring.version import GROUP
from moorage_processes.catalogue.discovery import describe
from moorage_processes.errors import ServingError
from openapi_spec_validator import OpenAPIV30SpecValidator
from support.authors_guide import BLOCKS, CALLS, CURL, FAILURE, FILES, METHODS, PACKAGE, REFUSALS, REFUSED, TESTS, URL
from support.waiting import eventually


def test_every_block_is_known_to_these_tests():
    assert {name for name, _ in BLOCKS} == {"python", "bash", "text", "toml"}
    assert len(METHODS) >= 8
    assert len(CALLS) >= 9


def test_its_calls_do_what_it_says(guided, monkeypatch):
    monkeypatch.chdir(guided.folder)
    names: dict = {}
    for text in CALLS:
        exec(compile(text.replace(URL, guided.url), "AUTHORS.md", "exec"), names)
    assert (guided.folder / "days.png").read_bytes().startswith(b"\x89PNG")
    assert (guided.folder / "days.svg").read_text().startswith("<?xml")
    file = names["table"]
    assert (file.is_file(), file.suffix) == (True, ".csv")
    assert FAILURE.strip() in guided.told()


def test_curl_is_answered(guided):
    done = subprocess.run(CURL.replace(URL, guided.url), shell=True, check=True, capture_output=True, text=True)
    assert done.stdout == "12.0"


def test_what_an_author_writes_is_what_others_see(guided):
    hub = moorage.connect(guided.url)
    assert {"moorage.File", "pathlib.Path | bytes"} <= {
        str(hub.draw.__signature__.return_annotation),
        str(hub.draw.__signature__.parameters["table"].annotation),
    }
    pages = {
        process: hub._connection.get(f"{guided.url}/processes/{process}", headers={"Accept": "text/html"}).text
        for process in hub
    }
    assert "Path(&#34;table.csv&#34;)" in pages["draw"]
    assert "values=[1.0, 2.0, 3.0]" in pages["anomalies"]


def test_all_of_it_is_described_for_programs(guided):
    document = moorage.connect(guided.url)._connection.get(f"{guided.url}/openapi?f=json").json()
    OpenAPIV30SpecValidator(document).validate()
    assert "/processes/remember/execution" in document["paths"]


def test_an_edit_is_served_anew_and_a_mistake_is_told(guided):
    hub, file = moorage.connect(guided.url), guided.folder / "ice.py"
    eventually(lambda: hub.melt([1.0]) == 4.0)
    file.write_text(FILES["ice.py"].replace("= 4.0", "= 5.0"))
    eventually(lambda: hub.melt([1.0]) == 5.0)
    file.write_text(FILES["ice.py"].replace("temperature: list[float]", "temperature"))
    told = f"{file}:10: melt: the input 'temperature' has no type; write one, as in temperature: float"
    eventually(lambda: told in guided.told(), told=guided.told)
    assert hub.melt([1.0]) == 5.0
    file.write_text(FILES["ice.py"])


def test_what_it_says_of_a_refused_method_is_what_is_said(tmp_path):
    (tmp_path / REFUSED).write_text(FILES[REFUSED])
    with pytest.raises(ServingError) as refused:
        describe([str(tmp_path / REFUSED)])
    assert str(refused.value).replace(f"{tmp_path}/", "") == REFUSALS.strip()


def test_its_tests_pass(tmp_path):
    for name in ("ice.py", TESTS):
        (tmp_path / name).write_text(FILES[name])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", TESTS]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert "3 passed" in done.stdout, done.stdout


def test_its_package_offers_its_methods(tmp_path, monkeypatch):
    project = tomllib.loads(PACKAGE)["project"]
    offered = project["entry-points"][GROUP]
    information = tmp_path / "ice_methods-1.2.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    lines = [f"{name} = {value}" for name, value in offered.items()]
    (information / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines]))
    (tmp_path / "ice_methods").mkdir()
    (tmp_path / "ice_methods" / "ice.py").write_text(FILES["ice.py"])
    monkeypatch.syspath_prepend(tmp_path)
    found = [each for each in importlib.metadata.entry_points(group=GROUP) if each.module.startswith("ice_methods")]
    assert [each.value for each in found] == list(offered.values())
    (process,) = describe([], [ImportPath(None, None, each.module, each.attr or "") for each in found])
    assert process.id == "melt"
