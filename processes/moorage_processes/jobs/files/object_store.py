"""Results in an object store, at any URL that fsspec knows, such as ``s3://bucket/prefix``.

An object cannot be renamed at once with others, so what an attempt wrote is put under its own number and seen by
nobody until the job store names that attempt. What was put by one that came too late is removed.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, cast

from moorage_processes.catalogue.environment import lent
from moorage_processes.jobs.errors import Elsewhere, Unavailable

LOGGER = logging.getLogger(__name__)

LASTS = 3600
"""Seconds for which a link can be followed."""
S3 = frozenset({"s3", "s3a"})


class ObjectStoreError(OSError):
    """An object store that does not do what it is asked to do."""


@dataclass(frozen=True)
class ObjectStore:
    """An object store.

    Nothing is opened before it is used: what connects to a store must not be shared by forked processes.

    Parameters
    ----------
    url : of fsspec, with a bucket and perhaps a prefix.
    options : what fsspec takes beside it: keys, the address of the store.
    credentials : environment variables that the store's tools look up and this process does not have; they are set
        only while the store is opened, so that methods which run here do not see them.
    """

    url: str
    options: Mapping[str, Any] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def protocol(self) -> str:
        """What kind of store it is."""
        return self.url.partition("://")[0]

    def prepare(self) -> None:
        """Import what speaks to such stores.

        Raises
        ------
        ObjectStoreError
            where nothing does.
        """
        from fsspec import get_filesystem_class  # noqa: PLC0415 - slow, and only where there is an object store

        try:
            get_filesystem_class(self.protocol)
        except (ImportError, ValueError) as error:
            raise ObjectStoreError(f"results: {self.url}: {error}") from error

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        from fsspec.config import set_conf_env  # noqa: PLC0415 - slow, and only where there is an object store
        from fsspec.core import url_to_fs  # noqa: PLC0415 - the same

        stated: dict[str, dict[str, Any]] = {}
        set_conf_env(stated, self.credentials)
        # an instance of our own: a method that opens the same store must not get this one with its credentials
        own = {"use_listings_cache": False, "skip_instance_cache": True}
        with lent(self.credentials):
            fs, root = url_to_fs(self.url, **{**own, **stated.get(self.protocol, {}), **self.options})
            if hasattr(fs, "connect"):
                # s3fs looks for credentials only when it connects
                fs.connect()
        return fs, root.rstrip("/")

    @property
    def fs(self) -> Any:
        """The store as fsspec has it."""
        return self._opened[0]

    def place(self, job: str, epoch: int | None = None, name: str | None = None) -> str:
        """Where a job, an attempt or a file of it is found."""
        parts = (self._opened[1], "results", job, None if epoch is None else str(epoch), name)
        return "/".join(part for part in parts if part is not None)

    def put(self, folder: Path, job: str, epoch: int) -> None:
        """Put the files of a directory under an attempt.

        Raises
        ------
        ObjectStoreError
            where one of them cannot be put.
        """
        with _told(f"the results of job {job} cannot be put"):
            for path in sorted(each for each in folder.iterdir() if each.is_file()):
                self._put(path, self.place(job, epoch, path.name))

    def put_file(self, path: Path, job: str, epoch: int, name: str) -> None:
        """Put one file under an attempt.

        Raises
        ------
        ObjectStoreError
            where it cannot be put.
        """
        with _told(f"the results of job {job} cannot be put"):
            self._put(path, self.place(job, epoch, name))

    def size(self, job: str, epoch: int, name: str) -> int | None:
        """Bytes of a file of an attempt; None where there is none."""
        with _told(f"the results of job {job} cannot be looked at"), contextlib.suppress(FileNotFoundError):
            return int(self.fs.info(self.place(job, epoch, name))["size"])
        return None

    def _put(self, path: Path, place: str) -> None:
        try:
            self.fs.put_file(str(path), place)
        except FileNotFoundError:
            # a store that has directories
            self.fs.makedirs(place.rpartition("/")[0], exist_ok=True)
            self.fs.put_file(str(path), place)

    def put_log(self, path: Path, job: str) -> None:
        """Put the log of a job.

        Raises
        ------
        ObjectStoreError
            where it cannot be put.
        """
        with _told(f"the log of job {job} cannot be put"):
            self._put(path, self._log(job))

    def get_log(self, job: str, path: Path) -> bool:
        """Fetch the log of a job; whether there is one.

        Raises
        ------
        Unavailable
            where the store does not answer.
        """
        with _available(), contextlib.suppress(FileNotFoundError):
            self.fs.get_file(self._log(job), str(path))
            return True
        return False

    def logs(self) -> list[str]:
        """Jobs whose logs lie there."""
        return [name.removesuffix(".log") for name in self._names(f"{self._opened[1]}/logs")]

    def discard_log(self, job: str) -> None:
        """Remove the log of a job; what cannot be removed now is found again later."""
        self._discard(self._log(job))

    def _log(self, job: str) -> str:
        return f"{self._opened[1]}/logs/{job}.log"

    def discard(self, job: str, epoch: int | None = None) -> None:
        """Remove what lies there of a job, or of one attempt; what cannot be removed now is found again later."""
        self._discard(self.place(job, epoch))

    def _discard(self, place: str) -> None:
        try:
            with _told(f"{place} cannot be removed"), contextlib.suppress(FileNotFoundError):
                self.fs.rm(place, recursive=True)
        except ObjectStoreError as error:
            LOGGER.warning("%s: %s", error, error.__cause__)

    def jobs(self) -> list[str]:
        """All jobs of which anything lies there."""
        return self._names(f"{self._opened[1]}/results")

    def attempts(self, job: str) -> list[int]:
        """The attempts of a job of which anything lies there."""
        return sorted(int(name) for name in self._names(self.place(job)) if name.isdecimal())

    def _names(self, place: str) -> list[str]:
        with _told("results cannot be listed"), contextlib.suppress(FileNotFoundError):
            return [each.rstrip("/").rpartition("/")[2] for each in self.fs.ls(place, detail=False)]
        return []

    def changed(self, job: str) -> float:
        """When anything was put there of a job last [s since 1970]."""
        with _told("results cannot be listed"), contextlib.suppress(FileNotFoundError):
            found = self.fs.find(self.place(job))
            return max((self.fs.modified(each).timestamp() for each in found), default=0.0)
        return 0.0


@dataclass(frozen=True)
class ObjectFiles:
    """Files of an attempt in an object store."""

    objects: ObjectStore
    job: str
    epoch: int

    def open(self, name: str) -> BinaryIO:
        """A file, to be read from any place on."""
        with _available():
            return cast("BinaryIO", self.objects.fs.open(self._place(name), "rb"))

    def read(self, name: str) -> bytes:
        """All of a file."""
        with _available():
            return bytes(self.objects.fs.cat_file(self._place(name)))

    def path(self, name: str) -> Path | None:  # noqa: ARG002 - as the others have it
        """None: it lies on no machine of ours."""
        return None

    @contextlib.contextmanager
    def local(self, name: str) -> Iterator[Path]:
        """A copy."""
        with tempfile.TemporaryDirectory(prefix="moorage-") as folder:
            copy = Path(folder) / name
            with _available():
                self.objects.fs.get_file(self._place(name), str(copy))
            yield copy

    def link(self, name: str, media_type: str) -> str | None:
        """Where anybody may fetch a file for a while, without asking the service again; None where none is given."""
        told = {}
        if self.objects.protocol in S3:
            told = {"ResponseContentType": media_type, "ResponseContentDisposition": f'inline; filename="{name}"'}
        try:
            with _available():
                return str(self.objects.fs.sign(self._place(name), expiration=LASTS, **told))
        except NotImplementedError:
            return None

    def _place(self, name: str) -> str:
        return self.objects.place(self.job, self.epoch, name)


@contextlib.contextmanager
def _told(words: str) -> Iterator[None]:
    """Let whatever goes wrong be an error of ours; stores raise as they please."""
    try:
        yield
    except (FileNotFoundError, ObjectStoreError):
        raise
    except Exception as error:
        raise ObjectStoreError(words) from error


@contextlib.contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except NotImplementedError:
        raise
    except FileNotFoundError as error:
        raise Elsewhere("the results of this job are not in the store that this service reads them from") from error
    except Exception as error:
        LOGGER.warning("the store of results does not answer: %s", error)
        raise Unavailable("the store of results does not answer") from error
