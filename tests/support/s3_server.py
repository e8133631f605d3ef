"""An S3 in a process of its own, for the tests of results in an object store."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import fsspec
from support.ports import free_port
from support.waiting import eventually

BUCKET = "moorage"


@dataclass(frozen=True)
class ObjectStore:
    """An S3 with one bucket.

    Parameters
    ----------
    endpoint : where it answers.
    """

    endpoint: str
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """What ``results:`` of a configuration says."""
        return f"s3://{BUCKET}/shared"

    @property
    def options(self) -> dict[str, Any]:
        """What ``results_options:`` of a configuration says."""
        return {
            "key": "tests",
            "secret": "tests",
            "client_kwargs": {"endpoint_url": self.endpoint, "region_name": "eu-central-1"},
        }

    @property
    def settings(self) -> dict[str, Any]:
        """Both."""
        return {"results": self.url, "results_options": self.options}

    def names(self, job: str = "") -> list[str]:
        """What lies there of a job: attempt and file."""
        return self._found(f"{BUCKET}/shared/results/{job}".rstrip("/"))

    def logs(self) -> list[str]:
        """Jobs whose logs lie there."""
        return [each.removesuffix(".log") for each in self._found(f"{BUCKET}/shared/logs")]

    def _found(self, place: str) -> list[str]:
        store = fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True, **self.options)
        return [each.removeprefix(f"{place}/") for each in store.find(place)]


@contextmanager
def serving_objects() -> Iterator[ObjectStore]:
    """A server while the block lasts."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **quiet) as process:
        store = ObjectStore(f"http://127.0.0.1:{port}", process)
        try:
            fs = fsspec.filesystem("s3", skip_instance_cache=True, **store.options)
            eventually(lambda: _is_made(fs))
            yield store
        finally:
            process.kill()


def _is_made(fs: Any) -> bool:
    try:
        fs.call_s3("create_bucket", Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    except OSError:
        return False
    return True
