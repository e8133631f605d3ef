"""Failures are printed as they happen where ``CI`` is set: a run that is cut off has then said why."""

from __future__ import annotations

import os

import pytest


class PrintedAtOnce:
    """A plugin that prints each failure at once, in the process that reports.

    Parameters
    ----------
    config : of the run.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Print the report of a test that failed, or whose fixtures did."""
        printer = self._config.pluginmanager.get_plugin("terminalreporter")
        if report.failed and printer is not None:
            printer.write_line(f"\n{report.when} of {report.nodeid} failed:\n{report.longreprtext}")


def print_failures_at_once(config: pytest.Config) -> None:
    """Register the plugin where it is wanted; the workers of pytest-xdist report to another process."""
    if os.environ.get("CI") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(PrintedAtOnce(config))
