"""`moorage serve --reload`: what an author edits is served anew, what they spoil is not, and jobs that run go on."""

from __future__ import annotations

import os

import pytest
from support.authors_guide import EDITED, FACTOR, Guided
from support.service_client import ServiceClient
from support.waiting import eventually

ANOTHER = """

@process
def another(word: str) -> str:
    '''Another method.'''
    return word
"""
MISTAKES = {
    "syntax": ("def broken(:\n", "edited.py:1: {folder}/edited.py: it is not valid Python: invalid syntax"),
    "import": ("from beside import nothing\n", "fails with ImportError: cannot import name 'nothing' from 'beside'"),
    "type": (EDITED.replace("number: float", "number"), "edited.py:11: scaled: the input 'number' has no type"),
    "name": (EDITED.replace("def patient", "def sea"), "datasets.sea: there is a process of that name"),
}
TRIED = list(MISTAKES) if os.environ.get("MOORAGE_DEEP") else ["syntax"]
"""The other mistakes are tried with ``MOORAGE_DEEP``."""
FACTORS = (5, 6, 7) if os.environ.get("MOORAGE_DEEP") else (5, 6)
SERVED = "edited, and served anew: "


@pytest.fixture
def service(guided: Guided) -> ServiceClient:
    return ServiceClient(guided.url)


def values(service: ServiceClient) -> set[float]:
    """What several calls give, so that each worker may have answered."""
    answers = [service.call("scaled", number=1) for _ in range(6)]
    assert {each.status_code for each in answers} == {200}, [each.text for each in answers]
    return {each.json() for each in answers}


def is_described(service: ServiceClient, process: str) -> bool:
    """Whether each web process describes a process; connections are new each time, so any may answer."""
    page = f"/processes/{process}"
    return all(service.get(page).ok and page in service.get("/openapi").text for _ in range(4))


def test_an_edit_of_a_module_beside_is_served_and_a_job_that_runs_goes_on(guided, service):
    assert values(service) == {2.0}
    job = service.submit("patient", folder=str(guided.folder))
    eventually((guided.folder / "begun").exists)
    guided.write("beside.py", FACTOR.format(3))
    eventually(lambda: values(service) == {3.0})
    assert service.status(job)["status"] == "running"
    (guided.folder / "go").touch()
    assert service.value(job) == 2.0
    assert service.call("patient", folder=str(guided.folder)).json() == 3.0
    eventually(lambda: SERVED in guided.told(), told=guided.told)


def test_a_new_method_is_described_and_served_and_an_old_one_goes(guided, service):
    guided.write("edited.py", EDITED + ANOTHER)
    eventually(lambda: is_described(service, "another"))
    assert service.call("another", word="ice").json() == "ice"
    assert "another" in service.get("/processes?limit=100").text
    guided.write("edited.py", EDITED)
    eventually(lambda: {service.get("/processes/another").status_code for _ in range(6)} == {404})


@pytest.mark.parametrize("mistake", TRIED)
def test_a_mistake_is_told_and_what_was_there_is_still_served(guided, service, mistake):
    text, words = MISTAKES[mistake]
    before = values(service)
    guided.write("edited.py", text)
    told = words.format(folder=guided.folder)
    eventually(lambda: told in guided.told(), told=guided.told)
    assert "the methods are served as they were before" in guided.told()
    for _ in range(3):
        # workers that begin meanwhile have what was there as well
        service.call("mortal")
    assert values(service) == before
    guided.write("edited.py", EDITED.replace("* number", "* number + 1"))
    eventually(lambda: values(service) == {each + 1 for each in before})
    guided.write("edited.py", EDITED)
    eventually(lambda: values(service) == before)


def test_a_module_that_was_missing_is_found_when_it_is_written(guided, service):
    guided.write("edited.py", EDITED.replace("import factor", "import factor\nfrom later import ONE"))
    missing = "there is no module 'later'"
    eventually(lambda: missing in guided.told(), told=guided.told)
    guided.write("later.py", "ONE = 1\n")
    eventually(lambda: SERVED in guided.told().rpartition(missing)[2], told=guided.told)


def test_another_edit_in_the_same_second_that_keeps_the_size_is_noticed(guided, service):
    for factor in FACTORS:
        guided.write("beside.py", FACTOR.format(factor))
        eventually(lambda factor=factor: values(service) == {factor})
