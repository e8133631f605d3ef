"""The command line lists the jobs of a service, shows one, cancels it and reads its log."""

from __future__ import annotations

import pytest
from moorage import cli, connect
from support.scripted_server import Answer, scripted
from support.waiting import eventually

PLACE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def hub(service_url):
    with connect(service_url, progress=False) as hub:
        yield hub


@pytest.fixture
def said(service_url, capsys):
    """Runs ``moorage jobs`` on the service and gives its exit code, what it wrote and what it complained of."""

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.main(["jobs", service_url, *words])
        return (code, *capsys.readouterr())

    return run


def test_jobs_are_listed_newest_first_and_filtered(hub, said):
    jobs = [hub.shout.submit(text=f"n{number}") for number in range(3)]
    for job in jobs:
        job.result(60)
    code, out, _ = said("--process", "shout", "--status", "successful", "--limit", "3")
    assert code == 0
    head, *lines = out.splitlines()
    assert head.split() == ["id", "status", "done", "process", "created", "message"]
    assert [line.split()[0] for line in lines] == [job.id for job in reversed(jobs)]
    assert all(line.split()[1:5] == ["successful", "100", "%", "shout"] for line in lines)
    assert jobs[0].id not in said("--status", "dismissed")[1]


def test_where_there_is_no_job_that_is_said(said):
    assert said("--process", "leave-orphans") == (0, "no jobs\n", "")


def test_one_is_shown(hub, said):
    job = hub.fail.submit()
    eventually(job.done)
    code, out, _ = said("show", job.id)
    told = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert code == 0
    assert (told["id"], told["process"], told["status"], told["url"]) == (job.id, "fail", "failed", job.url)
    assert "reference" in told["message"]
    assert told["ran"].endswith(" s")


def test_one_that_runs_is_cancelled_and_one_that_is_done_is_not(hub, said):
    job = hub.slow_sum.submit(numbers=[], pause=600.0)
    assert said("cancel", job.id) == (0, f"{job.id} is dismissed\n", "")
    done = hub.shout.submit()
    done.result(60)
    assert said("cancel", done.id) == (1, f"{done.id} is successful already, and stays as it is\n", "")
    assert done.result(60) == "HELLO"


def test_several_are_cancelled_at_once(hub, said):
    jobs = [hub.slow_sum.submit(numbers=[], pause=600.0) for _ in range(2)]
    assert said("cancel", *(job.id for job in jobs))[0] == 0
    assert [job.status for job in jobs] == ["dismissed", "dismissed"]


def test_a_log_is_read(hub, said):
    job = hub.speak.submit()
    job.result(60)
    code, out, _ = said("log", job.id)
    assert code == 0
    assert {"printed", "spoken", "put"} <= set(out.splitlines())


def test_a_job_that_is_not_there_is_named(said):
    code, out, err = said("show", PLACE)
    assert (code, out) == (1, "")
    assert f"has no job '{PLACE}'" in err


@pytest.mark.parametrize("action", ["show", "cancel", "log"])
def test_an_action_asks_for_an_id(said, action):
    assert said(action) == (2, "", f"moorage jobs {action}: which job? name its id\n")


def test_a_service_of_others_that_tells_less_is_listed_too(capsys):
    told = {"jobs": [{"jobID": "a", "status": "running", "message": "two\nlines"}]}
    with scripted({"GET /jobs": Answer(told)}) as service:
        assert cli.main(["jobs", service.url]) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["a", "running", "two", "lines"]
