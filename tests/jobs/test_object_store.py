"""Results in an object store: put by whoever ran the job, fetched by links it has signed, seen whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from urllib.parse import urlsplit

import moorage
import pytest
import requests
from moorage_processes.jobs.errors import Unavailable
from moorage_processes.jobs.files.state_directory import StateDirectory, StateDirectoryError
from moorage_processes.jobs.job import Status
from support.engines import ARRAYS, METHODS, started, value
from support.s3_server import serving_objects
from support.service_client import ServiceClient, identifier
from support.services import serve
from support.waiting import eventually


@pytest.fixture(scope="module")
def objects():
    """A store that these tests share."""
    with serving_objects() as store:
        yield store


@pytest.fixture(scope="module")
def service(objects, tmp_path_factory):
    """A service whose results lie there."""
    with serve(tmp_path_factory.mktemp("service"), [str(METHODS), str(ARRAYS)], moorage=objects.settings) as service:
        yield service


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A service whose results lie in a store of fsspec that signs no links."""
    folder = tmp_path_factory.mktemp("plain")
    with serve(folder, [str(METHODS), str(ARRAYS)], moorage={"results": f"local://{folder / 'objects'}"}) as service:
        yield service


def run(service, process, **inputs):
    """The id of a job that is done."""
    return identifier(ServiceClient(service.url).run(process, **inputs))


def result(service, job, **headers):
    """The answer for the only output."""
    return requests.get(f"{service.url}/jobs/{job}/results/result", headers=headers, timeout=60, allow_redirects=False)


def test_a_result_is_fetched_by_a_link_that_needs_no_credentials(service, objects):
    job = run(service, "content", size=100_000)
    assert objects.names(job) == ["1/result"]
    answer = result(service, job)
    assert answer.status_code == 303
    link = answer.headers["Location"]
    assert urlsplit(link).netloc == urlsplit(objects.endpoint).netloc
    fetched = requests.get(link, timeout=60)
    assert fetched.content == b"x" * 100_000
    assert fetched.headers["Content-Type"] == "application/octet-stream"
    part = requests.get(link, headers={"Range": "bytes=10-19"}, timeout=60)
    assert (part.status_code, part.content) == (206, b"x" * 10)
    # nothing of it is left on the machine
    assert not (service.state / "results" / job).exists()
    assert eventually(lambda: not list((service.state / "begun").iterdir()))


def test_who_has_it_already_is_told_so_and_who_asks_about_it_is_answered(service):
    job = run(service, "content", size=1000)
    tag = result(service, job).headers["ETag"]
    assert result(service, job, **{"If-None-Match": tag}).status_code == 304
    head = requests.head(f"{service.url}/jobs/{job}/results/result", timeout=60)
    assert (head.status_code, head.headers["Content-Length"], head.headers["ETag"]) == (200, "1000", tag)
    assert head.headers["Accept-Ranges"] == "bytes"


def test_a_store_without_links_is_read_through_with_ranges(plain):
    job = run(plain, "content", size=1000)
    assert result(plain, job).content == b"x" * 1000
    part = result(plain, job, Range="bytes=990-")
    assert (part.status_code, part.content, part.headers["Content-Range"]) == (206, b"x" * 10, "bytes 990-999/1000")
    several = result(plain, job, Range="bytes=0-1,998-999")
    assert several.headers["Content-Type"].startswith("multipart/byteranges")
    assert several.content.count(b"\r\n\r\nxx\r\n") == 2
    assert result(plain, job, Range="bytes=1000-").status_code == 416


@pytest.mark.parametrize("which", ["service", "plain"])
@pytest.mark.starts
@pytest.mark.xdist_group("objects in jobs/test_object_store.py")
def test_documents_and_raw_answers_hold_the_values(which, request):
    service = request.getfixturevalue(which)
    job = run(service, "grid", size=8)
    raw = requests.get(f"{service.url}/jobs/{job}/results", timeout=60, allow_redirects=False)
    assert (raw.status_code, raw.content[:4]) == (200, b"\x89HDF")
    client, as_document = ServiceClient(service.url), {"response": "document"}
    called = client.call("grid", as_document, size=8).json()
    assert called["result"]["encoding"] == "base64"
    as_job = client.run("grid", as_document, size=8)
    assert client.value(as_job)["result"]["mediaType"] == called["result"]["mediaType"]


def test_a_call_leaves_nothing_there_unless_its_answer_is_a_link(service, objects):
    before = set(objects.names())
    client = ServiceClient(service.url)
    assert client.call("content", size=500).content == b"x" * 500
    assert set(objects.names()) == before
    answer = client.call("content", {"outputs": {"result": {"transmissionMode": "reference"}}}, size=500)
    link = answer.links["result"]["url"]
    assert requests.get(link, timeout=60).content == b"x" * 500
    (new,) = set(objects.names()) - before
    assert new.endswith("/1/result")


def test_pages_show_what_lies_there(service):
    job = run(service, "noise", size=20)
    page = requests.get(f"{service.url}/jobs/{job}/results?f=html", timeout=60)
    assert page.status_code == 200
    assert "noise" in page.text
    picture = requests.get(f"{service.url}/jobs/{job}/results/result/look", timeout=60)
    assert (picture.status_code, picture.content[1:4]) == (200, b"PNG")


def test_the_client_fetches_from_there(service):
    noise = moorage.connect(service.url).noise.submit(size=700).result()
    assert noise.shape == (700, 700)
    assert noise.name == "noise"


def test_dismissing_a_job_removes_its_objects(service, objects):
    job = run(service, "content", size=10)
    assert requests.delete(f"{service.url}/jobs/{job}", timeout=60).status_code == 200
    assert objects.names(job) == []


def test_attempts_that_died_leave_nothing(tmp_path, objects):
    with started(tmp_path / "state", **objects.settings) as under_test:
        under_test.call("shout")
        jobs = [under_test.submit("content", size=1000) for _ in range(20)]
        for _ in range(2):
            processes = eventually(lambda: (found := under_test.processes())["work"] and found)
            with contextlib.suppress(ProcessLookupError):
                os.kill(processes["supervisor"], signal.SIGKILL)
        for job in jobs:
            done = under_test.done(job)
            assert done.status is Status.SUCCESSFUL
            assert under_test.engine.files(done).read("result") == b"x" * 1000
            assert eventually(lambda done=done: objects.names(done.id) == [f"{done.epoch}/result"])


def test_what_a_late_attempt_put_is_removed(tmp_path, objects):
    state = StateDirectory.of({"state": tmp_path / "state", **objects.settings})
    state.prepare()
    for epoch in (1, 2):
        (state.clear_scratch(1) / "result").write_text(f"of {epoch}")
        state.publisher.publish(state.scratch(1), "late", epoch, is_job=True)
    state.settle("late", 2, keep=True)
    state.settle("late", 1, keep=False)
    assert objects.names("late") == ["2/result"]
    assert state.publisher.files("late", 2).read("result") == b"of 2"


def test_a_store_that_goes_away_fails_jobs_with_the_reason_and_readers_for_now(tmp_path):
    with serving_objects() as own, started(tmp_path / "state", **own.settings) as under_test:
        before = under_test.run("content", size=10)
        own.process.kill()
        own.process.wait()
        failed = under_test.run("content", size=10)
        assert (failed.status, failed.failure.reason) == (Status.FAILED, "storage")
        assert "could not be stored" in failed.failure.detail
        assert "127.0.0.1" not in failed.failure.detail
        assert failed.failure.reference in under_test.engine.log(failed).read_text()
        with pytest.raises(Unavailable):
            under_test.engine.files(before).read("result")
        # what needs no file is not concerned
        assert value(under_test.run("shout")) == "HELLO"


def test_credentials_of_the_environment_put_results_and_stay_out_of_methods(tmp_path, objects, monkeypatch):
    for name, text in {
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "s3cret",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "FSSPEC_S3": json.dumps({"endpoint_url": objects.endpoint}),
    }.items():
        monkeypatch.setenv(name, text)
    # as it is on a machine without credentials of its own
    monkeypatch.setenv("HOME", str(tmp_path))
    with started(tmp_path / "state", results=objects.url) as under_test:
        done = under_test.run("content", size=1000)
        assert (done.status, objects.names(done.id)) == (Status.SUCCESSFUL, ["1/result"])
        seen = "\n".join(value(under_test.run("environment")))
    assert "AWS_" not in seen
    assert "FSSPEC_" not in seen


def test_a_job_that_was_a_call_puts_its_files_there_or_fails(tmp_path):
    with serving_objects() as own, started(tmp_path / "state", arrays=True, **own.settings) as under_test:
        first = eventually(lambda: under_test.try_out("noise", wait=0.2, size=10, pause=0.6))
        assert under_test.done(first).status is Status.SUCCESSFUL
        assert own.names(first.id) == ["1/result.nc"]
        second = eventually(lambda: under_test.try_out("noise", wait=0.2, size=10, pause=1.5))
        own.process.kill()
        assert under_test.done(second).failure.reason == "storage"


def test_a_store_nobody_can_speak_to_is_refused_at_the_start(tmp_path):
    with pytest.raises(StateDirectoryError, match=r"results: gopher://hole: .*gopher"):
        StateDirectory.of({"state": tmp_path, "results": "gopher://hole"}).prepare()


def test_machines_that_share_a_store_of_objects_have_each_others_results_and_logs(objects, tmp_path, postgres):
    with contextlib.ExitStack() as stack:
        machines = []
        shared = {"store": postgres.database(), **objects.settings}
        for name in ("one", "other"):
            (tmp_path / name).mkdir()
            machine = serve(tmp_path / name, [str(METHODS), str(ARRAYS)], moorage=shared)
            machines.append(stack.enter_context(machine))
        jobs = [run(machines[0], process) for process in ("speak", "content") * 4]
        for machine in machines:
            for spoken, content in zip(jobs[::2], jobs[1::2], strict=True):
                log = f"{machine.url}/jobs/{spoken}/log"
                eventually(lambda log=log: "printed" in requests.get(log, timeout=60).text)
                link = result(machine, content).headers["Location"]
                assert requests.get(link, timeout=60).content == b"x" * 1_000_000
        requests.delete(f"{machines[1].url}/jobs/{jobs[0]}", timeout=60)
        assert requests.get(f"{machines[0].url}/jobs/{jobs[0]}/log", timeout=60).status_code == 404
        assert jobs[0] not in objects.logs()
        assert jobs[2] in objects.logs()
