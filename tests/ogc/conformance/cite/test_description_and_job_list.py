"""Tests 46 to 54 of the compliance suite: classes ogc-process-description and job-list."""

from __future__ import annotations

from exchange import MESSAGE, get_json, submit
from standard import valid


def test_46_process_description_json(url):
    get_json(f"{url}/processes/echo", "process")


def test_47_inputs_def(suite):
    assert suite.described["inputs"]


def test_48_input_def(suite):
    for each in suite.described["inputs"].values():
        valid(each, "inputDescription")


def test_49_input_definition_of_mixed_type(suite):
    assert any("oneOf" in each["schema"] for each in suite.described["inputs"].values())


def test_50_outputs_def(suite):
    assert suite.described["outputs"]


def test_51_output_def(suite):
    for each in suite.described["outputs"].values():
        valid(each, "outputDescription")


def test_52_output_definition_of_mixed_type(suite):
    assert any("oneOf" in each["schema"] for each in suite.described["outputs"].values())


def test_53_job_list(url):
    submit(url, "echo", {"inputs": MESSAGE})
    assert get_json(f"{url}/jobs", "jobList")["jobs"]


def test_54_job_list_success(url):
    get_json(f"{url}/jobs", "jobList")
