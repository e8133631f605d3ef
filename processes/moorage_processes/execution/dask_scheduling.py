"""Where dask computes the arrays of a call: on threads of its process, or on a cluster the operator names."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from moorage_processes.extras import is_installed

ADDRESS = re.compile(r"(tcp|tls|ws|wss)://\S+:\d+")


@dataclass(frozen=True)
class Computing:
    """Where dask computes.

    Without the extra ``dask`` there are no dask arrays, and this changes nothing.

    Raises
    ------
    ValueError
        where *scheduler* is not an address, or its client is not installed.
    """

    threads: int
    """Threads of one call, where it computes in its own process."""
    scheduler: str | None = None
    """Address of a Dask scheduler; None: calls compute in their own processes."""

    def __post_init__(self) -> None:
        if self.scheduler is None:
            return
        if not ADDRESS.fullmatch(self.scheduler):
            raise ValueError(
                f"scheduler: {self.scheduler!r} is not valid; expected the address of a Dask scheduler, "
                "such as tcp://scheduler:8786 or tls://scheduler:8786"
            )
        if not is_installed("distributed"):
            raise ValueError('scheduler: there is no Dask; pip install "moorage[server,dask]" brings it')

    @classmethod
    def among(cls, slots: int, scheduler: str | None = None) -> Computing:
        """The share of one of *slots* calls that run at once."""
        return cls(max(1, len(os.sched_getaffinity(0)) // slots), scheduler)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Computing:
        """Read what :meth:`to_json` wrote."""
        return cls(**document)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for the processes that run calls."""
        return asdict(self)

    def preload(self) -> None:
        """Import what calls will need, before their processes are forked; arrays in parts only where arrays are."""
        if is_installed("dask"):
            import dask.config  # noqa: PLC0415 - slow, and an extra

            if "xarray" in sys.modules:
                import dask.array  # noqa: F401, PLC0415 - the same
        if self.scheduler is not None:
            import moorage_processes.execution.dask_cluster  # noqa: F401, PLC0415 - slow, and an extra

    @contextmanager
    def at_work(self, name: str, roots: Iterable[str] = ()) -> Iterator[Callable[[Any], Any]]:
        """Let dask compute here while the block lasts; what it holds on a cluster then is let go at the end.

        Parameters
        ----------
        name : by which the cluster knows the call.
        roots : folders of modules that a cluster does not have.

        Returns
        -------
        What brings a grid home to be written: its blocks are fetched one by one.

        Raises
        ------
        ClusterAwayError
            where the cluster does not answer.
        ClusterError
            where its workers die of the call.
        """
        if not is_installed("dask"):
            yield _as_it_is
            return
        import dask.config  # noqa: PLC0415 - slow, and an extra

        if self.scheduler is None:
            with dask.config.set(scheduler="threads", num_workers=self.threads):
                yield _as_it_is
            return
        from moorage_processes.execution.dask_cluster import LazyClient  # noqa: PLC0415 - the same

        client = LazyClient(self.scheduler, name, roots)
        # the client puts back, as it closes, what it found when it was opened: itself
        with dask.config.set(scheduler=client, num_workers=self.threads), client:
            yield client.brought_home

    @contextmanager
    def at_home(self, told: Callable[[float], None], number: int, count: int) -> Iterator[None]:
        """Let dask compute in this process while the block lasts.

        Parameters
        ----------
        told : called with the fraction done of all the steps (0 to 1), in the thread that has something computed.
        number : which of the steps this is, from 0.
        count : how many there are.
        """
        if not is_installed("dask"):
            yield
            return
        import dask.config  # noqa: PLC0415 - slow, and an extra
        from dask.callbacks import Callback  # noqa: PLC0415 - the same

        def tell(_key: object, _value: object, _graph: object, state: Mapping[str, Any], _worker: object) -> None:
            left = sum(len(state[name]) for name in ("waiting", "ready", "running"))
            done = len(state["finished"])
            told((number + done / (done + left)) / count)

        with dask.config.set(scheduler="threads", num_workers=self.threads), Callback(posttask=tell):
            yield


def _as_it_is(grid: Any) -> Any:
    return grid
