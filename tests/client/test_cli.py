"""The command line calls processes, and says what is missing where a part is not installed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from moorage import cli
from support.scripted_server import Answer, scripted

EXECUTION = "POST /processes/p/execution"
INPUTS = {
    "x": {"schema": {"type": "number"}, "minOccurs": 0},
    "site-name": {"schema": {"type": "string"}, "minOccurs": 0},
    "box": {"schema": {"type": "object", "format": "ogc-bbox"}, "minOccurs": 0},
    "any": {"schema": {}, "minOccurs": 0},
    "content": {"schema": {"type": "string", "format": "byte"}, "minOccurs": 0},
}


def test_processes_are_listed_and_described(pygeoapi_url, capsys):
    assert cli.main(["processes", pygeoapi_url]) == 0
    assert capsys.readouterr().out == "hello-world  Hello World\n"
    assert cli.main(["processes", pygeoapi_url, "hello-world"]) == 0
    assert capsys.readouterr().out.startswith("hello_world(*, name: str, message: str | None = None")


def test_a_process_is_called(pygeoapi_url, capsys):
    assert cli.main(["call", pygeoapi_url, "hello-world", "name=Ada"]) == 0
    assert json.loads(capsys.readouterr().out) == "Hello Ada!"


def test_words_become_values(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    words = ["x=1.5", "site-name=5", "box=1,2,3,4", 'any={"a": [1]}', f"content=@{tmp_path / 'file'}"]
    with scripted({EXECUTION: {"y": 1}}, inputs=INPUTS) as service:
        assert cli.main(["call", service.url, "p", *words]) == 0
        inputs = service.requests("POST")[0].json()["inputs"]
    assert inputs["x"] == 1.5
    assert inputs["site-name"] == "5"
    assert inputs["box"]["bbox"] == [1, 2, 3, 4]
    assert inputs["any"] == {"value": {"a": [1]}}
    assert inputs["content"] == "YWJj"


def test_data_is_saved_and_its_place_printed(tmp_path, capsys):
    answer = Answer(b"\x89PNG", headers={"Content-Type": "image/png"})
    with scripted({EXECUTION: answer}) as service:
        words = ["call", service.url, "p", "--output", "y=image/png", "--directory", str(tmp_path / "new")]
        assert cli.main(words) == 0
        assert service.requests("POST")[0].json()["outputs"] == {"y": {"format": {"mediaType": "image/png"}}}
    path = tmp_path / "new" / "y.png"
    assert path.read_bytes() == b"\x89PNG"
    assert capsys.readouterr().out == f"{path}\n"


@pytest.mark.parametrize(
    ("word", "said"),
    [("z=1", "'z=1' is not an input; p takes x=..."), ("x", "'x' is not an input"), ("content=@/nowhere", "nowhere")],
)
def test_words_that_do_not_fit_are_told(word, said, capsys):
    with scripted({}, inputs=INPUTS) as service:
        assert cli.main(["call", service.url, "p", word]) == 2
    assert said in capsys.readouterr().err


def test_problems_are_told_without_a_traceback(capsys):
    with scripted({EXECUTION: Answer({"detail": "x is 5"}, 400)}) as service:
        assert cli.main(["call", service.url, "p"]) == 1
    assert capsys.readouterr().err == "moorage call: x is 5\n"
    assert cli.main(["processes", "http://127.0.0.1:1"]) == 1
    assert "no answer from 127.0.0.1:1" in capsys.readouterr().err


def test_a_command_of_a_part_that_is_not_installed_says_what_to_install():
    hidden = "import sys; sys.modules.update(moorage_processes=None); from moorage.cli import main; "
    command = [sys.executable, "-c", hidden + "sys.exit(main(['serve', 'flood.py']))"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'pip install "moorage[server]"' in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_whose_driver_is_not_installed_says_what_to_install(tmp_path):
    (tmp_path / "site.yml").write_text("moorage: {store: 'postgresql+psycopg://me@localhost/jobs'}")
    words = ["serve", "--config", str(tmp_path / "site.yml"), "--state", str(tmp_path / "state")]
    hidden = "import sys; sys.modules.update(psycopg=None); from moorage.cli import main; "
    command = [sys.executable, "-c", f"{hidden}sys.exit(main({words}))"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == 'moorage serve needs psycopg, which is not installed: pip install "moorage[postgres]"\n'
