"""PROJ stays off the network, whatever the environment of a process allows."""

import os

from moorage_processes.network.proj import keep_proj_offline
from pyproj.network import is_network_enabled, set_network_enabled


def test_a_process_that_has_used_proj_is_offline_from_then_on(monkeypatch):
    monkeypatch.setenv("PROJ_NETWORK", "ON")
    set_network_enabled(active=True)
    keep_proj_offline()
    assert not is_network_enabled()
    assert os.environ["PROJ_NETWORK"] == "OFF"
