"""An unmodified pygeoapi is driven like any other service."""

from __future__ import annotations

import mooring
import pytest


@pytest.fixture(scope="module")
def hub(pygeoapi_url):
    with mooring.connect(pygeoapi_url) as service:
        yield service


def test_a_process_is_called_like_a_function(hub):
    assert hub.hello_world(name="Ada") == "Hello Ada!"


def test_a_process_is_submitted(hub):
    job = hub.hello_world.submit(name="Ada", message="How are you?")
    assert job.result(timeout=60) == "Hello Ada! How are you?"
    assert job.status == "successful"
