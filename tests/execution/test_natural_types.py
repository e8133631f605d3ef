"""What Python's own users write travels: arrays, paths, figures, dicts and lists, nothing, generators, classes."""

from __future__ import annotations

import base64
import io
import logging

import numpy as np
import pytest
from moorage_processes.execution.request import ExecutionFailed
from moorage_processes.ogc.requests.kvp import read_query
from support.executing import MethodsHere
from support.paths import AUTHOR_MODULES
from werkzeug.datastructures import MultiDict

PNG = b"\x89PNG\r\n\x1a\n"
NPY, JSON = "application/x-npy", "application/json"


@pytest.fixture(scope="module")
def methods(tmp_path_factory) -> MethodsHere:
    return MethodsHere.of(AUTHOR_MODULES / "methods_of_natural_types.py", tmp_path_factory.mktemp("outputs"))


def npy(array: np.ndarray) -> str:
    file = io.BytesIO()
    np.save(file, array)
    return base64.b64encode(file.getvalue()).decode()


def refused(methods: MethodsHere, process: str, **inputs: object) -> str:
    with pytest.raises(ExecutionFailed) as failed:
        methods.execute(process, **inputs)
    assert failed.value.failure.reason == "input"
    return failed.value.failure.detail


def reason(methods: MethodsHere, caplog: pytest.LogCaptureFixture, process: str, **inputs: object) -> str:
    with pytest.raises(ExecutionFailed) as failed:
        methods.execute(process, **inputs)
    assert failed.value.failure.reason == "error"
    return caplog.records[-1].getMessage()


# -- arrays -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("array", [np.array([[1.5, np.nan]]), np.zeros((0, 3)), np.array(3), np.array([True, False])])
def test_an_array_comes_back_as_it_went(methods, array):
    found = methods.execute("doubled", numbers=npy(array))["result"]
    assert found.media_type == NPY
    back = np.load(io.BytesIO(methods.content(found)))
    assert np.array_equal(back, array * 2, equal_nan=back.dtype.kind == "f")
    assert back.dtype == (array * 2).dtype


def test_an_array_may_come_and_go_as_json(methods):
    found = methods.execute("doubled", {"result": JSON}, numbers=[[1, 2], [3, None]])["result"]
    assert methods.content(found) == b"[[2.0, 4.0], [6.0, null]]"
    found = methods.execute("moments", {"result": JSON})["result"]
    assert methods.content(found) == b'["2000-01-01", null]'


def test_an_array_may_stand_in_a_query(methods):
    read = read_query(MultiDict({"numbers": "[[1, 2], [3, 4]]"}), methods.catalogue["doubled"])
    assert read.document["inputs"] == {"numbers": [[1, 2], [3, 4]]}


def test_an_array_has_the_type_that_its_annotation_says(methods):
    assert methods.execute("kind-of-array", numbers=[[1, 2]])["result"].value == "float64 (1, 2)"
    assert methods.execute("kind-of-array", numbers=npy(np.arange(3, dtype="i2")))["result"].value == "float64 (3,)"
    assert "an array of complex128 is not an array of float64" in refused(
        methods, "kind-of-array", numbers=npy(np.array([1j]))
    )


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([[1, 2], [3]], "its rows are of one length"),
        ([{"a": 1}], "hold numbers"),
        ("words", "a list of numbers, or base64"),
        (base64.b64encode(b"nothing").decode(), "content this service reads"),
        (5, "a list of numbers"),
    ],
)
def test_what_is_no_array_is_refused(methods, numbers, words):
    assert words in refused(methods, "doubled", numbers=numbers)


def test_a_file_of_numpys_that_promises_more_than_it_holds_is_refused(methods):
    content = base64.b64decode(npy(np.zeros((10, 10)))).replace(b"(10, 10)", b"(99999, 99999)")
    assert "broken" in refused(methods, "doubled", numbers=base64.b64encode(content).decode())


def test_an_array_of_objects_is_refused_either_way(methods):
    assert "an array of object cannot travel" in refused(methods, "objects")
    file = io.BytesIO()
    np.save(file, np.array([{}], object), allow_pickle=True)
    assert "broken" in refused(methods, "doubled", numbers=base64.b64encode(file.getvalue()).decode())


# -- paths --------------------------------------------------------------------------------------------------


def test_a_method_gets_a_file_whose_name_tells_its_format(methods):
    content = base64.b64encode(b"a,b\n1,2\n").decode()
    assert methods.execute("count-lines", table=content)["result"].value == {"lines": 2, "suffix": ".csv"}
    assert methods.execute("any-file", file=content)["result"].value == 8
    assert methods.execute("any-file")["result"].value == 0
    assert list(methods.directory.glob("input-*")) == []


@pytest.mark.starts
def test_files_that_a_method_wrote_are_its_outputs_and_others_stay(methods, tmp_path):
    kept = tmp_path / "kept.txt"
    kept.write_text("kept")
    found = methods.execute("files", kept=str(kept))
    assert {name: each.file for name, each in found.items()} == {
        "made": "made.csv",
        "kept": "kept.txt",
        "linked": "linked.txt",
    }
    assert found["made"].media_type == "text/csv"
    # what the program that it started took for the place of temporary files
    assert str(methods.directory) in methods.content(found["made"]).decode()
    assert methods.content(found["kept"]) == methods.content(found["linked"]) == b"kept"
    assert not (methods.directory / "linked.txt").is_symlink()
    assert kept.read_text() == "kept"
    assert list(methods.directory.glob("work-*")) == []


def test_a_path_without_a_file_is_the_methods_fault(methods, caplog, tmp_path):
    assert "which is not there; it takes a file" in reason(methods, caplog, "no-file", where=str(tmp_path / "none"))
    assert "which is a folder" in reason(methods, caplog, "no-file", where=str(tmp_path))


# -- figures ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("media_type", "begin"), [("image/png", PNG), ("image/svg+xml", b"<?xml")])
def test_a_figure_is_drawn_in_dots_or_lines(methods, media_type, begin):
    found = methods.execute("plot", {"result": media_type})["result"]
    assert (found.media_type, methods.content(found)[: len(begin)]) == (media_type, begin)
    assert methods.execute("plot")["result"].media_type == "image/png"


def test_a_figure_of_pyplots_is_closed_when_it_was_drawn(methods, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    before = methods.execute("open-figures")["result"].value
    assert methods.content(methods.execute("plot-with-pyplot")["result"]).startswith(PNG)
    assert methods.execute("open-figures")["result"].value == before


# -- plain values -------------------------------------------------------------------------------------------


def test_a_dict_or_list_is_any_json(methods):
    found = methods.execute("anything", given={"value": {"a": [1, None]}}, more=["b", 2.5])
    assert found["result"].value == [{"a": [1, None]}, ["b", 2.5], None]
    assert methods.execute("nested", parts=[{"a": 1}, {"a": "b"}])["result"].value == {"a": [1, "b"]}
    described = methods.catalogue["anything"].description
    assert described["inputs"]["given"]["schema"] == {"type": "object"}
    assert described["inputs"]["more"]["schema"] == {"type": "array", "items": {}}


def test_a_method_that_returns_nothing_has_no_outputs(methods, caplog):
    assert methods.catalogue["nothing"].description["outputs"] == {}
    assert methods.execute("nothing") == {}
    assert "not-nothing returned a int; it declares None" in reason(methods, caplog, "not-nothing")


# -- generators ---------------------------------------------------------------------------------------------


def test_what_a_generator_yields_is_its_progress_and_what_it_returns_its_result(methods):
    told: list[tuple[float, str]] = []
    report = lambda fraction, message: told.append((fraction, message))  # noqa: E731 - as short as it is
    assert methods.execute("melted", report=report, steps=2)["result"].value == 2.0
    assert told[:4] == [(0.0, "year 0"), (0.25, "half a year"), (0.5, "half a year"), (0.5, "year 1")]
    assert told[-1][0] == 1.0
    assert methods.catalogue["melted"].description["outputs"]["result"]["schema"]["type"] == "number"
    assert methods.execute("glacier-shrink", area=3.0, by=1.0)["result"].value == 2.0


# -- classes ------------------------------------------------------------------------------------------------


def test_a_method_of_a_class_says_which_inputs_make_the_object(methods):
    assert methods.catalogue["glacier-melt"].description["metadata"] == [
        {"role": "moorage:class", "title": "glacier"},
        {"role": "moorage:method", "title": "melt"},
        {"role": "moorage:constructor", "title": "area"},
    ]
    assert len(methods.catalogue["glacier-unit"].description["metadata"]) == 2
    assert "metadata" not in methods.catalogue["plot"].description


def test_only_what_is_wrong_is_logged(methods, caplog):
    caplog.set_level(logging.INFO)
    methods.execute("plot")
    assert [each for each in caplog.records if each.name.startswith("moorage")] == []
