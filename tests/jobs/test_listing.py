"""The job list: what it finds is what is there, whichever way the database goes to find it."""

from __future__ import annotations

import random
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from moorage_processes.jobs.job import JobQuery, ListPosition, Status
from moorage_processes.jobs.store import listing
from moorage_processes.jobs.store.database import microseconds
from moorage_processes.jobs.store.store import Store
from moorage_processes.jobs.store.tables import JOBS
from support.job_stores import STORES, new_store

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
PROCESSES = ("echo", "trend", "slope")
COUNT = 240


def row(rng: random.Random, number: int) -> dict:
    """A job that could be; several share a moment of creation."""
    status = rng.choice(list(Status))
    created = BEGIN + timedelta(seconds=number // 3)
    has_begun = status is not Status.ACCEPTED and not (status is Status.DISMISSED and rng.random() < 0.5)
    started = created + timedelta(seconds=1)
    finished = started + timedelta(seconds=rng.choice([0.5, 2, 10, 500]))
    return {
        "id": str(uuid.UUID(int=rng.getrandbits(128))),
        "process": rng.choice(PROCESSES),
        "queue": "local",
        "status": status.value,
        "created": microseconds(created),
        "started": microseconds(started) if has_begun else None,
        "finished": microseconds(finished) if status.is_done else None,
        "updated": microseconds(finished),
        "outputs": "{}",
        "answer": "{}",
        "limits": "{}",
        "listed": rng.random() < 0.9,
    }


@pytest.fixture(scope="module", params=STORES)
def store(tmp_path_factory, request):
    """A store of some jobs, and their rows."""
    url = new_store(request.param, tmp_path_factory.mktemp("listing"), request)
    made = Store(url)
    made.prepare()
    rng = random.Random(8)
    rows = [row(rng, number) for number in range(COUNT)]
    with sa.create_engine(url).begin() as connection:
        connection.execute(sa.insert(JOBS), rows)
    yield made, rows
    made.close()


def matches(row: dict, query: JobQuery) -> bool:
    """What the standard says of the filters."""
    return (
        row["listed"]
        and (not query.processes or row["process"] in query.processes)
        and (not query.statuses or row["status"] in query.statuses)
        and (not query.created_from or row["created"] >= microseconds(query.created_from))
        and (not query.created_to or row["created"] <= microseconds(query.created_to))
        and ((query.shortest is None and query.longest is None) or ran(row, query))
    )


def ran(row: dict, query: JobQuery) -> bool:
    """Whether a job ran for as long as asked, up to now where it has not ended."""
    if row["started"] is None:
        return False
    end = row["finished"] if row["finished"] is not None else microseconds(datetime.now(UTC))
    seconds = (end - row["started"]) / 1e6
    return (query.shortest or 0) <= seconds <= (float("inf") if query.longest is None else query.longest)


def some_query(rng: random.Random) -> JobQuery:
    """A query with some of the filters."""
    maybe = lambda value: value if rng.random() < 0.5 else None  # noqa: E731
    return JobQuery(
        processes=tuple(rng.sample(PROCESSES, rng.randint(0, 2))),
        statuses=tuple(rng.sample(list(Status), rng.randint(0, 2))),
        created_from=maybe(BEGIN + timedelta(seconds=rng.randint(0, 40))),
        created_to=maybe(BEGIN + timedelta(seconds=rng.randint(30, 90))),
        shortest=maybe(rng.choice([0.0, 1.0, 5.0, 100.0])),
        longest=maybe(rng.choice([1.0, 5.0, 100.0, 1e9])),
        limit=rng.randint(1, 30),
        offset=rng.choice([0, 0, 5]),
    )


@pytest.mark.parametrize("few", [1000, 0, 5], ids=["few", "many", "between"])
def test_any_filters_find_what_is_there_newest_first(store, monkeypatch, few):
    monkeypatch.setattr(listing, "FEW", few)
    made, rows = store
    rng = random.Random(few)
    for _ in range(150):
        query = some_query(rng)
        expected = [each["id"] for each in newest_first(rows) if matches(each, query)]
        ids, has_more = page(made, query)
        last = query.offset + query.limit
        assert ids == expected[query.offset : last], query
        assert has_more == (len(expected) > last), query


def test_pages_by_place_give_each_job_once(store):
    made, rows = store
    seen, query = [], JobQuery(limit=7, processes=("echo", "trend"))
    while True:
        with made._database.begin() as connection:
            found = listing.page_of(connection, query)
        shown = found[:7]
        seen += [each["id"] for each in shown]
        if len(found) <= 7:
            break
        last = shown[-1]
        query = replace(
            query, after=ListPosition(BEGIN + timedelta(microseconds=last["created"] - microseconds(BEGIN)), last["id"])
        )
    assert seen == [each["id"] for each in newest_first(rows) if matches(each, replace(query, after=None))]


def test_each_filter_is_answered_through_an_index(store, monkeypatch):
    monkeypatch.setattr(listing, "FEW", 5)
    made, _ = store
    queries = {
        "jobs_listed": JobQuery(created_to=BEGIN + timedelta(seconds=50)),
        "jobs_by_status": JobQuery(statuses=(Status.FAILED,)),
        "jobs_by_process": JobQuery(processes=("echo",), statuses=(Status.FAILED, Status.SUCCESSFUL)),
        "jobs_by_duration": JobQuery(statuses=(Status.FAILED,), shortest=1e6),
        "jobs_by_process_and_duration": JobQuery(processes=("echo",), statuses=(Status.FAILED,), shortest=1e6),
    }
    for index, query in queries.items():
        told = plan(made, query)
        assert index in told or "Index" in told, query  # of several that serve, PostgreSQL takes any for so few rows
        assert "SCAN jobs\n" not in told, query
        assert "Seq Scan" not in told, query


EXPLAIN = {"sqlite": ("EXPLAIN QUERY PLAN", 3), "postgresql": ("EXPLAIN", 0)}
"""The words, and where in the answer it stands."""


def plan(store: Store, query: JobQuery) -> str:
    """How a database would go about a query; of so few rows PostgreSQL would rather read all."""
    told: list[str] = []

    def explain(connection, cursor, statement, parameters, context, executemany):
        if statement.startswith("SELECT"):
            words, column = EXPLAIN[connection.dialect.name]
            told.extend(str(step[column]) for step in connection.connection.execute(f"{words} {statement}", parameters))

    with store._database.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        sa.event.listen(connection, "before_cursor_execute", explain)
        listing.page_of(connection, query)
    return "\n".join(told) + "\n"


def newest_first(rows: list[dict]) -> list[dict]:
    """In the order of the list."""
    return sorted(rows, key=lambda each: (each["created"], each["id"]), reverse=True)


def page(store: Store, query: JobQuery) -> tuple[list[str], bool]:
    """The ids of a page, and whether others follow."""
    with store._database.begin() as connection:
        rows = listing.page_of(connection, query)
    return [each["id"] for each in rows[: query.limit]], len(rows) > query.limit
