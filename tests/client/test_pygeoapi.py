"""An unmodified pygeoapi is driven like any other service."""

from __future__ import annotations

import inspect
from concurrent.futures import as_completed, wait

import moorage
import pytest
from moorage import FailedError, NotFoundError, RefusedError


@pytest.fixture(scope="module")
def hub(pygeoapi_url):
    with moorage.connect(pygeoapi_url) as service:
        yield service


def test_it_shows_its_processes(hub):
    assert list(hub) == ["hello-world"]
    assert hub.processes == {"hello-world": "Hello World"}
    assert "hello_world" in dir(hub)
    assert str(inspect.signature(hub.hello_world)).startswith("(*, name: str, message: str | None = None")
    assert "An optional message to echo as well." in hub.hello_world.__doc__


def test_a_process_is_called_like_a_function(hub):
    assert hub.hello_world(name="Ada") == "Hello Ada!"
    assert hub.hello_world(name="Ada", message="How are you?") == "Hello Ada! How are you?"


def test_a_process_is_submitted_and_found_again(hub):
    job = hub.hello_world.submit(name="Ada")
    assert job.result(timeout=60) == "Hello Ada!"
    assert job.status == "successful"
    assert hub.job(job.id).result() == "Hello Ada!"
    assert job.id in {each.id for each in hub.jobs(limit=100)}


def test_jobs_are_waited_for_together(hub):
    jobs = [hub.hello_world.submit(name=str(number)) for number in range(5)]
    assert wait(jobs, timeout=60).done == set(jobs)
    assert sorted(job.result() for job in as_completed(jobs)) == [f"Hello {number}!" for number in range(5)]


def test_what_goes_wrong_is_told_with_its_document(hub):
    with pytest.raises(TypeError, match="missing a required .*'name'"):
        hub.hello_world()
    with pytest.raises(RefusedError, match="Cannot process without a name") as caught:
        hub["hello-world"](name=None)
    assert caught.value.problem["code"] == "InvalidParameterValue"
    with pytest.raises(FailedError, match="Cannot process without a name"):
        hub.hello_world.submit(name=None).result()
    with pytest.raises(NotFoundError, match="no job 'nothing'"):
        hub.job("nothing")


def test_a_job_is_removed(hub):
    job = hub.hello_world.submit(name="Ada")
    job.result(timeout=60)
    job.remove()
    with pytest.raises(NotFoundError):
        hub.job(job.id)
