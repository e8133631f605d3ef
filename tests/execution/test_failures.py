"""What the caller and the operator are told of an author's own exceptions."""

from __future__ import annotations

import logging

import pytest
from moorage_processes.execution.request import ExecutionFailed, Failure
from moorage_processes.ogc.problems import of_failure
from support.executing import MethodsHere
from support.paths import AUTHOR_MODULES

METHODS = AUTHOR_MODULES / "methods_that_fail.py"


@pytest.fixture(scope="module")
def methods(tmp_path_factory) -> MethodsHere:
    return MethodsHere.of(METHODS, tmp_path_factory.mktemp("outputs"))


def failure(methods: MethodsHere, process: str, **inputs: object) -> Failure:
    with pytest.raises(ExecutionFailed) as failed:
        methods.execute(process, **inputs)
    return failed.value.failure


@pytest.mark.parametrize(
    ("process", "kind", "words", "name"),
    [
        ("no-data", "NoDataError", "1990 holds no data; it has 1990 to 1993", "year"),
        ("empty-period", "EmptyPeriodError", "1990 is empty", None),
    ],
)
def test_class_and_message_of_an_authors_input_error_reach_the_caller(methods, process, kind, words, name):
    found = failure(methods, process, year=1990)
    assert (found.reason, found.kind, found.detail, found.input) == ("input", kind, words, name)
    assert Failure.from_json(found.to_json()) == found
    problem = of_failure(found).to_json()
    assert (problem["status"], problem["kind"], problem["detail"]) == (400, kind, words)


def test_an_input_error_of_ours_has_no_class_to_tell(methods):
    found = failure(methods, "no-data", year="when")
    assert (found.reason, found.kind) == ("input", None)
    assert "kind" not in found.to_json()


@pytest.mark.parametrize("process", ["melt", "glacier-melt"])
def test_the_log_begins_with_the_authors_sentence_and_frames(methods, process, caplog):
    found = failure(methods, process)
    (record,) = caplog.records
    text = logging.Formatter("%(message)s").format(record)
    first, heading, frame = text.splitlines()[:3]
    depth = 1.0 if process == "glacier-melt" else 3.0
    assert first == f"MeltError: at {depth} m the ice is gone ({process} failed, reference {found.reference})"
    assert heading == "Traceback (most recent call last):"
    assert frame.strip().startswith(f'File "{METHODS}"')
    assert "moorage_processes/execution" not in text
    assert "the ice" not in found.detail


def test_where_the_method_was_not_to_blame_all_frames_are_told(methods, caplog):
    failure(methods, "wrong-type")
    text = logging.Formatter("%(message)s").format(caplog.records[0])
    assert text.startswith("TypeError: the method returned a str as 'result'; it declares builtins.bytes (wrong-type")
    assert "executor.py" in text
