"""What the store does for a hub and its sites, on each kind of database."""

from __future__ import annotations

import json
import uuid

import pytest
from moorage_processes.authoring.limits import Limits
from moorage_processes.data.datasets import Datasets
from moorage_processes.execution.request import Artefact, Request
from moorage_processes.jobs.attempt import Ended, Ref
from moorage_processes.jobs.job import Job, Status, Submission
from moorage_processes.jobs.relay.protocol import Announcement, AttemptClaim, RetentionReply
from moorage_processes.jobs.relay.validation import AnnouncementError, read_announcement, read_artefacts
from moorage_processes.jobs.store.database import Database, compact
from moorage_processes.jobs.store.exchange import StoreRequest
from moorage_processes.jobs.store.leases import LeaseStore
from moorage_processes.jobs.store.sites import Renewal, SiteRegistry
from moorage_processes.jobs.store.store import Store
from moorage_processes.jobs.store.transfer_tokens import TransferToken, TransferTokens
from moorage_processes.jobs.supervisor.attendance import Attendance
from moorage_processes.network.fetch import Policy
from moorage_processes.ogc.live_catalogue import LiveCatalogue
from support.ageing import age
from support.engines import catalogue

ROOM = 3


class RegistryUnderTest:
    """A store, as web processes, the supervisor and the hub see it."""

    def __init__(self, url: str, lease: float, *, counts: bool = False) -> None:
        self.url = url
        self.store = Store(url)
        self.store.prepare()
        database = Database(url, survives_power_loss=False)
        self.registry = SiteRegistry(database, lease, counts=counts)
        self.transfer_tokens = TransferTokens(database)
        self.leases = LeaseStore(database, "supervisor", 10.0, lambda _job, _epoch: False)

    def submit(self, queue: str = "awi", wait: float = 1000.0, attempts: int = 3) -> str:
        request = Request(f"{queue}.trend", {"years": [1990]}, {"result": "application/json"})
        limits = Limits(wait=wait, attempts=attempts)
        return self.store.submit(Submission(id=str(uuid.uuid4()), request=request, limits=limits, queue=queue), ROOM).id

    def job(self, job: str) -> Job:
        found = self.store.get(job)
        assert found is not None
        return found

    def send(self) -> list[str]:
        notices = self.registry.unsent()
        if notices:
            self.registry.mark_sent(notices)
        return [each.job for each in notices]


@pytest.fixture
def under_test(store_url):
    under_test = RegistryUnderTest(store_url, lease=60.0)
    yield under_test
    under_test.store.close()
    under_test.registry.close()


def test_tickets_are_sent_once_until_they_may_be_lost(under_test):
    first, second, _ = under_test.submit(), under_test.submit("gfz"), under_test.submit("local")
    assert set(under_test.send()) == {first, second}
    assert under_test.send() == []
    under_test.registry.forget_sent(oldest=True)
    assert set(under_test.send()) == {first, second}
    under_test.store.dismiss(first)
    under_test.registry.forget_sent()
    assert under_test.send() == [second]


def test_a_supervisor_leaves_jobs_of_sites_alone(under_test):
    job = under_test.submit()
    exchange = under_test.leases.exchange(StoreRequest(places=10, runs=[], renews=True, takes_over=True))
    assert not exchange.claimed
    assert under_test.job(job).status is Status.ACCEPTED


def test_a_job_is_given_to_one_machine(under_test):
    job = under_test.submit()
    under_test.send()
    attempt, change = under_test.registry.begin("awi", "a", job)
    assert (attempt.epoch, attempt.number, change.job) == (1, 1, job)
    assert attempt.request == b'{"process":"trend","inputs":{"years":[1990]},"outputs":{"result":"application/json"}}'
    again, _ = under_test.registry.begin("awi", "a", job)
    assert (again.epoch, again.number) == (1, 1)
    assert under_test.registry.begin("awi", "b", job) is None
    assert under_test.registry.begin("gfz", "a", job) is None
    assert under_test.job(job).status is Status.RUNNING
    holding = AttemptClaim(Ref(job, 1), "a")
    assert under_test.registry.holds("awi", holding)
    assert not under_test.registry.holds("gfz", holding)
    assert not under_test.registry.holds("awi", AttemptClaim(Ref(job, 1), "b"))
    assert not under_test.registry.holds("awi", AttemptClaim(Ref(job, 2), "a"))


def test_a_job_that_was_dismissed_is_not_begun(under_test):
    job = under_test.submit()
    under_test.send()
    under_test.store.dismiss(job)
    assert under_test.registry.begin("awi", "a", job) is None


def test_places_in_the_queue_are_counted(under_test):
    jobs = [under_test.submit() for _ in range(ROOM)]
    with pytest.raises(Exception, match="3 jobs wait already"):
        under_test.submit()
    under_test.send()
    under_test.registry.begin("awi", "a", jobs[0])
    under_test.submit()
    with pytest.raises(Exception, match="3 jobs wait already"):
        under_test.submit()


def test_a_machine_that_is_heard_of_keeps_its_jobs(under_test):
    job = under_test.submit()
    under_test.send()
    under_test.registry.begin("awi", "a", job)
    ref = Ref(job, 1)
    for _ in range(3):
        age(under_test.url, 40.0)
        assert under_test.registry.renew("awi", "a", [ref]).gone == ()
        under_test.leases.exchange(StoreRequest(takes_over=True, runs=[]))
        assert under_test.job(job).status is Status.RUNNING


def lost(under_test: RegistryUnderTest, job: str) -> None:
    """A machine has a job and is not heard of."""
    under_test.send()
    under_test.registry.begin("awi", "a", job)
    age(under_test.url, 60.0)
    under_test.leases.exchange(StoreRequest(takes_over=True, runs=[]))


def test_the_jobs_of_a_machine_that_is_not_go_back_to_the_queue(under_test):
    job = under_test.submit()
    lost(under_test, job)
    assert under_test.job(job).status is Status.ACCEPTED
    assert under_test.send() == [job]
    attempt, _ = under_test.registry.begin("awi", "b", job)
    assert (attempt.epoch, attempt.number) == (2, 2)
    # the first machine has it no more
    assert under_test.registry.renew("awi", "a", [Ref(job, 1)]).gone == (Ref(job, 1),)
    late = under_test.leases.exchange(StoreRequest({Ref(job, 1): Ended(Status.SUCCESSFUL, 100, "late")}))
    assert late.refused == [Ref(job, 1)]


def test_a_machine_that_was_thought_lost_keeps_what_nobody_else_has_begun(under_test):
    job = under_test.submit()
    lost(under_test, job)
    renewal = under_test.registry.renew("awi", "a", [Ref(job, 1)])
    assert (renewal.revived, renewal.gone) == ((Ref(job, 1),), ())
    assert (under_test.job(job).status, under_test.job(job).attempt) == (Status.RUNNING, 1)
    assert under_test.registry.begin("awi", "b", job) is None
    # its place in the queue is free once, not twice
    for _ in range(ROOM):
        under_test.submit()
    with pytest.raises(Exception, match="jobs wait already"):
        under_test.submit()


def test_one_that_must_not_run_twice_fails_where_its_machine_is_lost(under_test):
    job = under_test.submit(attempts=1)
    lost(under_test, job)
    assert under_test.job(job).status is Status.FAILED
    assert under_test.registry.renew("awi", "a", [Ref(job, 1)]).gone == (Ref(job, 1),)


@pytest.mark.parametrize("is_sent", [True, False])
def test_a_job_waits_as_long_as_it_may(under_test, is_sent):
    short, long = under_test.submit(wait=100.0), under_test.submit(wait=1000.0)
    if is_sent:
        under_test.send()
    assert under_test.registry.give_up() == []
    age(under_test.url, 100.0)
    assert [change.job for change in under_test.registry.give_up()] == [short]
    failed = under_test.job(short)
    assert (failed.status, failed.failure.reason) == (Status.FAILED, "waited")
    assert "'awi' was away" in failed.message
    assert under_test.job(long).status is Status.ACCEPTED
    assert under_test.registry.begin("awi", "a", short) is None


def test_what_a_site_offers_is_what_it_offered_last(under_test):
    for title in ("first", "second"):
        process = {"id": "trend", "description": {"title": title}, "limits": {}}
        under_test.registry.enrol("awi", Announcement(machine="a", processes=(process,)))
    (site,) = under_test.registry.sites()
    assert site.announcement.processes[0]["description"]["title"] == "second"
    assert site.is_present()
    assert site.is_known()


def test_a_site_that_says_goodbye_is_away_until_it_is_heard_of_again(under_test):
    under_test.registry.enrol("awi", Announcement.from_json(said()))
    ref = begun(under_test)
    under_test.registry.depart("awi")
    # what it has in hand it finishes, and keeps
    assert under_test.registry.renew("awi", "a", [ref], leaves=True) == Renewal()
    (site,) = under_test.registry.sites()
    assert (site.is_present(), site.is_known()) == (False, True)
    under_test.registry.renew("awi", "b", [])
    (site,) = under_test.registry.sites()
    assert site.is_present()


def test_a_site_is_there_as_long_as_one_of_its_machines_takes_jobs():
    attendance = Attendance()
    assert not attendance.is_present("awi")
    for machine in ("a", "b"):
        attendance.hear("awi", machine)
    attendance.hear("awi", "a", leaves=True)
    assert attendance.is_present("awi")
    attendance.hear("awi", "b", leaves=True)
    assert (attendance.is_present("awi"), attendance.is_heard("awi", 60.0)) == (False, True)
    attendance.hear("awi", "a")
    assert attendance.is_present("awi")


def test_the_list_of_a_service_has_what_another_of_its_processes_was_told(under_test):
    here, there = (
        LiveCatalogue(catalogue(), Datasets({}), Policy(own="http://hub"), under_test.store.sites) for _ in range(2)
    )
    assert here.now() is here.now()
    assert "awi.shout" not in there.now().catalogue
    under_test.registry.enrol("awi", Announcement.from_json(said()))
    assert "awi.shout" in here.latest().catalogue
    assert "awi.shout" in there.latest().catalogue
    assert there.now() is there.latest()


def said(**changes):
    """What a site announces, with changes."""
    (entry,) = [each for each in catalogue().values() if each.id == "shout"]
    process = {"id": entry.id, "description": entry.description, "limits": entry.limits.to_json()}
    announced = Announcement("a", (process,), {"sst": {"kind": "grid", "title": "Sea"}})
    document = json.loads(json.dumps(announced.to_json()))
    for path, value in changes.items():
        *way, last = path.split("__")
        place = document
        for step in way:
            place = place[int(step) if step.isdecimal() else step]
        place[last] = value
    return document


def test_an_announcement_is_taken_as_it_was_made():
    assert read_announcement("awi", said(), ()).to_json() == said()


@pytest.mark.parametrize(
    ("site", "changes", "words"),
    [
        ("A.wi", {}, "small letters"),
        ("jobs", {}, "has a meaning of its own at this hub"),
        ("awi", {"processes__0__id": "a.b"}, "is not an id of a process"),
        ("awi", {"processes__0__id": "../x"}, "is not an id of a process"),
        ("awi", {"processes__0__limits": {"timeout": -1}}, "timeout is -1"),
        ("awi", {"processes__0__limits": {"unheard": 1}}, "unheard"),
        ("awi", {"processes__0__description__title": 3}, "has no title that can be read"),
        ("awi", {"processes__0__description__keywords": "x"}, "has no keywords that can be read"),
        ("awi", {"processes__0__description__inputs": []}, "has no inputs that can be read"),
        ("awi", {"processes__0__description__inputs__text": {}}, "has no inputs.text that can be read"),
        ("awi", {"processes__0__description__outputs": {"result": 1}}, "has no outputs.result that can be read"),
        ("awi", {"processes__0__description": None}, "does not understand the announcement"),
        ("awi", {"processes": 3}, "does not understand the announcement"),
        ("awi", {"datasets__sst": {"kind": "song", "title": "x"}}, "song"),
        ("awi", {"datasets__sst": "x"}, "does not understand the announcement"),
        ("awi", {"processes__0__description__description": "x" * 600_000}, "take more than 500000 bytes"),
    ],
)
def test_an_announcement_that_would_harm_the_hub_is_refused(site, changes, words):
    with pytest.raises(AnnouncementError, match=words):
        read_announcement(site, said(**changes), ("jobs",))


@pytest.mark.parametrize("file", ["../x", "a/b", "", ".", "..", "/etc/passwd", "x" * 300])
def test_a_file_that_leads_elsewhere_is_refused(file):
    artefact = {"output": "result", "media_type": "text/plain", "file": file, "value": None, "size": 1}
    with pytest.raises(ValueError, match="is not a name of a file"):
        read_artefacts(json.dumps([artefact]))


@pytest.mark.parametrize(
    "href", ["javascript:alert(1)", "/etc/passwd", "https://", "https://a.org/x y", "http://a/\r\nX: y"]
)
def test_an_address_that_leads_nowhere_is_refused(href):
    artefact = {"output": "result", "media_type": "text/plain", "file": None, "value": None, "size": 1, "href": href}
    with pytest.raises(ValueError, match="which is not an address"):
        read_artefacts(json.dumps([artefact]))


def begun(under_test: RegistryUnderTest) -> Ref:
    """A job that a machine has in hand."""
    job = under_test.submit()
    under_test.send()
    assert under_test.registry.begin("awi", "a", job) is not None
    return Ref(job, 1)


def test_a_hub_knows_what_becomes_of_results_that_stay(under_test):
    artefact = Artefact("result", "text/csv", None, None, 9, "https://data.example.org/results/1/result")
    refs = {name: begun(under_test) for name in ("kept", "brought", "running", "overtaken")}
    for name, artefacts in (("kept", [artefact.to_json()]), ("brought", [])):
        end = Ended(Status.SUCCESSFUL, 100, "", compact(artefacts))
        under_test.leases.exchange(StoreRequest({refs[name]: end}))
    asked = {**refs, "overtaken": Ref(refs["overtaken"].job, 2), "removed": Ref(str(uuid.uuid4()), 1)}
    fate = under_test.registry.fate("awi", asked.values())
    assert fate == RetentionReply(
        frozenset({refs["kept"]}), frozenset({refs["brought"], asked["overtaken"], asked["removed"]})
    )
    assert RetentionReply.from_json(json.loads(json.dumps(fate.to_json()))) == fate
    assert under_test.registry.fate("gfz", asked.values()).settled == frozenset()
    under_test.store.dismiss(refs["kept"].job)
    assert refs["kept"] in under_test.registry.fate("awi", asked.values()).gone


def test_what_waited_in_vain_is_counted(store_url):
    under_test = RegistryUnderTest(store_url, lease=60.0, counts=True)
    job = under_test.submit(wait=100.0)
    age(store_url, 100.0)
    (change,) = under_test.registry.give_up()
    assert (change.job, change.is_done) == (job, True)
    (outcome,) = under_test.store.figures().outcomes
    assert (outcome.queue, outcome.status, outcome.reason, outcome.count) == ("awi", "failed", "waited", 1)


def test_a_transfer_token_is_used_once(under_test):
    ref = Ref(str(uuid.uuid4()), 1)
    first, second = under_test.transfer_tokens.give(TransferToken(ref, "a.nc", 10), TransferToken(ref, None, None))
    assert under_test.transfer_tokens.use("x" * 43) is None
    assert under_test.transfer_tokens.use(first) == TransferToken(ref, "a.nc", 10)
    assert under_test.transfer_tokens.use(first) is None
    assert under_test.transfer_tokens.use(second) == TransferToken(ref, None, None)
