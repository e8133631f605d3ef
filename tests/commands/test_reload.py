"""`moorage serve --reload`: what an author edits is served anew, what they spoil is not, and jobs that run go on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.service_client import ServiceClient
from support.services import serve
from support.waiting import eventually

METHODS = """
import os
import time
from pathlib import Path

from beside import factor
from moorage_processes import process


@process
def scaled(number: float) -> float:
    '''A number, scaled.'''
    return factor() * number


@process
def mortal() -> float:
    '''End its process.'''
    os._exit(3)


@process
def patient(folder: str) -> float:
    '''Wait for a file.'''
    Path(folder, "begun").touch()
    while not Path(folder, "go").exists():
        time.sleep(0.05)
    return factor()
"""
ANOTHER = """

@process
def another(word: str) -> str:
    '''Another method.'''
    return word
"""
FACTOR = "def factor():\n    return {}.0\n"


@dataclass(frozen=True)
class Author:
    """An author who edits methods while they are served."""

    folder: Path
    service: ServiceClient

    def write(self, name: str, text: str) -> None:
        """Write a file as editors do, at once."""
        (self.folder / "new").write_text(text)
        (self.folder / "new").replace(self.folder / name)

    def told(self) -> str:
        """What the terminal of the service says."""
        return (self.folder / "terminal").read_text()

    def described(self, process: str) -> bool:
        """Whether each web process describes and serves it; connections are new each time, so any may answer."""
        page = f"/processes/{process}"
        return all(self.service.get(page).ok and page in self.service.get("/openapi").text for _ in range(4))

    def value(self, **inputs: object) -> float:
        """What the first method gives."""
        answer = self.service.call("scaled", **inputs)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def author(tmp_path_factory) -> Iterator[Author]:
    folder = tmp_path_factory.mktemp("author")
    (folder / "ice.py").write_text(METHODS)
    (folder / "beside.py").write_text(FACTOR.format(2))
    datasets = {"sea": str(folder / "sea.nc")}
    options, terminal = ["--reload"], folder / "terminal"
    with serve(folder, [str(folder / "ice.py")], options=options, terminal=terminal, datasets=datasets) as running:
        yield Author(folder, ServiceClient(running.url))


def test_an_edit_of_a_module_beside_is_served_and_a_job_that_runs_goes_on(author):
    assert author.value(number=1) == 2.0
    job = author.service.submit("patient", folder=str(author.folder))
    eventually((author.folder / "begun").exists)
    author.write("beside.py", FACTOR.format(3))
    eventually(lambda: all(author.value(number=1) == 3.0 for _ in range(6)))
    assert author.service.status(job)["status"] == "running"
    (author.folder / "go").touch()
    assert author.service.value(job) == 2.0
    assert author.service.value(author.service.submit("patient", folder=str(author.folder))) == 3.0
    assert "edited, and served anew: scaled, mortal, patient" in author.told()


def test_a_new_method_is_described_and_served_and_an_old_one_goes(author):
    author.write("ice.py", METHODS + ANOTHER)
    eventually(lambda: author.described("another"))
    assert author.service.call("another", word="ice").json() == "ice"
    assert "another" in author.service.get("/processes?limit=100").text
    author.write("ice.py", METHODS)
    eventually(lambda: all(author.service.get("/processes/another").status_code == 404 for _ in range(6)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def broken(:\n", "ice.py:1: {file}: it is no Python: invalid syntax"),
        ("from beside import nothing\n", "importing it fails with ImportError: cannot import name 'nothing'"),
        (METHODS.replace("number: float", "number"), "ice.py:11: scaled: the input 'number' has no type"),
        (METHODS.replace("def patient", "def sea"), "datasets.sea: there is a process of that name"),
    ],
    ids=["syntax", "import", "type", "name"],
)
def test_a_mistake_is_told_and_what_was_there_is_still_served(author, text, words):
    author.write("ice.py", METHODS)
    factor = author.value(number=1)
    author.write("ice.py", text)
    told = words.format(file=author.folder / "ice.py")
    eventually(lambda: told in author.told(), told=author.told)
    assert "the methods are served as they were before" in author.told()
    for _ in range(3):
        # workers that begin meanwhile have what was there as well
        author.service.call("mortal")
    assert {author.value(number=1) for _ in range(6)} == {factor}
    author.write("ice.py", METHODS.replace("* number", "* number + 1"))
    eventually(lambda: all(author.value(number=1) == factor + 1 for _ in range(6)))
    author.write("ice.py", METHODS)
    eventually(lambda: all(author.value(number=1) == factor for _ in range(6)))


def test_a_module_that_was_missing_is_found_when_it_is_written(author):
    author.write("ice.py", METHODS.replace("import factor", "import factor\nfrom later import ONE"))
    eventually(lambda: "there is no module 'later'" in author.told(), told=author.told)
    author.write("later.py", "ONE = 1\n")
    eventually(lambda: author.told().rstrip().endswith("served anew: scaled, mortal, patient"), told=author.told)


def test_another_edit_in_the_same_second_that_keeps_the_size_is_noticed(author):
    for factor in (5, 6, 7):
        author.write("beside.py", FACTOR.format(factor))
        eventually(lambda factor=factor: all(author.value(number=1) == factor for _ in range(6)))
