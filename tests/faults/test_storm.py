"""Storms: whatever breaks, in whatever order, each job that was answered with 201 has one true end."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest
from storm import Storm
from storm_service import storm_service
from support.job_stores import STORES

# at most one at a time: each takes disks, the network and processes away
pytestmark = [pytest.mark.starts, pytest.mark.xdist_group("storms")]
JOBS = int(os.environ.get("MOORAGE_STORM", "80"))
SEED = int(os.environ.get("MOORAGE_SEED") or random.randrange(10**6))
"""``MOORAGE_SEED`` repeats a storm, which prints its own; ``MOORAGE_STORM`` makes it longer."""


def storms() -> list[tuple[str, bool]]:
    """Store and whether there are sites: all four with ``MOORAGE_DEEP``, else one without sites and one with.

    Which of the two has which store depends on the commit, so that each is seen every few commits.
    """
    if os.environ.get("MOORAGE_DEEP"):
        return [(store, sites) for store in STORES for sites in (False, True)]
    command = ["git", "rev-parse", "HEAD"]
    told = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False).stdout
    first = int(told.strip() or "0", 16) % 2
    return [(STORES[first], False), (STORES[1 - first], True)]


@pytest.mark.parametrize(("store", "sites"), storms(), ids=lambda each: each if each in STORES else f"sites={each}")
def test_each_job_has_one_true_end(tmp_path, store, sites):
    with storm_service(tmp_path, store, sites=sites) as service:
        log = Storm(service, SEED, JOBS).run()
    print(log.report())
    assert not log.wrongs, log.report()
    assert len(log.submitted) > JOBS / 2
    assert {each.fault for each in log.injected} == {each.name for each in service.faults()}
