"""A store of an earlier version is brought up to date with all that is in it; one of a later version is left alone."""

from __future__ import annotations

import re
import subprocess
import sys
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from moorage_processes.authoring.limits import Limits
from moorage_processes.execution.request import Request
from moorage_processes.jobs.files.state_directory import StateDirectoryError
from moorage_processes.jobs.job import JobQuery, Status, Submission
from moorage_processes.jobs.store import migrations, schema_version
from moorage_processes.jobs.store.database import Database
from moorage_processes.jobs.store.store import Store
from moorage_processes.jobs.store.tables import METADATA
from support.ports import free_port

OLD = str(uuid.uuid4())


def changed(url: str, work: Callable[[sa.Connection], None]) -> None:
    """Do something to a database."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        work(connection)
    engine.dispose()


def of_the_first_version(connection: sa.Connection) -> None:
    """Tables as the first version made them, without their schema version, and a job."""
    tables = sa.MetaData()
    jobs, _, _ = (METADATA.tables[name].to_metadata(tables) for name in ("jobs", "inputs", "queues"))
    jobs.indexes.clear()
    sa.Index("jobs_listed", jobs.c.created, sqlite_where=jobs.c.listed, postgresql_where=jobs.c.listed)
    for name, column, status in (("jobs_waiting", "created", "accepted"), ("jobs_running", "owner", "running")):
        where = sa.text(f"status = '{status}'")
        columns = ["queue", column] if column == "created" else [column]
        sa.Index(name, *(jobs.c[each] for each in columns), sqlite_where=where, postgresql_where=where)
    tables.create_all(connection)
    for name in ("size", "needed", "expired", "input_size"):
        connection.execute(sa.text(f"ALTER TABLE jobs DROP COLUMN {name}"))
    add_a_job(connection)


def without_a_word(connection: sa.Connection) -> None:
    """Tables as they are now, made before stores had their schema version, and a job."""
    METADATA.create_all(connection)
    add_a_job(connection)


def add_a_job(connection: sa.Connection) -> None:
    row = {"id": OLD, "process": "trend", "queue": "local", "status": "accepted", "created": 1, "updated": 1}
    row |= {"outputs": '{"result":"application/json"}', "answer": "{}", "limits": "{}", "listed": True}
    row["artefacts"] = '[{"output":"result","media_type":"a/b","file":"result","value":null,"size":12}]'
    connection.execute(sa.insert(METADATA.tables["jobs"]), [row])
    connection.execute(sa.insert(METADATA.tables["inputs"]), [{"job": OLD, "content": '{"years":[1990]}'}])
    connection.execute(sa.insert(METADATA.tables["queues"]), [{"name": "local", "waiting": 1}])


def opened(url: str) -> Store:
    """A store as a service opens it."""
    store = Store(url)
    store.prepare()
    return store


def shape(url: str) -> dict[str, object]:
    """Every table with its columns, and every index, as the database itself tells them."""
    engine = sa.create_engine(url)
    inspector = sa.inspect(engine)
    told: dict[str, object] = {
        name: sorted(
            (column["name"], str(column["type"]), column["nullable"], column["default"])
            for column in inspector.get_columns(name)
        )
        for name in inspector.get_table_names()
    }
    words = {
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql NOT NULL",
        "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    }[engine.dialect.name]
    with engine.connect() as connection:
        told |= {f"index {name}": plain(text) for name, text in connection.exec_driver_sql(words)}
    engine.dispose()
    return told


def plain(text: str) -> str:
    """SQL without what makes no difference: brackets, quotes, the name of the table before a column, true as 1."""
    text = re.sub(r"[()\"]|\bjobs\.", " ", text.lower()).replace("= true", "= 1")
    return " ".join(text.split())


def test_an_empty_store_is_made_in_the_present_version(store_url):
    opened(store_url).close()
    engine = sa.create_engine(store_url)
    with engine.connect() as connection:
        assert schema_version.is_present(connection)
    engine.dispose()


def test_the_steps_lead_to_the_present_version():
    steps = ScriptDirectory(str(next(iter(migrations.__path__))))
    assert steps.get_current_head() == schema_version.PRESENT
    assert [each.revision for each in steps.walk_revisions()][::-1] == list(schema_version.VERSIONS)


@pytest.mark.parametrize("make", [of_the_first_version, without_a_word])
def test_an_old_store_becomes_as_a_new_one_and_keeps_its_jobs(store_url, make, tmp_path, request):
    changed(store_url, make)
    store = opened(store_url)
    (job,) = store.find(JobQuery()).jobs
    assert (job.id, job.status, job.request.inputs) == (OLD, Status.ACCEPTED, {"years": [1990]})
    request_of_a_new_job = Request("trend", {}, {"result": "application/json"})
    store.submit(Submission(id=str(uuid.uuid4()), request=request_of_a_new_job, limits=Limits()), 10)
    store.close()
    new = f"sqlite:///{tmp_path / 'new.sqlite'}"
    if store_url.startswith("postgresql"):
        new = request.getfixturevalue("postgres").database()
    opened(new).close()
    assert shape(store_url) == shape(new)
    with Database(store_url, survives_power_loss=True).begin() as connection:
        sizes = dict(connection.execute(sa.text("SELECT id, size FROM jobs")).all())
    assert sizes.pop(OLD) == 12
    assert set(sizes.values()) == {0}


def test_the_first_step_makes_what_the_first_version_made(store_url, tmp_path, request):
    changed(store_url, of_the_first_version)
    other = f"sqlite:///{tmp_path / 'other.sqlite'}"
    if store_url.startswith("postgresql"):
        other = request.getfixturevalue("postgres").database()

    def first_step(connection: sa.Connection) -> None:
        schema_version.migrate(connection, None, schema_version.FIRST)
        schema_version.SCHEMA_VERSION.drop(connection)

    changed(other, first_step)
    assert shape(other) == shape(store_url)


def test_services_that_start_together_bring_it_up_to_date_once(store_url):
    changed(store_url, of_the_first_version)
    with ThreadPoolExecutor(8) as pool:
        for store in pool.map(lambda _: opened(store_url), range(8)):
            assert [each.id for each in store.find(JobQuery()).jobs] == [OLD]
            store.close()


def test_a_store_of_a_later_version_is_refused_and_not_touched(store_url):
    opened(store_url).close()
    changed(
        store_url,
        lambda connection: connection.execute(sa.update(schema_version.SCHEMA_VERSION).values(version_num="9999")),
    )
    before = shape(store_url)
    with pytest.raises(
        StateDirectoryError, match="has schema version 9999.*works with 0007.*install the version that made it"
    ):
        opened(store_url)
    assert shape(store_url) == before


def test_a_service_does_not_begin_with_a_store_of_a_later_version(tmp_path):
    url = f"sqlite:///{tmp_path / 'jobs.sqlite'}"
    opened(url).close()
    changed(
        url, lambda connection: connection.execute(sa.update(schema_version.SCHEMA_VERSION).values(version_num="9999"))
    )
    command = [sys.executable, "-m", "moorage.cli", "serve", "--state", str(tmp_path), "--port", str(free_port())]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1
    assert ended.stderr.count("the job store has schema version 9999") == 1
    assert "Traceback" not in ended.stderr
