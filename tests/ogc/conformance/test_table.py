"""Nothing the standard asks for is left without a test, and the table that says so is true."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from standard import faults, requirements
from table import NOT_RUN, TABLE, cite_tests, proofs, table

TESTED = {each for proof in proofs() for each in proof.ids}


def test_the_table_says_what_the_tests_say():
    assert TABLE.read_text(encoding="utf-8") == table(), "run python tests/ogc/conformance/table.py"


def test_the_table_of_the_readme_counts_right_and_leads_to_the_tests():
    readme = Path(__file__).parents[3] / "README.md"
    rows = re.findall(r"^\| `([\w-]+)` \| (\d+) \| \[.*?\]\((.*?)\)", readme.read_text(encoding="utf-8"), re.MULTILINE)
    required = Counter(each.conformance_class for each in requirements().values() if each.kind == "requirement")
    assert {name: int(number) for name, number, _ in rows} == required
    assert all((readme.parent / place).exists() for _, _, place in rows)


def test_every_requirement_has_a_test():
    required = {each.id for each in requirements().values() if each.kind == "requirement"}
    assert not required - TESTED
    assert not [each.id for each in requirements().values() if each.kind == "requirement" and each.reason]


def test_everything_else_has_either_a_test_or_a_reason():
    for each in requirements().values():
        if each.kind != "requirement":
            assert (each.id in TESTED) != bool(each.reason), each.id


def test_no_test_names_what_the_standard_does_not_ask():
    assert not TESTED - set(requirements())


def test_every_test_of_the_standard_runs():
    assert not [each.name for each in proofs() if each.marks & NOT_RUN]


def test_every_test_names_what_it_proves():
    elsewhere = ("cite/", "test_table.py")  # told apart by their numbers, and these here
    assert not [each.name for each in proofs() if not each.ids and not each.file.startswith(elsewhere)]


def test_all_54_tests_of_the_cite_suite_are_here():
    assert sorted(cite_tests()) == list(range(1, 55))


GOOD = {
    "statusInfo": {"jobID": "a", "type": "process", "status": "running", "created": "2026-01-01T00:00:00Z"},
    "link": {"href": "http://a.example/", "type": "text/html"},
    "processSummary": {"id": "a", "version": "1", "jobControlOptions": ["dismiss"]},
    "process": {"id": "a", "version": "1", "inputs": {"x": {"schema": {"type": "number"}, "maxOccurs": "unbounded"}}},
    "results": {"a": 1, "b": {"value": {"c": None}}, "d": {"href": "http://a.example/"}, "e": {"bbox": [0, 0, 1, 1]}},
    "exception": {"type": "InvalidParameterValue", "status": 400},
    "landingPage": {"links": []},
    "confClasses": {"conformsTo": []},
    "processList": {"processes": [], "links": []},
    "jobList": {"jobs": [], "links": []},
    "execute": {"inputs": {"a": [{"href": "http://a.example/"}, {"value": {}}]}, "response": "raw"},
}
SPOILED = [
    ("statusInfo", {"finished": None}),
    ("statusInfo", {"progress": 0.5}),
    ("statusInfo", {"progress": 101}),
    ("statusInfo", {"status": "created"}),
    ("statusInfo", {"created": "2026-01-01 00:00:00"}),
    ("statusInfo", {"created": "2026-01-01T00:00:00"}),
    ("link", {"href": ""}),
    ("link", {"href": "a b"}),
    ("link", {"type": "json"}),
    ("processSummary", {"version": 1}),
    ("processSummary", {"jobControlOptions": ["sync"]}),
    ("processSummary", {"outputTransmission": ["file"]}),
    ("process", {"inputs": [{"id": "x", "schema": {}}]}),
    ("process", {"inputs": {"x": {}}}),
    ("process", {"inputs": {"x": {"schema": {"type": ["number", "null"]}}}}),
    ("process", {"inputs": {"x": {"schema": {"$ref": "#/$defs/a"}}}}),
    ("process", {"inputs": {"x": {"schema": {}, "maxOccurs": "many"}}}),
    ("process", {"outputs": {"x": {"schema": {"type": "number", "minimum": 1, "exclusiveMinimum": 0}}}}),
    ("results", {"a": None}),
    ("results", {"a": {"b": 1}}),
    ("results", {"a": {"bbox": [1, 2, 3]}}),
    ("exception", {"type": ""}),
    ("exception", {"status": "400"}),
    ("landingPage", {"links": {}}),
    ("confClasses", {"conformsTo": "core"}),
    ("processList", {"processes": [{"id": "a"}]}),
    ("jobList", {"jobs": [{"jobID": "a", "status": "running"}]}),
    ("execute", {"response": "both"}),
    ("execute", {"outputs": {"a": {"transmissionMode": "pigeon"}}}),
    ("execute", {"inputs": {"a": {"b": 1}}}),
]


@pytest.mark.parametrize("schema", GOOD)
def test_the_schemas_take_what_the_standard_takes(schema):
    assert not faults(GOOD[schema], schema)


@pytest.mark.parametrize(("schema", "spoiled"), SPOILED)
def test_the_schemas_refuse_what_the_standard_forbids(schema, spoiled):
    assert faults(GOOD[schema] | spoiled, schema)
