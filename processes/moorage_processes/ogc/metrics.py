"""The figures of the engine for Prometheus, read from the store at each request and so the same from every process."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from moorage_processes.jobs.store.counters import BOUNDS, NEVER
from moorage_processes.jobs.store.tables import SECOND

if TYPE_CHECKING:
    from prometheus_client import Metric

    from moorage_processes.jobs.engine import Engine
    from moorage_processes.jobs.store.statistics import OutcomeCount, QueueStatistics

KIND = ("queue", "process", "kind")
"""Whose jobs, of which process, and whether they are jobs or calls that were waited for."""


def metrics_blueprint(engine: Engine) -> Blueprint:
    """``/metrics``."""
    routes = Blueprint("metrics", __name__)

    def metrics() -> Response:
        """All figures, in the text that is asked for."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collected(list(families(engine))))
        encode, media_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(registry), content_type=media_type, headers={"Cache-Control": "no-store"})

    routes.add_url_rule("/metrics", "metrics", metrics, methods=["GET"])
    return routes


class _Collected(Collector):
    """What was read before, so that an error of the store is told as such."""

    def __init__(self, found: Iterable[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterable[Metric]:
        return self._found


def families(engine: Engine) -> Iterator[Metric]:
    """Every metric with its present values.

    Raises
    ------
    Unavailable
        where the store does not answer.
    """
    figures = engine.figures()
    yield InfoMetricFamily("moorage", "The service.", {"version": version("moorage")})
    yield GaugeMetricFamily("moorage_state_free_bytes", "Room left where results are kept.", engine.room())
    yield from _of_queues(figures.queues)
    yield from _of_outcomes(figures.outcomes)


def _of_queues(queues: Iterable[QueueStatistics]) -> Iterator[Metric]:
    waiting = GaugeMetricFamily("moorage_jobs_waiting", "Jobs that wait to be begun.", labels=["queue"])
    running = GaugeMetricFamily("moorage_jobs_running", "Jobs that run.", labels=["queue"])
    oldest = GaugeMetricFamily("moorage_oldest_wait_seconds", "How long the oldest has waited.", labels=["queue"])
    for queue in queues:
        waiting.add_metric([queue.name], queue.waiting)
        running.add_metric([queue.name], queue.running)
        oldest.add_metric([queue.name], queue.oldest)
    yield from (waiting, running, oldest)


def _of_outcomes(outcomes: Iterable[OutcomeCount]) -> Iterator[Metric]:
    ended: defaultdict[tuple[str, ...], int] = defaultdict(int)
    alike: defaultdict[tuple[str, ...], list[OutcomeCount]] = defaultdict(list)
    for outcome in outcomes:
        kind = (outcome.queue, outcome.process, outcome.kind)
        ended[*kind, outcome.status, outcome.reason] += outcome.count
        alike[kind].append(outcome)
    jobs = CounterMetricFamily(
        "moorage_jobs", "Jobs and calls that came to an end.", labels=[*KIND, "status", "reason"]
    )
    for labels, count in ended.items():
        jobs.add_metric(labels, count)
    durations = HistogramMetricFamily("moorage_duration_seconds", "How long they ran.", labels=KIND)
    waits = SummaryMetricFamily("moorage_wait_seconds", "How long they waited to be begun.", labels=KIND)
    sizes = CounterMetricFamily("moorage_artefact_bytes", "Bytes of results that jobs gave.", labels=KIND)
    for labels, group in alike.items():
        ran = [outcome for outcome in group if outcome.bound != NEVER]
        durations.add_metric(labels, _buckets(ran), sum(outcome.ran for outcome in ran) / SECOND)
        waits.add_metric(labels, sum(outcome.count for outcome in ran), sum(outcome.waited for outcome in ran) / SECOND)
        sizes.add_metric(labels, sum(outcome.size for outcome in group))
    yield from (jobs, durations, waits, sizes)


def _buckets(outcomes: Iterable[OutcomeCount]) -> list[tuple[str, float]]:
    """How many ran up to each duration, as Prometheus has it: each bound counts all below it."""
    counted = [(outcome.bound, outcome.count) for outcome in outcomes]
    below = [(str(bound / SECOND), sum(count for each, count in counted if each <= bound)) for bound in BOUNDS]
    return [*below, ("+Inf", sum(count for _, count in counted))]
