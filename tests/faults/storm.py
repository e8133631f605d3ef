"""One storm: jobs of all kinds are submitted while parts of the service are killed, cut off, starved and put to sleep.

``python tests/faults/storm.py --seed 7 --jobs 300 --store postgresql --sites`` runs one and prints what came of it; the
same seed draws the same jobs and the same faults in the same order.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

import requests
from storm_service import Fault, StormService, storm_service
from support.patience import patience
from support.service_client import AS_JOB, DONE, ServiceClient
from support.waiting import NeverTrueError, eventually

PATIENCE = patience(180.0)
"""Seconds within which all jobs are done once the storm is over."""
ANSWER = 20.0


@dataclass(frozen=True)
class Kind:
    """One kind of job, and how it may end."""

    process: str
    inputs: dict[str, Any]
    value: Any = None
    """What it gives; None where it fails."""
    size: int | None = None
    """Bytes of the file it gives, where it gives one."""
    reasons: tuple[str, ...] = ()
    """How its message may begin where it does what it is made for, and fails."""


@dataclass
class SubmittedJob:
    """One job that was answered with 201."""

    url: str
    kind: Kind
    is_dismissed: bool = False
    told: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class InjectedFault:
    """A fault, and how long it was until a job that was submitted after it was done."""

    fault: str
    seconds: float


@dataclass
class Log:
    """What came of a storm."""

    seed: int
    submitted: list[SubmittedJob] = field(default_factory=list)
    turned_away: Counter[str] = field(default_factory=Counter)
    injected: list[InjectedFault] = field(default_factory=list)
    wrongs: list[str] = field(default_factory=list)

    def report(self) -> str:
        """For people."""
        ends = Counter(each.told.get("status", "?") for each in self.submitted)
        lines = [
            f"seed {self.seed}: {len(self.submitted)} jobs accepted, {dict(ends)}; refused {dict(self.turned_away)}"
        ]
        for fault in sorted({each.fault for each in self.injected}):
            times = sorted(each.seconds for each in self.injected if each.fault == fault)
            lines.append(f"  {fault:32} {len(times):3} times, a new job done after {times[0]:.1f} to {times[-1]:.1f} s")
        return "\n".join([*lines, *(f"  WRONG: {each}" for each in self.wrongs)])


def kinds(dice: random.Random) -> Kind:
    """A job, drawn."""
    number = dice.randrange(1000)
    pause = dice.choice([0.0, 0.0, 0.05, 0.2, 1.0])
    drawn = dice.random()
    if drawn < 0.35:
        return Kind("slow-sum", {"numbers": [number, 1.0], "pause": pause}, value=number + 1.0)
    if drawn < 0.7:
        size = dice.randrange(1, 100_000)
        return Kind("content", {"size": size}, size=size)
    if drawn < 0.85:
        return Kind("steps", {"fractions": [0.2, 0.4, 0.9], "pause": pause}, value=3)
    if drawn < 0.9:
        return Kind("segfault", {}, reasons=("ended its process by signal SIGSEGV",))
    if drawn < 0.95:
        return Kind("too-slow", {}, reasons=("took longer than its limit of 1 s",))
    return Kind("fail", {}, reasons=("failed; its operator finds the reason",))


ANY_REASON = ("the service was killed while", "could not be stored", "was interrupted")
"""Why any job may fail in a storm: it was begun three times and lost each time, or the disk was full."""


class Storm:
    """One storm over one service.

    Parameters
    ----------
    service : that it strikes.
    seed : of the dice.
    jobs : how many are submitted.
    """

    def __init__(self, service: StormService, seed: int, jobs: int) -> None:
        self._service = service
        self._jobs = jobs
        self._log = Log(seed)
        self._dice = random.Random(seed)
        self._is_over = threading.Event()

    def run(self) -> Log:
        """Let it blow, wait until all is calm, and look at what is left."""
        submitter = threading.Thread(target=self._submit_all, args=(random.Random(self._log.seed + 1),))
        submitter.start()
        faults = self._service.faults()
        # each of them once, in any order, and then by chance
        order = self._dice.sample(faults, len(faults))
        while submitter.is_alive() or order:
            self._strike(order.pop() if order else self._dice.choice(faults))
        submitter.join()
        self._calm()
        return self._log

    def _strike(self, fault: Fault) -> None:
        began = time.monotonic()
        fault.strike(self._dice)
        self._probe()
        self._log.injected.append(InjectedFault(fault.name, time.monotonic() - began))
        time.sleep(self._dice.random())

    def _probe(self) -> None:
        """Return when a job that was submitted now is done."""
        deadline = time.monotonic() + PATIENCE
        try:
            eventually(lambda: self._is_served(deadline), within=PATIENCE)
        except NeverTrueError:
            self._log.wrongs.append("no job was done any more")

    def _is_served(self, deadline: float) -> bool:
        with suppress(requests.RequestException):
            job = self._post(Kind("slow-sum", {"numbers": [1.0]}, value=1.0), self._dice)
            if job is not None:
                self._await(job, deadline)
                return True
        time.sleep(0.1)
        return False

    def _submit_all(self, dice: random.Random) -> None:
        with ThreadPoolExecutor(4) as pool:
            for _ in range(self._jobs):
                kind = kinds(dice)
                pool.submit(self._submit, kind, random.Random(dice.random()))
                time.sleep(dice.random() * 2 * self._service.prefetch)

    def _submit(self, kind: Kind, dice: random.Random) -> None:
        try:
            job = self._post(kind, dice)
            if job is not None and dice.random() < 0.1:
                time.sleep(dice.random())
                # one that was done before is removed; what came of it is not known where no answer comes
                job.is_dismissed = True
                job.is_dismissed = requests.delete(job.url, timeout=ANSWER).ok
        except requests.RequestException as error:
            self._log.turned_away[type(error).__name__] += 1

    def _post(self, kind: Kind, dice: random.Random) -> SubmittedJob | None:
        client = ServiceClient(dice.choice(self._service.urls()), timeout=ANSWER)
        process = f"{self._service.prefix(dice)}{kind.process}"
        answer = client.execute(process, {"inputs": kind.inputs}, **AS_JOB)
        if answer.status_code != 201:
            self._log.turned_away[str(answer.status_code)] += 1
            if answer.status_code != 503:
                self._log.wrongs.append(f"{process} at {client.url}: {answer.status_code}: {answer.text[:200]}")
            return None
        job = SubmittedJob(answer.headers["Location"], kind)
        self._log.submitted.append(job)
        return job

    def _await(self, job: SubmittedJob, deadline: float) -> None:
        """Follow a job; what is not done by then tells of itself what is wrong."""
        with suppress(NeverTrueError):
            eventually(lambda: self._is_done(job), within=deadline - time.monotonic())

    def _is_done(self, job: SubmittedJob) -> bool:
        with suppress(requests.RequestException):
            answer = requests.get(self._service.anywhere(job.url), timeout=ANSWER)
            if answer.status_code == 404 and job.is_dismissed:
                job.told = {"status": "removed"}
                return True
            if answer.ok:
                job.told = answer.json()
                return job.told["status"] in DONE
        return False

    def _calm(self) -> None:
        """All is repaired: every job must be done, truly."""
        deadline = time.monotonic() + PATIENCE
        for job in self._log.submitted:
            self._await(job, deadline)
            self._log.wrongs += self._wrongs(job)
        self._log.wrongs += self._service.wrongs([each.url for each in self._log.submitted])

    def _wrongs(self, job: SubmittedJob) -> list[str]:
        status, message = job.told.get("status"), job.told.get("message", "")
        where = f"{job.kind.process} {job.url}: {status} {message!r}"
        if status in ("dismissed", "removed"):
            return [] if job.is_dismissed else [where]
        if status == "failed":
            is_true = any(words in message for words in (*job.kind.reasons, *ANY_REASON))
            return [] if is_true else [where]
        if status != "successful" or job.kind.reasons:
            return [where]
        return self._wrong_results(job, where)

    def _wrong_results(self, job: SubmittedJob, where: str) -> list[str]:
        if job.kind.size is None:
            got = requests.get(f"{self._service.anywhere(job.url)}/results", timeout=ANSWER)
            return [] if got.ok and json.loads(got.text) == job.kind.value else [f"{where}: {got.text[:100]}"]
        got = requests.get(f"{self._service.anywhere(job.url)}/results/result", timeout=ANSWER)
        is_right = got.ok and got.content == b"x" * job.kind.size
        return (
            []
            if is_right
            else [f"{where}: {got.status_code}, {len(got.content)} of {job.kind.size}: {got.content[:250]!r}"]
        )


def main() -> None:
    """Run one from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--store", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--sites", action="store_true")
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        service = stack.enter_context(storm_service(folder, asked.store, sites=asked.sites))
        log = Storm(service, asked.seed, asked.jobs).run()
    print(log.report())
    sys.exit(bool(log.wrongs))


if __name__ == "__main__":
    main()
