"""The pygeoapi process plugin: one class for all functions.

In the configuration of any pygeoapi::

    flood-days:
      type: process
      processor:
        name: moorage_processes.plugins.processor.Method
        function: flood:flood_days            # module:function, or file.py:function
"""

from __future__ import annotations

import json
import tempfile
from base64 import b64encode
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from pygeoapi.process.base import BaseProcessor, ProcessorExecuteError

from moorage_processes.catalogue.catalogue import Catalogue, Entry
from moorage_processes.catalogue.reading import describe_here
from moorage_processes.data.datasets import Datasets
from moorage_processes.errors import InputError
from moorage_processes.execution.executor import Executor
from moorage_processes.execution.request import Artefact, ExecutionFailed
from moorage_processes.jobs.files.artefacts import ArtefactFiles, DirectoryFiles
from moorage_processes.network.fetch import Policy
from moorage_processes.ogc.problems import Problem, of_failure
from moorage_processes.ogc.requests.execute_request import ExecuteRequest, ResponseHeaders, order_of
from moorage_processes.ogc.requests.input_validation import InputValidator


class RefusedError(ProcessorExecuteError):  # type: ignore[misc]  # pygeoapi is untyped
    """A call that pygeoapi tells its caller about in our words."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail, user_msg=problem.detail)
        self.http_status_code = problem.status
        self.ogc_exception_code = problem.type


class Method(BaseProcessor):  # type: ignore[misc]  # pygeoapi is untyped
    """A function as a pygeoapi process.

    pygeoapi makes one for every request, so all that costs anything is kept between them.

    Parameters
    ----------
    processor_def : the ``processor:`` section of the configuration, with ``function``, or with the ``entry`` of a
        catalogue that was read before.
    """

    def __init__(self, processor_def: dict[str, Any]) -> None:
        self.entry = entry_of(processor_def)
        metadata = deepcopy(self.entry.description) | {"links": [], "example": {}}
        super().__init__(processor_def, metadata)
        self.supports_outputs = True

    def execute(self, data: Any, outputs: Any = None) -> tuple[str, Any]:
        """Run the function in this process: media type and payload, as pygeoapi takes them."""
        order = checked_order(self.entry, data, outputs)
        executor = Executor({"catalogue": Catalogue([self.entry]).to_json()})
        with tempfile.TemporaryDirectory() as folder:
            try:
                artefacts = executor.execute(order.request, Path(folder), _ignore)
            except ExecutionFailed as failed:
                raise RefusedError(of_failure(failed.failure)) from failed
            return payload(artefacts, DirectoryFiles(Path(folder)), is_map=len(order.request.outputs) != 1)


def entry_of(processor_def: Mapping[str, Any]) -> Entry:
    """The catalogue entry that a ``processor:`` section means."""
    if "entry" in processor_def:
        return Entry.from_json(processor_def["entry"])
    if "function" not in processor_def:
        raise ValueError("a Method takes 'function', as in function: flood:flood_days")
    return _described(str(processor_def["function"]))


@cache
def _described(function: str) -> Entry:
    return describe_here(function)


@cache
def _checker(entry_json: str) -> InputValidator:
    return InputValidator(Entry.from_json(json.loads(entry_json)), Datasets({}), Policy(own=""))


def checked_order(entry: Entry, inputs: Any, outputs: Any, shape: str = "raw") -> ExecuteRequest:
    """An execute request as pygeoapi hands it over, checked."""
    checker = _checker(json.dumps(entry.to_json()))
    document = {"inputs": inputs, "outputs": outputs, "response": shape}
    try:
        return order_of(document, entry, checker, ResponseHeaders())
    except Problem as problem:
        raise RefusedError(problem) from problem
    except InputError as error:
        raise RefusedError(Problem(400, "InvalidParameterValue", error.detail)) from error


def payload(artefacts: tuple[Artefact, ...], artefact_files: ArtefactFiles, *, is_map: bool) -> tuple[str, Any]:
    """Outputs as the one payload pygeoapi can send: the one that was asked for as it is, a map as a JSON object."""
    if not is_map:
        return _single(artefacts[0], artefact_files)
    return "application/json", {each.output: _in_json(each, artefact_files) for each in artefacts}


def _single(artefact: Artefact, artefact_files: ArtefactFiles) -> tuple[str, Any]:
    """An object or list as it is, and all else as bytes, which is what every manager of pygeoapi can store."""
    if artefact.file is not None:
        return artefact.media_type, artefact_files.read(artefact.file)
    if isinstance(artefact.value, dict | list):
        return artefact.media_type, artefact.value
    # pygeoapi would put bytes of just application/json into quotes
    return "application/json; charset=utf-8", json.dumps(artefact.value).encode()


def _in_json(artefact: Artefact, artefact_files: ArtefactFiles) -> Any:
    if artefact.file is None:
        return artefact.value
    content = b64encode(artefact_files.read(artefact.file)).decode()
    return {"value": content, "mediaType": artefact.media_type, "encoding": "base64"}


def _ignore(fraction: float, message: str) -> None:
    """pygeoapi has nowhere to show progress."""
