"""How far each method is from an independent reference: checked by the tests, seen when they were last recorded."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
SEEN = HERE / "agreement.json"
Key = tuple[str, str]


@dataclass(frozen=True)
class Agreement:
    """The largest difference between a method and a reference, in the tests that compare them."""

    process: str
    reference: str
    """What it was compared with, as ``cdo trend``."""
    within: float
    """The largest difference that passes."""
    seen: float
    """The largest difference there was."""
    unit: str = ""

    @property
    def key(self) -> Key:
        """What tells one from another."""
        return self.process, self.reference


@dataclass
class Ledger:
    """The agreements seen in one run of the tests."""

    seen: dict[Key, Agreement] = field(default_factory=dict)

    def agrees(self, process: str, reference: str, ours: Any, theirs: Any, *, within: float, unit: str = "") -> None:
        """Fail where *ours* is missing elsewhere than *theirs*, or differs by more than *within*."""
        ours, theirs = np.broadcast_arrays(np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float))
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs), "missing elsewhere")
        difference = np.abs(ours - theirs)
        most = float(np.nanmax(difference)) if np.isfinite(difference).any() else 0.0
        assert most <= within, f"{process} differs from {reference} by {most:g} {unit}, more than {within:g}"
        before = self.seen.get((process, reference))
        if before is not None:
            most, within = max(most, before.seen), max(within, before.within)
        self.seen[process, reference] = Agreement(process, reference, within, most, unit)


def stored() -> dict[Key, Agreement]:
    """What was seen when the tests were last recorded."""
    rows = [Agreement(**row) for row in json.loads(SEEN.read_text())]
    return {row.key: row for row in rows}


def store(seen: Mapping[Key, Agreement]) -> None:
    """Record what was seen; what this run did not compare stays."""
    known = (stored() if SEEN.exists() else {}) | dict(seen)
    written = [known[key] for key in sorted(set(known) & set(compared()))]
    SEEN.write_text(json.dumps([asdict(row) for row in written], indent=1) + "\n")


def compared() -> dict[Key, str]:
    """Process and reference of all comparisons that stand in the tests, with the file of each."""
    return {key: file.name for file in sorted(HERE.glob("test_*.py")) for key in _calls(file)}


def _calls(file: Path) -> Iterator[Key]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "agrees":
            process, reference = (ast.literal_eval(argument) for argument in node.args[:2])
            yield process, reference
