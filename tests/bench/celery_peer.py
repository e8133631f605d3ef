"""The same small function as a task of Celery, kept until it is done as our jobs are."""

import os

from celery import Celery

app = Celery("celery_peer", broker=os.environ["BENCH_REDIS"], backend=os.environ["BENCH_REDIS"])
app.conf.task_acks_late = True


@app.task
def hello(name: str) -> str:
    """Greet somebody."""
    return f"Hello {name}!"
