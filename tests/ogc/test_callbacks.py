"""Whoever asks to be told of a job is told: signed, at least once, where the operator allows it, and nobody waits."""

from __future__ import annotations

import stat
import threading
import time
import urllib.request
from itertools import pairwise

import moorage
import pytest
from support.callback_receiver import EVENTS, Sender, receiver, sender, verified
from support.ports import free_port
from support.scripted_server import Answer, scripted
from support.service_client import ServiceClient, identifier
from support.waiting import eventually


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Sender:
    """A service that sends callbacks to this machine, and tries soon again."""
    with sender(tmp_path_factory.mktemp("callbacks")) as service:
        yield service


@pytest.fixture
def hook():
    """Somebody who takes all she is told."""
    with receiver() as hook:
        yield hook


# what is told


def test_a_job_that_succeeds_sends_its_results_as_a_document(service, hook):
    job = service.submit("slow-sum", hook.subscriber(), numbers=[1, 2])
    told = hook.hears("success")
    assert told.json() == {"result": 3.0}
    assert told.headers["Content-Type"] == "application/json"
    assert told.headers["User-Agent"].startswith("Moorage/")
    assert (told.headers["Moorage-Job"], told.headers["Moorage-Event"]) == (identifier(job), "success")
    service.settled(job)
    assert len(hook.heard("success")) == 1
    assert not hook.heard("failed")


def test_a_job_that_fails_sends_the_problem_that_stands_under_its_results(service, hook):
    job = service.submit("refuse", hook.subscriber())
    told = hook.hears("failed")
    answer = service.get(f"{job}/results", Accept="application/json")
    problem = answer.json()
    assert (told.json(), told.json()["status"]) == (problem, answer.status_code)
    assert problem["detail"] == "the period holds no data; it has 1990 to 1993"
    service.settled(job)
    assert not hook.heard("success")


def test_a_running_job_tells_how_it_goes_now_and_then_but_not_each_step(service, hook):
    steps = [number / 100 for number in range(100)]
    job = service.submit("steps", hook.subscriber(), fractions=steps, pause=0.03)
    hook.hears("success")
    documents = [told.json() for told in hook.heard("inProgress")]
    assert {(document["jobID"], document["status"]) for document in documents} == {(identifier(job), "running")}
    assert 2 <= len(documents) <= 20
    progress = [document["progress"] for document in documents]
    assert progress == sorted(set(progress))
    deliveries = [told.headers["Moorage-Delivery"] for told in hook.heard("inProgress")]
    assert len(set(deliveries)) == len(deliveries)


def test_a_large_result_is_told_by_a_link(service, hook):
    service.submit("content", hook.subscriber(), size=2_000_000)
    link = hook.hears("success").json()["result"]
    assert link["type"] == "application/octet-stream"
    with urllib.request.urlopen(link["href"]) as answer:
        assert len(answer.read()) == 2_000_000


def test_who_asks_only_for_one_event_is_told_of_no_other(service, hook):
    job = service.submit("shout", {"subscriber": {"failedUri": f"{hook.url}/failed"}})
    service.settled(job)
    assert not hook.heard()


def test_a_call_that_is_waited_for_is_told_of_as_well(service, hook):
    answer = service.call("shout", hook.subscriber(), text="ahoy")
    assert (answer.status_code, answer.json()) == (200, "AHOY")
    told = hook.hears("success")
    assert told.json() == {"result": "AHOY"}
    job = f"{service.url}/jobs/{told.headers['Moorage-Job']}"
    assert service.value(job) == "AHOY"
    service.settled(job)
    assert not hook.heard("inProgress")


def test_a_call_that_fails_is_told_of_as_well(service, hook):
    answer = service.call("refuse", hook.subscriber())
    assert answer.status_code == 400
    assert hook.hears("failed").json() == answer.json()


# who may trust it


def test_a_callback_is_signed_with_the_secret_of_the_service(service, hook):
    job = service.submit("shout", hook.subscriber())
    told = hook.hears("success")
    callback = verified(told, service)
    assert (callback.job, callback.event) == (identifier(job), "success")
    assert callback.delivery == told.headers["Moorage-Delivery"]
    assert abs(callback.sent - time.time()) < 60
    with pytest.raises(moorage.SignatureError):
        moorage.verify_callback(
            told.body.replace(b"HELLO", b"JELLO"), told.headers["Moorage-Signature"], service.secret
        )


def test_the_secret_is_for_the_operator_alone(service):
    assert stat.S_IMODE((service.state / "callback-secret").stat().st_mode) == 0o600
    assert len(service.secret.strip()) >= 40


# nobody waits


def test_a_slow_receiver_delays_neither_its_job_nor_others(service):
    release = threading.Event()

    def hold(_):
        release.wait(60)
        return Answer(status=202)

    with receiver(inProgress=hold, success=hold, failed=hold) as slow, receiver() as quick:
        jobs = [service.submit("steps", slow.subscriber(), fractions=[0.5], pause=1.5) for _ in range(4)]
        slow.hears("inProgress")
        answer = service.call("shout", slow.subscriber())
        assert (answer.status_code, answer.json()) == (200, "HELLO")
        other = service.submit("shout", quick.subscriber())
        assert quick.hears("success").headers["Moorage-Job"] == identifier(other)
        for job in jobs:
            service.until(job, "successful")
        assert not release.is_set()
        release.set()


# what goes wrong


def test_a_receiver_that_fails_first_is_told_again(service):
    answers = [Answer(status=500), Answer(status=503), Answer(status=200)]
    with receiver(success=answers) as hook:
        job = service.submit("shout", hook.subscriber())
        hook.hears("success", 3)
        service.settled(job)
        told = hook.heard("success")
        assert [each.body for each in told] == [told[0].body] * 3
        # so that she can tell that it is the same
        assert len({each.headers["Moorage-Delivery"] for each in told}) == 1
        for each in told:
            verified(each, service)


def test_a_receiver_that_always_fails_is_given_up_and_the_log_of_the_job_says_so(service):
    with receiver(success=Answer(status=500)) as hook:
        job = service.submit("shout", hook.subscriber(successUri=f"{hook.url}/success?key=s3cret"))
        service.settled(job)
        assert len(hook.heard("success")) == 3
        line = f"callback success to {hook.url}/success given up, tried 3 times: it answered with status 500\n"
        eventually(lambda: service.log(job) == line)
        assert service.status(job)["status"] == "successful"


def test_pauses_grow(service):
    moments = []

    def refuse(_):
        moments.append(time.monotonic())
        return Answer(status=500)

    with receiver(success=refuse) as hook:
        service.settled(service.submit("shout", hook.subscriber()))
    first, second = (after - before for before, after in pairwise(moments))
    assert first >= 0.15
    assert second >= 0.3


def test_a_receiver_that_asks_to_be_left_alone_is(service):
    moments = []

    def busy(_):
        moments.append(time.monotonic())
        return Answer(status=429 if len(moments) == 1 else 202, headers={"Retry-After": "2"})

    with receiver(success=busy) as hook:
        service.settled(service.submit("shout", hook.subscriber()))
    assert len(moments) == 2
    assert moments[1] - moments[0] >= 2


def test_a_connection_that_is_refused_is_tried_again_and_given_up(service, hook):
    job = service.submit("shout", hook.subscriber(successUri=f"http://127.0.0.1:{free_port()}/success"))
    service.settled(job)
    eventually(lambda: "given up, tried 3 times: it refused the connection" in service.log(job))


def test_a_receiver_that_does_not_answer_is_given_up(service):
    release = threading.Event()
    with receiver(success=lambda _: release.wait(60) and b"") as hook:
        job = service.submit("shout", hook.subscriber())
        eventually(lambda: "tried 3 times: it did not answer within 1 s" in service.log(job))
        release.set()
        assert len(hook.heard("success")) == 3


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_receiver_that_refuses_is_told_once(service, status):
    with receiver(success=Answer(status=status)) as hook:
        job = service.submit("shout", hook.subscriber())
        eventually(lambda: f"given up, tried once: it answered with status {status}" in service.log(job))
        assert len(hook.heard("success")) == 1


def test_a_receiver_that_is_gone_is_told_nothing_more_of_the_job(service):
    with receiver(success=Answer(status=410)) as hook:
        same = dict.fromkeys(EVENTS, f"{hook.url}/success")
        job = service.submit("steps", {"subscriber": same}, fractions=[0.2, 0.4, 0.6], pause=1.0)
        service.until(job, "successful")
        service.settled(job)
        assert [told.headers["Moorage-Event"] for told in hook.heard()] == ["inProgress"]
        assert "status 410 and is told nothing more of this job" in service.log(job)


def test_a_redirect_leads_nowhere(service):
    with scripted({}) as other:
        moved = Answer(status=307, headers={"Location": f"{other.url}/success"})
        with receiver(success=moved) as hook:
            job = service.submit("shout", hook.subscriber())
            eventually(lambda: "tried 3 times: it answered with status 307" in service.log(job))
        assert not other.heard


def test_a_listed_name_that_leads_to_a_private_address_is_told_nothing(service):
    port = free_port()
    job = service.submit("shout", {"subscriber": {"successUri": f"http://127.0x2:{port}/"}})
    words = f"tried once: 127.0x2:{port} leads to a private address, which is not allowed"
    eventually(lambda: words in service.log(job))
    service.settled(job)


# what is not wanted any more


def test_a_dismissed_job_tells_nothing_more(service, hook):
    job = service.submit("sleep-in-c", hook.subscriber(), seconds=600)
    hook.hears("inProgress")
    assert service.dismiss(job).status_code == 200
    assert service.owed(job) == 0
    before = len(hook.heard(job=job))
    # what another job has to tell after it, it tells
    after = service.submit("shout", hook.subscriber())
    hook.hears("success")
    service.settled(after)
    assert len(hook.heard(job=job)) == before == 1


def test_a_job_that_is_removed_before_it_was_told_of_is_told_of_no_more(service):
    with receiver(success=Answer(status=503, headers={"Retry-After": "2"})) as hook:
        job = service.submit("shout", hook.subscriber())
        hook.hears("success")
        service.until(job, "successful")
        service.dismiss(job)
        assert service.owed(job) == 0
        # one that is told of after it is told of once more, when it would have been
        other = service.submit("shout", hook.subscriber())
        eventually(lambda: len(hook.heard("success", other)) == 2)
        assert len(hook.heard("success", job)) == 1
        assert not (service.state / "logs" / f"{identifier(job)}.log").exists()


# what is refused


@pytest.mark.parametrize(
    ("subscriber", "words"),
    [
        ("http://127.0.0.1/", "subscriber: is not a JSON object; it takes successUri, inProgressUri, failedUri"),
        ({"successURI": "http://127.0.0.1/"}, "no member 'successURI'; it takes successUri, inProgressUri, failedUri"),
        ({"successUri": 5}, "subscriber: successUri: takes a URL of at most 2048 characters"),
        ({"successUri": None}, "subscriber: successUri: takes a URL"),
        ({"failedUri": "http://127.0.0.1/" + "a" * 2048}, "subscriber: failedUri: takes a URL of at most 2048"),
        ({"successUri": "ftp://127.0.0.1/"}, "successUri: 'ftp://127.0.0.1/' is not an http or https URL"),
        ({"successUri": "/relative"}, "is not an http or https URL"),
        ({"successUri": "http://127.0.0.1:x/"}, "is not a URL"),
        ({"successUri": "http://me:s3cret@127.0.0.1/"}, "holds no user name or password"),
        ({"successUri": "http://127.0.0.1/a b"}, "characters that a URL writes with %"),
        ({"successUri": "http://127.0.0.1/\r\nHost: a"}, "characters that a URL writes with %"),
        ({"successUri": "http://127.0.0.1/é"}, "characters that a URL writes with %"),
        (
            {"inProgressUri": "http://a.example/"},
            "inProgressUri: a.example is not a host this service sends callbacks to; it allows 127.0.0.1, 127.0x2",
        ),
        ({"successUri": "http://169.254.169.254/latest/"}, "169.254.169.254 is not a host"),
        ({"successUri": "http://10.0.0.1/"}, "10.0.0.1 is not a host"),
        ({"successUri": "http://localhost:5432/"}, "localhost is not a host"),
        ({"successUri": "http://127.0.0.1/a", "successUrl": "http://127.0.0.1/b"}, "mean the same and differ"),
    ],
)
@pytest.mark.parametrize("prefer", ["respond-async", ""])
def test_a_subscriber_that_will_not_do_is_told_before_anything_is_stored(service, subscriber, words, prefer):
    before = service.get("/jobs?limit=1").json()["jobs"]
    answer = service.execute("shout", {"inputs": {}, "subscriber": subscriber}, Prefer=prefer)
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (400, "InvalidParameterValue")
    assert words in problem["detail"]
    assert service.get("/jobs?limit=1").json()["jobs"] == before


@pytest.mark.parametrize("subscriber", [None, {}])
def test_a_subscriber_without_members_asks_for_nothing(service, subscriber):
    job = service.submit("shout", {"subscriber": subscriber})
    assert service.owed(job) == 0


def test_the_name_that_1_0_requires_by_mistake_is_understood(service, hook):
    service.submit("shout", {"subscriber": {"successUrl": f"{hook.url}/success#here"}})
    assert hook.hears("success").path == "/success"


def test_a_service_whose_operator_lists_nobody_says_so(service_url):
    answer = ServiceClient(service_url).call("shout", {"subscriber": {"successUri": "http://127.0.0.1/"}})
    assert answer.status_code == 400
    assert answer.json()["detail"].endswith("127.0.0.1 is not a host this service sends callbacks to; it allows none")
