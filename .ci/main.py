"""Run the parts of the check: ``.ci/run``, ``.ci/run deep``, ``.ci/run [deep] PART ...``, ``.ci/run --list``.

A plain run has every part that is not deep, and one deep part in turn, by the commit. ``MOORAGE_DEEP=1`` is the same as
``deep``. Exit codes: 0 all passed, 1 something failed, 2 an argument is not known.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import parts
from parts import Part
from running import Result, end_everything, run

BESIDE = ((("install",), ("newest-install",)), (("tests",), ("lint",)))
"""What runs side by side: groups of lanes, each lane in order."""
NEEDED = ("programs", "install")
"""Without these nothing can be checked."""
BUDGET = 85 * 60.0
"""Seconds of a plain run: CI ends it, without a word, at 90 minutes."""
ALONE = 360
MOST = 500
"""A service that does not come up fails all tests that share it; more failures are no matter of a busy machine."""


def main(arguments: list[str]) -> int:
    """Run what is named, or the plain run."""
    sys.stdout.reconfigure(line_buffering=True)
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, stop)
    deep, names = is_deep(arguments)
    known = {part.name: part for part in [*parts.plain(), *parts.deep()]}
    if set(names) & {"--list", "--help", "-h"}:
        tell(known)
        return 0
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"{unknown[0]!r} is no part of the check; there are deep, {', '.join(known)}", file=sys.stderr)
        return 2
    wanted = named(names, known) if names else whole() if deep else in_turn()
    began = time.monotonic()
    results = Check(float("inf") if deep or names else BUDGET).run(wanted)
    return close(results, time.monotonic() - began)


def stop(number: int, _frame: object) -> None:
    """End all that runs, and this."""
    end_everything()
    os._exit(128 + number)


def is_deep(arguments: list[str]) -> tuple[bool, list[str]]:
    """Whether a deep run is asked for, and the other arguments."""
    deep = os.environ.get("MOORAGE_DEEP", "") not in ("", "0") or arguments[:1] == ["deep"]
    return deep, arguments[1:] if arguments[:1] == ["deep"] else arguments


def tell(known: dict[str, Part]) -> None:
    """Describe the command and its parts."""
    print(__doc__)
    rotating = {part.name for part in parts.deep()}
    for part in known.values():
        kind = "in turn" if part.is_turn else "deep" if part.name in rotating else "plain"
        print(f"{part.name:16} {kind:8} at most {part.limit:4} s  {part.about}")


def named(names: list[str], known: dict[str, Part]) -> list[Part]:
    """The parts named, and the environments they need where those are not made yet."""
    first = [] if Path(".venv/bin/ruff").exists() else ["programs", "install"]
    if any(name.startswith("newest") for name in names) and not Path(".venv-newest/bin/python").exists():
        first.append("newest-install")
    return [known[name] for name in dict.fromkeys(first + names)]


def in_turn() -> list[Part]:
    """The plain run."""
    turns = [part for part in parts.deep() if part.is_turn]
    return [*parts.plain(), turns[parts.turn(len(turns))]]


def whole() -> list[Part]:
    """All there is; the storms and the benches in their long form only."""
    usual = [part for part in parts.plain() if part.name not in ("tests", "bench")]
    at = [part.name for part in usual].index("lint") + 1
    return [*usual[:at], parts.tests(deep=True), *usual[at:], *parts.deep()]


class Check:
    """One run of some parts.

    Parameters
    ----------
    budget : seconds for all of them.
    """

    def __init__(self, budget: float) -> None:
        self._end = time.monotonic() + budget
        self.results: list[Result] = []

    def run(self, wanted: list[Part]) -> list[Result]:
        """Run them in order, and beside each other what may be; what came of each."""
        waiting = list(wanted)
        while waiting:
            part = waiting.pop(0)
            lanes = lanes_of(part, waiting)
            taken = {each.name for lane in lanes for each in lane}
            waiting = [each for each in waiting if each.name not in taken]
            with ThreadPoolExecutor(len(lanes)) as pool:
                beside = [len(lanes) > 1] * len(lanes)
                for results in pool.map(self._lane, lanes, beside):
                    self.results += results
            if not all(each.is_good for each in self.results if each.name in NEEDED):
                break
        self.results += [Result(part.name, 0.0, "not run", is_good=False) for part in waiting]
        return self.results

    def _lane(self, lane: list[Part], prefixes: bool) -> list[Result]:  # noqa: FBT001 - for map
        return [result for part in lane for result in self._checked(part, f"{part.name} | " if prefixes else "")]

    def _checked(self, part: Part, prefix: str) -> list[Result]:
        """A part, and alone what failed beside other tests."""
        print(f"\n=== {part.name}: {part.about}", flush=True)
        result = run(part, limit=self._limit(part), prefix=prefix)
        print(f"=== {part.name}: {result.outcome} after {result.seconds:.0f} s", flush=True)
        failed = failures(part)
        if not result.outcome.startswith("failed with code 1") or not 0 < len(failed) <= MOST:
            return [result]
        return self._alone(part, result, failed, prefix)

    def _alone(self, part: Part, result: Result, failed: list[str], prefix: str) -> list[Result]:
        """Tests in which time matters share two cores with others: once more, alone; both are told."""
        # pytest knows them by other names here, without the groups
        forget, ids = f"rm {part.cache}/v/cache/lastfailed", shlex.join(failed)
        again = replace(
            part,
            name=f"{part.name} alone",
            command=f"{forget}\n{part.python} -m pytest -q -o cache_dir={part.cache} {ids}",
            environment={**part.environment, "PYTEST_ADDOPTS": ""},
        )
        print(f"\n=== {again.name}: {len(failed)} that failed, once more", flush=True)
        second = run(again, limit=min(ALONE, self._limit(part)), prefix=prefix)
        still = failures(part) if not second.is_good else []
        passed = [each for each in failed if each not in still] if second.counts else []
        told = f"passed when rerun alone: {', '.join(passed)}" if passed else result.outcome
        true = Counter(result.counts)
        true.subtract({"failed": len(failed), "passed": -len(passed)})
        # errors are failures too, and only the second run says which are true
        true["error"], true["failed"] = 0, len(failed) - len(passed)
        mended = replace(result, outcome=told, is_good=second.is_good, counts=+true)
        return [mended, replace(second, counts=Counter(rerun=len(failed)))]

    def _limit(self, part: Part) -> float:
        return max(1.0, min(part.limit, self._end - time.monotonic()))


def lanes_of(part: Part, waiting: list[Part]) -> list[list[Part]]:
    """A part, and those of *waiting* that run beside it."""
    group = next((group for group in BESIDE if any(part.name in lane for lane in group)), ((part.name,),))
    lanes = [[each for each in (part, *waiting) if each.name in lane] for lane in group]
    return [lane for lane in lanes if lane]


def failures(part: Part) -> list[str]:
    """Ids of the tests that failed in a part, without the groups that pytest-xdist adds."""
    told = Path(part.cache or "", "v/cache/lastfailed")
    if part.cache is None or not told.exists():
        return []
    return [
        each.rpartition("@")[0] if each.rfind("@") > each.rfind("]") else each for each in json.loads(told.read_text())
    ]


def close(results: list[Result], seconds: float) -> int:
    """Print the table and the totals; the exit code."""
    width = max(len(each.name) for each in results)
    print(f"\n{'part':{width}}  {'tests':>6}  {'seconds':>7}  outcome")
    for each in results:
        print(f"{each.name:{width}}  {each.tests:>6}  {each.seconds:7.0f}  {each.outcome}")
    totals: Counter[str] = sum((counted(each) for each in results), Counter())
    failed = totals["failed"] + totals["error"]
    told = {"failed": failed, **{word: totals[word] for word in ("passed", "skipped", "xfailed", "xpassed")}}
    words = ", ".join(f"{number} {word}" for word, number in told.items() if number)
    # as pytest ends, for people and programs that read that
    print(f"\n=== {words} in {seconds:.2f}s ===")
    skipped = f", {totals['skipped']} skipped" if totals["skipped"] else ""
    print(f"{totals['passed']} passed, {failed} failed{skipped}")
    return 1 if failed or not all(each.is_good for each in results) else 0


def counted(result: Result) -> Counter[str]:
    """What a part adds to the totals: its tests, or itself where it has none or failed without one that did."""
    if "rerun" in result.counts:
        return Counter()
    has_failure = bool(result.counts["failed"] + result.counts["error"])
    if result.is_good:
        return result.counts or Counter(passed=1)
    return result.counts + Counter(failed=0 if has_failure else 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
