"""Storms: whatever breaks, in whatever order, each job that was answered with 201 has one true end."""

from __future__ import annotations

import os
import random

import pytest
from storm import Storm
from storm_service import storm_service
from support.job_stores import STORES

# at most one at a time: each takes disks, the network and processes away
pytestmark = [pytest.mark.starts, pytest.mark.xdist_group("storms")]
JOBS = int(os.environ.get("MOORAGE_STORM", "80"))
SEED = int(os.environ.get("MOORAGE_SEED") or random.randrange(10**6))
"""``MOORAGE_SEED`` repeats a storm, which prints its own; ``MOORAGE_STORM`` makes it longer."""


@pytest.mark.parametrize("sites", [False, True], ids=["alone", "with-sites"])
@pytest.mark.parametrize("store", STORES)
def test_each_job_has_one_true_end(tmp_path, store, sites):
    with storm_service(tmp_path, store, sites=sites) as service:
        log = Storm(service, SEED, JOBS).run()
    print(log.report())
    assert not log.wrongs, log.report()
    assert len(log.submitted) > JOBS / 2
    assert {each.fault for each in log.injected} == {each.name for each in service.faults()}
