"""What the peer's workers run: the very functions that ours run."""

import os

import methods
from celery import Celery

app = Celery("bench", broker=os.environ.get("BENCH_BROKER"), backend=os.environ.get("BENCH_RESULTS"))
# a job outlives the worker that has it, as ours do; its result is kept
app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True, task_ignore_result=False)
hello = app.task(methods.hello, name="hello")
