"""Our manager in pygeoapi as it comes: jobs kept, followed and dismissed; and our plugins under a manager of its own.

What that server itself gets wrong is written beside the test that meets it, not worked around.
"""

from __future__ import annotations

import pytest
import requests
from plugins_for_pygeoapi import MANAGER, OLDEST, execute, finished, with_our_plugins
from support.service_client import ServiceClient
from support.waiting import followed


@pytest.fixture(scope="module")
def managed(tmp_path_factory):
    with with_our_plugins(tmp_path_factory.mktemp("managed"), MANAGER) as url:
        yield url


@pytest.fixture(scope="module")
def tinydb(tmp_path_factory):
    with with_our_plugins(tmp_path_factory.mktemp("tinydb"), "TinyDB") as url:
        yield url


def test_a_job_is_kept_followed_and_removed(managed):
    job, state = finished(managed, "echo", {"message": "teststring", "numbers": [1]})
    assert (state["status"], state["processID"], state["progress"]) == ("successful", "echo", 100)
    assert requests.get(f"{job}?f=html", timeout=60).status_code == 200
    results = requests.get(f"{job}/results?f=json", timeout=60)
    assert results.json() == {"message": "teststring", "numbers": [1]}
    listed = requests.get(f"{managed}/jobs?f=json", timeout=60).json()["jobs"]
    assert listed[0]["jobID"] == job.rsplit("/", 1)[-1]
    assert requests.delete(job, timeout=60).json()["status"] == "dismissed"
    assert requests.get(f"{job}?f=json", timeout=60).status_code == 404
    assert requests.delete(job, timeout=60).status_code == 404


def test_the_answer_to_a_job_that_was_accepted(managed):
    """0.21 sends what the manager gives, a whole statusInfo; later releases send three members of their own.

    For a document 0.21 sends an empty object.
    """
    state = execute(managed, "echo", {"message": "a"}, Prefer="respond-async").json()
    assert state["status"] == "accepted"
    assert ("processID" in state) is OLDEST
    state = execute(managed, "echo", {"message": "a"}, {"response": "document"}, Prefer="respond-async").json()
    assert (state == {}) is OLDEST


def test_a_preference_among_others_is_passed_over(managed):
    """pygeoapi knows ``respond-async`` only where it stands alone."""
    assert execute(managed, "echo", {"message": "a"}, Prefer="respond-async, wait=5").status_code == 200


def test_what_cannot_be_waited_for_becomes_a_job(managed):
    answer = execute(managed, "noise", {"size": 10})
    assert answer.status_code == 201
    assert answer.headers["Preference-Applied"] == "respond-async"


def test_results_are_files_and_pages(managed):
    """pygeoapi gives a page to whoever does not ask for JSON, but for results that are files."""
    job, _ = finished(managed, "noise", {"size": 10})
    results = requests.get(f"{job}/results", timeout=60)
    assert results.headers["Content-Type"] == "application/x-netcdf"
    assert results.content.startswith(b"\x89HDF")
    job, _ = finished(managed, "echo", {"message": "teststring"})
    assert requests.get(f"{job}/results", timeout=60).headers["Content-Type"] == "text/html"


def test_a_single_value_is_kept_as_it_is(managed):
    job, _ = finished(managed, "hello", {"name": "Ada"})
    assert requests.get(f"{job}/results?f=json", timeout=60).json() == "Hello Ada!"


def test_progress_is_shown_and_a_job_is_stopped(managed):
    """pygeoapi answers a dismissal in JSON that it calls HTML, and has no words for the results of such a job."""
    client = ServiceClient(managed)
    job = client.submit("steps", fractions=[0.5], pause=60.0)
    state = followed(lambda: client.status(job), lambda state: state["progress"] >= 1)[-1]
    assert (state["status"], state["message"]) == ("running", "at 0.5")
    dismissed = requests.delete(job, timeout=60)
    assert dismissed.headers["Content-Type"].startswith("text/html")
    assert dismissed.json()["status"] == "dismissed"
    assert client.status(job)["status"] == "dismissed"
    assert requests.get(f"{job}/results?f=json", timeout=60).status_code == 500


@pytest.mark.parametrize(("process", "words"), [("decline", "the period holds no data"), ("fail", "under reference")])
def test_a_failed_job_says_why(managed, process, words):
    """pygeoapi says of the results of any such job just that it failed, as if the caller could mend it."""
    job, state = finished(managed, process, {})
    assert state["status"] == "failed"
    assert words in state["message"]
    assert "s3cret" not in state["message"]
    results = requests.get(f"{job}/results?f=json", timeout=60)
    assert (results.status_code, results.json()["description"]) == (400, "job failed")


# Under its own manager


def test_its_own_manager_keeps_what_we_give(tinydb):
    """It runs a method in a thread of the web process, so that progress, limits and a stop are not to be had."""
    job, _ = finished(tinydb, "echo", {"message": "a", "numbers": [1]})
    assert requests.get(f"{job}/results?f=json", timeout=60).json() == {"message": "a", "numbers": [1]}
    job, _ = finished(tinydb, "hello", {"name": "Ada"})
    assert requests.get(f"{job}/results?f=json", timeout=60).json() == "Hello Ada!"
    job, _ = finished(tinydb, "array", {"megabytes": 1})
    assert requests.get(f"{job}/results?f=json", timeout=60).content.startswith(b"\x89HDF")


def test_its_own_manager_answers_what_we_give(tinydb):
    assert execute(tinydb, "echo", {"message": "a", "numbers": [1]}).json() == {"message": "a", "numbers": [1]}
    assert execute(tinydb, "hello", {"name": "Ada"}).json() == "Hello Ada!"


def test_its_own_manager_passes_on_our_words(tinydb):
    assert "name: 5 is not valid; it takes text" in execute(tinydb, "hello", {"name": 5}).text
    _, state = finished(tinydb, "decline", {})
    assert state["status"] == "failed"
    assert "the period holds no data" in state["message"]
