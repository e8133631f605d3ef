"""The echo process as the compliance suite sees it."""

from __future__ import annotations

import pytest
from cite_requests import Suite
from exchange import get


@pytest.fixture(scope="session")
def suite(url: str) -> Suite:
    """The requests made from its description."""
    return Suite(get(f"{url}/processes/echo", Accept="application/json").json())
