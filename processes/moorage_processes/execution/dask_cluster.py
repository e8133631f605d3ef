"""The client of a Dask cluster: opened when a call first computes on it, gone with the call."""

from __future__ import annotations

import contextlib
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

import cloudpickle
import dask.array
import xarray as xr
from distributed import Client, KilledWorker, SchedulerPlugin
from distributed.comm.core import CommClosedError

from moorage_processes.errors import ClusterAwayError, ClusterError

if TYPE_CHECKING:
    from types import TracebackType

    from distributed import Scheduler

PATIENCE = 10.0
"""Seconds within which a scheduler answers, or is away."""
INSTALLED = frozenset({"site-packages", "dist-packages"})
OURS = frozenset({"moorage", "moorage_processes"})
AWAY = "the cluster that this service computes on does not answer"
DIED = "workers of the cluster died of it, perhaps because a part of it needs more memory than they have"


class LazyClient:
    """Stands where dask looks for its scheduler; the connection is made when something is computed.

    dask takes whatever has this in its name, ``get`` and ``persist``. A call without dask arrays costs the cluster
    nothing, and waits for nothing.

    Parameters
    ----------
    address : of the scheduler.
    name : by which the cluster knows the call.
    roots : folders of modules that the cluster does not have.
    """

    asynchronous = False

    def __init__(self, address: str, name: str, roots: Iterable[str]) -> None:
        self._address = address
        self._name = name
        self._roots = frozenset(roots)
        self._client: JobClient | None = None

    def get(self, graph: Any, keys: Any, **options: Any) -> Any:
        """Compute on the cluster."""
        return self._opened().get(graph, keys, **options)

    def persist(self, collections: Sequence[Any], **options: Any) -> Any:
        """Begin to compute on the cluster, and hold the result there."""
        return self._opened().persist(collections, **options)

    def brought_home(self, value: Any) -> Any:
        """A grid whose dask arrays are held on the cluster, each block fetched when it is read; other values unchanged.

        Files are written by the process that calls this: the disk of a worker may be another.
        """
        if isinstance(value, xr.DataArray):
            only = "result of a call"
            return self.brought_home(value.to_dataset(name=only))[only].rename(value.name)
        if not isinstance(value, xr.Dataset) or not value.chunks:
            return value
        held = value.persist()
        lazy = {name: each for name, each in held.variables.items() if each.chunks is not None}
        return held.assign({name: each.copy(data=self._fetched(each.data)) for name, each in lazy.items()})

    def _fetched(self, array: Any) -> Any:
        distant = ClusterArray(array, self._opened())
        return dask.array.from_array(distant, chunks=array.chunks, asarray=False, meta=array._meta)  # noqa: SLF001 - dask's own word for the kind of array

    def _opened(self) -> JobClient:
        if self._client is None:
            carry(self._roots)
            try:
                self._client = JobClient(self._address, name=self._name, timeout=PATIENCE)
                self._client.register_plugin(ClusterCleanup())
            except OSError as error:
                raise ClusterAwayError(AWAY) from error
        return self._client

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        is_lost = client.status != "running"
        with contextlib.suppress(OSError, TimeoutError):
            client.close(PATIENCE)
        if isinstance(error, KilledWorker):
            raise ClusterError(DIED) from error
        if isinstance(error, CancelledError | CommClosedError) and is_lost:
            raise ClusterAwayError(AWAY) from error


class JobClient(Client):  # type: ignore[misc]  # distributed is hardly typed
    """The client of one call."""

    def _graph_to_futures(self, expr: Any, *arguments: Any, **options: Any) -> Any:
        # all that computes comes through here, and what pickle would send by name is sent with its code
        return super()._graph_to_futures(SelfContainedGraph(expr), *arguments, **options)


@dataclass(frozen=True)
class SelfContainedGraph:
    """A graph that takes functions of authors' modules along, since the cluster has no such modules.

    dask itself tries pickle first, which writes down no more of a function than its name.
    """

    graph: Any

    def __reduce__(self) -> tuple[Any, ...]:
        return cloudpickle.loads, (cloudpickle.dumps(self.graph),)


@dataclass(frozen=True, eq=False)
class ClusterArray:
    """An array held on the cluster, of which parts are fetched."""

    array: Any
    client: JobClient

    @property
    def shape(self) -> tuple[int, ...]:
        """As numpy has it."""
        return tuple(self.array.shape)

    @property
    def ndim(self) -> int:
        """As numpy has it."""
        return int(self.array.ndim)

    @property
    def dtype(self) -> Any:
        """As numpy has it."""
        return self.array.dtype

    def __getitem__(self, index: Any) -> Any:
        part: Any = self.client.compute(self.array[index])
        return part.result()


class ClusterCleanup(SchedulerPlugin):  # type: ignore[misc]  # the same
    """Lets go, in the scheduler, of what a call gave a name there that would outlive it.

    What a client holds goes with it by itself, however it ends; published datasets, variables, queues and tasks to be
    forgotten do not.
    """

    name = "moorage-cleanup"
    idempotent = True

    def __init__(self) -> None:
        self._keys: dict[str, set[Any]] = defaultdict(set)

    def update_graph(self, scheduler: Scheduler, *, client: str, keys: set[Any], **_: Any) -> None:  # noqa: ARG002 - dask's signature
        """A client wants something computed."""
        if client.startswith("JobClient-"):
            self._keys[client] |= keys

    def remove_client(self, scheduler: Scheduler, client: str) -> None:
        """A client is gone."""
        mine = self._keys.pop(client, set())
        published = scheduler.extensions["publish"].datasets
        for name in [name for name, each in published.items() if not mine.isdisjoint(each["keys"])]:
            del published[name]
        for key in mine & scheduler.tasks.keys():
            for holder in [each.client_key for each in scheduler.tasks[key].who_wants or ()]:
                if holder not in scheduler.client_comms:  # a name, and nobody who would miss it
                    scheduler.client_releases_keys([key], holder)


def carry(roots: frozenset[str]) -> None:
    """Have functions sent with their code that stem from modules below *roots*, and the cleanup plugin."""
    for module in (*_authored(roots), sys.modules[__name__]):
        cloudpickle.register_pickle_by_value(module)


def _authored(roots: frozenset[str]) -> Iterator[ModuleType]:
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and name.partition(".")[0] not in OURS and module.__name__ == name:
            places = {str(folder) for folder in Path(file).parents}
            if places & roots and INSTALLED.isdisjoint(Path(file).parts):
                yield module
