"""A job is a future: it can be asked, waited for, dismissed, and found again."""

from __future__ import annotations

import asyncio
import threading
import weakref
from concurrent.futures import CancelledError, Future, as_completed, wait

import moorage
import pytest
from moorage import DismissedError, FailedError, PendingError, RefusedError, watch
from support.scripted_server import Answer, scripted

EXECUTION = "POST /processes/p/execution"
TAKEN = Answer({"jobID": "1", "status": "accepted", "type": "process"}, 201, {"Location": "/jobs/1"})
LOG = {"rel": "http://www.opengis.net/def/rel/ogc/1.0/log", "href": "/jobs/1/log"}


def told(status, **more):
    """A statusInfo."""
    return {"jobID": "1", "processID": "p", "type": "process", "status": status, **more}


class Work:
    """A job of which the test decides when it ends."""

    def __init__(self):
        self.state = told("running", progress=40, message="half way")
        self.changed = threading.Event()

    def script(self, **more):
        return {
            EXECUTION: TAKEN,
            "GET /jobs/1": self.status,
            "DELETE /jobs/1": self.dismiss,
            "GET /jobs/1/results": {"y": 5},
            **more,
        }

    def status(self, request):
        """Held while nothing changes, as the standard's ``Prefer: wait`` has it."""
        tag = f'"{self.state["status"]}"'
        headers = {"ETag": tag}
        if request.headers.get("If-None-Match") == tag and "wait" in request.headers.get("Prefer", ""):
            self.changed.wait(20)
            headers |= {"Preference-Applied": request.headers["Prefer"]}
        return Answer(self.state, 200, {**headers, "ETag": f'"{self.state["status"]}"'})

    def end(self, status="successful"):
        self.state = told(status, progress=100)
        self.changed.set()

    def dismiss(self, _):
        self.end("dismissed")
        return self.state


@pytest.fixture
def work():
    return Work()


@pytest.fixture
def service(work):
    with scripted(work.script()) as running:
        yield running
        work.end()


@pytest.fixture
def job(service):
    return moorage.connect(service.url).p.submit()


def test_it_tells_how_far_it_is(job):
    assert isinstance(job, Future)
    assert (job.id, job.process, job.status, job.progress, job.message) == ("1", "p", "running", 40, "half way")
    assert job.running()
    assert not job.done()
    assert not job.cancelled()
    assert "running 40 %, half way" in repr(job)


def test_its_result_is_waited_for(work, job):
    threading.Timer(0.2, work.end).start()
    assert job.result() == 5
    assert job.result() == 5
    assert job.exception() is None
    assert job.done()
    assert not job.running()


def test_waiting_is_one_held_request(work, service, job):
    threading.Timer(0.5, work.end).start()
    job.result()
    asked = service.requests("GET", "/jobs/1")
    assert [each.headers.get("Prefer") for each in asked] == [None, "wait=20", None]


def test_a_result_that_is_not_there_in_time_is_told_and_the_job_goes_on(job):
    with pytest.raises(TimeoutError, match="running"):
        job.result(timeout=0)
    with pytest.raises(PendingError):
        job.exception(timeout=0.1)
    assert job.running()


def test_cancel_dismisses_it_at_the_service(work, service, job):
    assert job.cancel()
    assert len(service.requests("DELETE", "/jobs/1")) == 1
    assert job.cancelled()
    assert job.done()
    with pytest.raises(DismissedError, match="dismissed"):
        job.result()
    with pytest.raises(CancelledError):
        job.exception()
    assert job.cancel()
    assert len(service.requests("DELETE")) == 1


def test_cancelling_what_is_done_leaves_its_results(work, service, job):
    work.end()
    assert not job.cancel()
    assert not service.requests("DELETE")
    assert job.result() == 5


def test_it_can_be_removed(work, service, job):
    work.end()
    assert job.result() == 5
    job.remove()
    assert len(service.requests("DELETE")) == 1


def test_dismissed_by_somebody_else_is_dismissed(work, job):
    work.end("dismissed")
    assert job.cancelled()
    with pytest.raises(DismissedError):
        job.result()


def test_removed_by_somebody_else_is_dismissed(service, job):
    service.script["GET /jobs/1"] = Answer({"title": "no such job"}, 404)
    with pytest.raises(DismissedError):
        job.result()


def test_whoever_listens_is_called_when_it_is_done(work, job):
    called = threading.Event()
    heard = []
    job.add_done_callback(lambda done: (heard.append(done.result()), called.set()))
    assert not heard
    work.end()
    assert called.wait(20)
    assert heard == [5]
    job.add_done_callback(lambda _: heard.append("at once"))
    assert heard == [5, "at once"]


def test_it_can_be_waited_for_with_others(work, service):
    process = moorage.connect(service.url).p
    jobs = [process.submit() for _ in range(20)]
    threading.Timer(0.2, work.end).start()
    done, pending = wait(jobs, timeout=30)
    assert (done, pending) == (set(jobs), set())
    assert [job.result() for job in as_completed(jobs)] == [5] * 20


def test_waiting_for_others_gives_up_in_time(job):
    assert wait([job], timeout=0.1).not_done == {job}


def test_it_can_be_awaited(work, job):
    threading.Timer(0.2, work.end).start()

    async def result():
        return await asyncio.wrap_future(job)

    assert asyncio.run(result()) == 5


def test_it_is_found_again(work, service, job):
    found = moorage.connect(service.url).job(job.id)
    assert found.status == "running"
    work.end()
    assert found.result() == 5


def test_jobs_are_listed(service):
    listed = [told("successful"), {**told("failed"), "processID": "q", "jobID": "2"}]
    service.script["GET /jobs"] = {"jobs": listed, "links": []}
    hub = moorage.connect(service.url)
    assert [job.id for job in hub.jobs()] == ["1", "2"]
    assert [job.id for job in hub.jobs(process="q")] == ["2"]
    assert [job.id for job in hub.jobs(status="successful")] == ["1"]
    assert [job.id for job in hub.jobs(limit=1)] == ["1"]


@pytest.mark.parametrize(
    ("problem", "error", "words"),
    [
        ({"title": "Bad", "status": 400, "detail": "x is half a file", "input": "x"}, RefusedError, "x is half a file"),
        ({"title": "Bad", "status": 500, "detail": "the method failed"}, FailedError, "the method failed"),
        ({"code": "InvalidParameterValue", "description": "job failed"}, FailedError, "division by zero"),
    ],
)
def test_a_failed_job_tells_why(problem, error, words):
    script = {
        EXECUTION: TAKEN,
        "GET /jobs/1": told("failed", message="division by zero", links=[LOG]),
        "GET /jobs/1/results": Answer(problem, problem.get("status", 400)),
        "GET /jobs/1/log": Answer(b"reading\nTraceback\n", headers={"Content-Type": "text/plain"}),
    }
    with scripted(script) as service:
        job = moorage.connect(service.url).p.submit()
        with pytest.raises(error, match=words) as caught:
            job.result()
        assert type(job.exception()) is error
        assert caught.value.problem == problem
        assert caught.value.job == job.url
        assert job.log() == "reading\nTraceback\n"
        if error is FailedError:
            assert str(caught.value).endswith("reading\nTraceback")


def test_a_job_that_fails_at_once_fails_like_one_that_fails_later():
    problem = {"title": "Bad", "status": 500, "detail": "the method failed", "job": "/jobs/1"}
    script = {
        EXECUTION: Answer(problem, 500),
        "GET /jobs/1": told("failed", links=[LOG]),
        "GET /jobs/1/results": Answer(problem, 500),
        "GET /jobs/1/log": Answer(b"why", headers={"Content-Type": "text/plain"}),
    }
    with scripted(script) as service, pytest.raises(FailedError, match=r"the method failed\n.*\nwhy"):
        moorage.connect(service.url).p()


def test_a_service_without_held_requests_is_polled():
    states = [Answer(told("accepted")), Answer(told("running")), Answer(told("successful"))]
    script = {EXECUTION: TAKEN, "GET /jobs/1": states, "GET /jobs/1/results": {"y": 5}}
    with scripted(script) as service:
        assert moorage.connect(service.url).p.submit().result() == 5


def test_a_service_that_is_away_for_a_while_is_waited_for():
    away = Answer(b"", 504)
    states = [away, Answer(told("running")), Answer(b"x", cut=0), away, Answer(told("successful"))]
    script = {EXECUTION: TAKEN, "GET /jobs/1": states, "GET /jobs/1/results": {"y": 5}}
    with scripted(script) as service:
        assert moorage.connect(service.url).p.submit().result() == 5


def test_a_service_that_stays_away_is_given_up(monkeypatch):
    monkeypatch.setattr(watch, "PATIENCE", 0.2)
    with scripted({EXECUTION: TAKEN, "GET /jobs/1": Answer({"detail": "gone"}, 504)}) as service:
        job = moorage.connect(service.url).p.submit()
        with pytest.raises(moorage.ServiceError, match="gone"):
            job.result()
        assert isinstance(next(as_completed([job])).exception(), moorage.ServiceError)


def test_an_address_may_be_missing_where_the_id_is_told():
    script = {
        EXECUTION: Answer({"jobID": "a/b", "status": "accepted"}, 201),
        "GET /jobs/a%2Fb": told("successful"),
        "GET /jobs/a%2Fb/results": {"y": 5},
    }
    with scripted(script) as service:
        job = moorage.connect(service.url).p.submit()
        assert job.id == "a/b"
        assert job.result() == 5


def test_a_call_that_is_answered_at_once_is_a_job_that_is_done():
    with scripted({EXECUTION: {"y": 5}}) as service:
        job = moorage.connect(service.url).p.submit()
        assert job.id is None
        assert job.done()
        assert not job.cancel()
        assert job.log() == ""
        assert wait([job], timeout=30).done == {job}
        assert job.result() == 5


def test_results_are_saved_as_they_come(work, job, tmp_path):
    work.end()
    saved = job.download(tmp_path / "new")
    assert saved == {"y": tmp_path / "new" / "y.json"}
    assert saved["y"].read_text() == "5"


def test_a_service_cannot_choose_where_results_are_saved(tmp_path):
    evil = "../../evil"
    with scripted({EXECUTION: {evil: 1}}, outputs={evil: {"schema": {}}}) as service:
        (saved,) = moorage.connect(service.url).p.submit().download(tmp_path / "here").values()
    assert saved.parent == tmp_path / "here"


def test_a_result_goes_when_nobody_holds_it():
    script = {EXECUTION: TAKEN, "GET /jobs/1": told("successful"), "GET /jobs/1/results": {"y": 5}}
    with scripted(script) as service:
        job = moorage.connect(service.url).p.submit()
        wait([job], timeout=30)
        job.result()
        for thread in threading.enumerate():
            if thread.name == "moorage-1":
                thread.join()
        held = weakref.ref(job)
        del job
    assert held() is None


def test_a_notebook_shows_how_far_it_is(job):
    card = job._repr_html_()
    assert "running" in card
    assert 'value="40"' in card
    assert "half way" in card
    assert "http" in card


def test_what_a_job_says_cannot_be_markup(work, job):
    work.state = told("running", message="<script>alert(1)</script>")
    assert "<script>" not in job._repr_html_()


def test_following_ends_with_the_job(work, job):
    threading.Timer(0.2, work.end).start()
    assert job.follow() is job
    assert job.heard.name == "successful"
