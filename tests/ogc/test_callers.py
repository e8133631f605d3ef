"""Callers are told apart in one place, and none of them has all places for calls."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from moorage_processes.authoring.limits import Limits
from moorage_processes.configuration.configuration import ConfigurationError, read_configuration
from moorage_processes.jobs.attempt import Attempt
from moorage_processes.jobs.fairness import most_for_one
from moorage_processes.jobs.supervisor.call_queue import CallQueue
from moorage_processes.jobs.supervisor.task import Task
from moorage_processes.ogc.places import Places
from moorage_processes.ogc.requests.caller import Callers
from support.patience import PATIENCE
from support.waiting import eventually

# who a caller is


@pytest.mark.parametrize(
    ("peer", "forwarded", "caller"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        # a peer that is not trusted says what it likes
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("10.1.2.3", "198.51.100.7", "198.51.100.7"),
        ("10.1.2.3", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("10.1.2.3", "198.51.100.7, 10.1.9.9", "198.51.100.7"),
        ("10.1.2.3", "198.51.100.7:4711", "198.51.100.7"),
        ("10.1.2.3", "[2001:db8:1:2::9]:80", "2001:db8:1:2::/64"),
        ("10.1.2.3", "", "10.1.2.3"),
        ("10.1.2.3", "unknown", "10.1.2.3"),
        ("10.1.2.3", "198.51.100.7, _hidden", "10.1.2.3"),
        ("::1", "198.51.100.7", "198.51.100.7"),
        ("::ffff:10.1.2.3", "198.51.100.7", "198.51.100.7"),
        ("::ffff:192.0.2.1", "", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "", "fe80::/64"),
        ("", "", ""),
    ],
)
def test_a_caller_is_the_peer_or_whom_a_trusted_proxy_names(peer, forwarded, caller):
    assert Callers(("10.1.0.0/16", "::1")).of(peer, forwarded) == caller


def test_without_trusted_proxies_nobody_is_believed():
    assert Callers().of("127.0.0.1", "198.51.100.7") == "127.0.0.1"


@pytest.mark.parametrize("wrong", ["10.0.0.0/16", ["proxy.example.org"], ["10.0.0.300"]])
def test_proxies_are_addresses_and_networks(wrong):
    with pytest.raises(ConfigurationError, match=r"moorage.trusted_proxies: .*addresses and networks"):
        read_configuration({"server": {}, "moorage": {"trusted_proxies": wrong}})


# places


def test_one_caller_never_has_all_places():
    places = Places(6)
    first = [places.place("a") for _ in range(5)]
    assert [each.__enter__() for each in first] == [True] * 4 + [False]
    second = [places.place("b") for _ in range(3)]
    assert [each.__enter__() for each in second] == [True, True, False]
    for each in first:
        each.__exit__(None, None, None)
    with places.place("b") as is_free:
        assert is_free


def task(caller: str, number: int) -> Task:
    return Task(Attempt(str(number), "echo", Limits(), "{}"), answer=lambda *_: None, caller=caller, came=number)


@given(places=st.integers(1, 8), names=st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=30))
def test_places_go_to_whoever_has_the_fewest_and_nobody_has_too_many(places, names):
    queue, running, ended = CallQueue(places), [], []
    for number, name in enumerate(names):
        queue.append(task(name, number))
    while queue or running:
        waiting = {each.caller for each in queue}
        found = queue.next(iter(running))
        if found is None:
            # nobody may begin who waits
            counts = {name: sum(each.caller == name for each in running) for name in waiting}
            assert len(running) == places or all(count == most_for_one(places) for count in counts.values())
            ended.append(running.pop(0))
            continue
        have = {name: sum(each.caller == name for each in running) for name in waiting}
        assert have[found.caller] == min(have.values())
        running.append(found)
    assert sorted(each.came for each in ended) == list(range(len(names)))
    for name in set(names):
        own = [each.came for each in ended if each.caller == name]
        assert own == sorted(own)


def test_calls_of_nobody_in_particular_have_all_places():
    queue = CallQueue(3)
    running = []
    for number in range(4):
        queue.append(task("", number))
    while (found := queue.next(running)) is not None:
        running.append(found)
    assert len(running) == 3


# a service, which believes this machine


def call(url: str, caller: str, process: str, **inputs: object) -> requests.Response:
    body = {"inputs": inputs}
    headers = {"X-Forwarded-For": caller}
    return requests.post(f"{url}/processes/{process}/execution", json=body, headers=headers, timeout=2 * PATIENCE)


def test_a_call_does_not_wait_for_all_those_of_another(service_url, tmp_path):
    with ThreadPoolExecutor(6) as crowd:
        slow = [
            crowd.submit(call, service_url, "192.0.2.1", "leave-trace", folder=str(tmp_path), pause=1.0)
            for _ in range(6)
        ]
        eventually(lambda: list(tmp_path.iterdir()))
        assert call(service_url, "192.0.2.2", "shout").json() == "HELLO"
        # in the order in which they came, all of them would have begun by now
        assert len(list(tmp_path.iterdir())) < len(slow)
        assert all(each.result().ok for each in slow)


def test_a_caller_who_asks_for_too_much_is_told_and_others_are_answered(service_url):
    with ThreadPoolExecutor(140) as crowd:
        many = [crowd.submit(call, service_url, "192.0.2.3", "slow-sum", numbers=[], pause=0.2) for _ in range(130)]
        eventually(lambda: any(each.done() and each.result().status_code == 503 for each in many))
        assert requests.get(f"{service_url}/healthz", timeout=PATIENCE).ok
        assert call(service_url, "192.0.2.4", "shout").json() == "HELLO"
        assert not all(each.done() for each in many)
        told = [each.result() for each in many]
    assert {each.status_code for each in told} == {200, 503}
    (refused, *_) = (each for each in told if each.status_code == 503)
    assert refused.json()["type"] == "Busy"
    assert int(refused.headers["Retry-After"]) > 0
