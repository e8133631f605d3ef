"""What datasets hold, looked up once for each state of their files."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from glob import has_magic
from pathlib import Path
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from moorage_processes.data.datasets import Dataset, DatasetUnavailableError

if TYPE_CHECKING:
    from moorage_processes.ogc.collections.coverage import Coverage
    from moorage_processes.ogc.collections.layer import Layer

LOGGER = logging.getLogger(__name__)
T = TypeVar("T")
SECONDS = 60.0
"""How long an address is taken to hold what it held; a file tells when it changes."""
PATIENCE = 3.0
"""Seconds the first one waits for an address."""
STORES = (".zmetadata", "zarr.json", ".zattrs")
"""What changes in a store when it is written anew; the folder itself may not."""


@dataclass(frozen=True)
class CachedDescription(Generic[T]):
    """What a dataset holds, or why it does not open."""

    found: T | None
    trouble: DatasetUnavailableError | None = None

    def get(self) -> T:
        """What it holds; :class:`DatasetUnavailableError` where it does not open."""
        if self.found is None:
            raise self.trouble or RuntimeError("a state holds something or says why not")
        return self.found


_KNOWN: dict[str, tuple[Any, CachedDescription[Any]]] = {}
_LOOKING: dict[str, Thread] = {}
"""Descriptions of datasets behind links: only the first request waits, and briefly."""
_CHANGING = Lock()
_QUIET = Event()


@contextmanager
def files_only() -> Iterator[None]:
    """While the block lasts no address is asked: a process that is forked must have no thread inside a library."""
    _QUIET.set()
    try:
        yield
    finally:
        _QUIET.clear()


def coverage_of(entry: Dataset) -> CachedDescription[Coverage]:
    """What a grid dataset holds now."""
    from moorage_processes.ogc.collections import coverage  # noqa: PLC0415 - slow, and only where there are grids

    return described(entry, coverage.describe)


def layer_of(entry: Dataset) -> CachedDescription[Layer]:
    """What a dataset of features, or a table, holds now."""
    from moorage_processes.ogc.collections import layer  # noqa: PLC0415 - the same

    return described(entry, layer.describe)


def described(entry: Dataset, describe: Callable[[Dataset], T]) -> CachedDescription[T]:
    """What *describe* says of a dataset now.

    Parameters
    ----------
    entry : the dataset.
    describe : looks at it; a function of a module, or a partial of one.
    """
    key, stamp = f"{_name(describe)} {replace(entry, title='', description='')!r}", _stamp(entry)
    known = _KNOWN.get(key)
    if known is not None and known[0] == stamp:
        return known[1]
    if "://" not in entry.path:
        return _look(entry, describe, key, stamp)
    waiting: CachedDescription[T] = CachedDescription(
        None, DatasetUnavailableError(entry, "its address has not answered yet")
    )
    if _QUIET.is_set():
        return waiting
    with _CHANGING:
        looking = _LOOKING.get(key)
        is_first = looking is None
        if looking is None or not looking.is_alive():
            looking = _LOOKING[key] = Thread(target=_look, args=(entry, describe, key, stamp), daemon=True)
            looking.start()
    looking.join(PATIENCE if is_first else 0)
    return _KNOWN.get(key, (None, waiting))[1]


def _name(describe: Callable[..., Any]) -> str:
    if isinstance(describe, partial):
        return f"{_name(describe.func)} {describe.keywords}"
    return f"{describe.__module__}.{describe.__qualname__}"


def _look(entry: Dataset, describe: Callable[[Dataset], T], key: str, stamp: Any) -> CachedDescription[T]:
    try:
        state: CachedDescription[T] = CachedDescription(describe(entry))
    except Exception as error:  # noqa: BLE001 - one bad file must not take the others down
        trouble = _trouble(entry, error)
        LOGGER.warning("dataset %s is unavailable: %s; %r", entry.id, trouble.reason, trouble.__cause__)
        state = CachedDescription(None, trouble)
    _KNOWN[key] = (stamp, state)
    return state


def _trouble(entry: Dataset, error: Exception) -> DatasetUnavailableError:
    if isinstance(error, DatasetUnavailableError):
        return error
    trouble = DatasetUnavailableError(entry, error)
    trouble.__cause__ = error
    return trouble


def _stamp(entry: Dataset) -> Any:
    """What is different when the dataset is."""
    if "://" in entry.path:
        return int(time.monotonic() / SECONDS)
    files = _files(entry.path)
    return tuple((str(each), _changed(each)) for each in files)


def _files(path: str) -> list[Path]:
    """All files that a path means now, and what tells that one has changed."""
    one = Path(path)
    found = [one, *(one / name for name in STORES), *_beside(one)]
    if one.is_file() or not (one.is_dir() or has_magic(path)):
        return found
    from moorage_processes.data import multifile  # noqa: PLC0415 - slow, and only where there are grids

    if not multifile.is_series(path):
        return found
    return [each for file in multifile.files_of(path) for each in (file, *(file / name for name in STORES))]


def _beside(path: Path) -> list[Path]:
    """Files that belong to one: a shapefile is several."""
    return [path.with_suffix(suffix) for suffix in (".dbf", ".shx", ".prj")] if path.suffix.lower() == ".shp" else []


def _changed(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
