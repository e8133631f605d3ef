"""Run one request: inputs in, function called, outputs out. It knows no HTTP and no queue."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moorage.formats.unpacked import unpacked_up_to

from moorage_processes.authoring.progress import listening, progress
from moorage_processes.authoring.result_size import room
from moorage_processes.authoring.version import OURS
from moorage_processes.catalogue.catalogue import Catalogue
from moorage_processes.catalogue.environment import lent
from moorage_processes.catalogue.loading import load_process
from moorage_processes.data.datasets import Datasets
from moorage_processes.errors import ClusterAwayError, ClusterError, InputError, TooLargeError
from moorage_processes.execution.dask_scheduling import Computing
from moorage_processes.execution.disk_space import is_full, says_full
from moorage_processes.execution.failures import logged_failure, no_room
from moorage_processes.execution.inputs import PATH_TYPE, InputReader
from moorage_processes.execution.outputs import write_output
from moorage_processes.execution.request import Artefact, ExecutionFailed, Failure, Request
from moorage_processes.network.fetch import Policy

if TYPE_CHECKING:
    from moorage_processes.authoring.process import Process

LOGGER = logging.getLogger(__name__)


class Executor:
    """Where calls are executed: the methods, the datasets beside them, and from where hrefs may be fetched.

    Parameters
    ----------
    settings : plain JSON with ``catalogue`` and, where they are needed, ``datasets``, ``references``, ``computing`` and
        ``result_size`` [bytes].
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._catalogue = Catalogue.from_json(settings["catalogue"])
        self._datasets = Datasets.from_json(settings.get("datasets", {}))
        policy = settings.get("references")
        self._policy = Policy.from_json(policy) if policy else Policy(own="")
        computing = settings.get("computing")
        self._computing = Computing.from_json(computing) if computing else Computing.among(1)
        self._result_size: int | None = settings.get("result_size")
        addresses = [entry.address for entry in self._catalogue.values() if entry.address]
        self._roots = frozenset(each.root for each in addresses if each.root)

    def import_common(self) -> None:
        """Import what calls of any method use."""
        import pydantic.type_adapter  # noqa: F401, PLC0415 - slow, and only where methods are

        self._computing.preload()

    def preload(self) -> None:
        """Import what is the same for all calls, our own methods too, before the processes that run them are forked."""
        self.import_common()
        for entry in self._catalogue.values():
            # an author's module may do at its import what no fork survives; ours do nothing
            if entry.address and entry.address.module.startswith(OURS):
                try:
                    load_process(entry)
                except Exception:
                    # a call of it tells its caller; the others go on
                    LOGGER.exception("%s is not preloaded", entry.address.name)

    def prepare(self) -> None:
        """Import all methods now, so that no call pays for it."""
        for entry in self._catalogue.values():
            load_process(entry)

    def execute(self, request: Request, directory: Path, report: Callable[[float, str], None]) -> tuple[Artefact, ...]:
        """Run one request, its outputs written into *directory*, its progress told to *report*.

        Raises
        ------
        ExecutionFailed
            with words for the caller; what they must not see went to the log.
        """
        process = load_process(self._catalogue[request.process])
        try:
            with (
                self._computing.at_work(request.process, self._roots) as bring_home,
                ExitStack() as stack,
                listening(report),
                room(self._result_size),
                unpacked_up_to(process.limits.memory),
            ):
                if any(each.type_name == PATH_TYPE for each in process.outputs.values()):
                    stack.enter_context(_own_temporary_files(directory))
                reader = InputReader(self._datasets, self._policy, directory, stack)
                arguments = {
                    name: reader.receive(process.inputs[name], value) for name, value in request.inputs.items()
                }
                results = {name: bring_home(each) for name, each in process.call(arguments).items()}
                return self._write_outputs(process, request, results, directory)
        except InputError as error:
            reason = "size" if isinstance(error, TooLargeError) else "input"
            raise ExecutionFailed(Failure(reason, error.detail, input=error.input, kind=error.kind)) from error
        except ClusterError as error:
            LOGGER.warning("%s: %s: %s", request.process, error, error.__cause__)
            reason = "cluster" if isinstance(error, ClusterAwayError) else "crashed"
            raise ExecutionFailed(Failure(reason, f"the method {request.process!r} failed: {error}")) from error
        except Exception as error:  # whatever a method raises is its author's to read, not the caller's
            # libraries that write files raise as they please where the disk is full
            failed = no_room if says_full(error) or is_full(directory) else logged_failure
            raise ExecutionFailed(failed(process.id, error)) from error

    def _write_outputs(
        self, process: Process, request: Request, results: Mapping[str, Any], directory: Path
    ) -> tuple[Artefact, ...]:
        """The outputs that were asked for; one that the method left at None is left out.

        What a method left for later is computed as it is written, and told as the last step there is.
        """
        wanted = [name for name in request.outputs if name in results]
        written = []
        for number, name in enumerate(wanted):
            with self._computing.at_home(progress, number, len(wanted)):
                written.append(write_output(process.outputs[name], results[name], request.outputs[name], directory))
        return tuple(written)


@contextmanager
def _own_temporary_files(directory: Path) -> Iterator[None]:
    """Let temporary files of a method, and of programs that it starts, lie in a folder of this call."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(dir=directory, prefix="work-") as folder, lent({"TMPDIR": folder}):
        tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = before
