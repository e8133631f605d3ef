"""What a call that is waited for answers."""

from __future__ import annotations

import pytest
import shapes
from exchange import execute
from standard import valid


def executed(url: str, case: shapes.Case) -> None:
    """Execute and check; without asking for a media type, as the suite of the standard does."""
    case.check(execute(url, case.process, case.body))


@pytest.mark.requirement("/req/core/process-execute-sync-raw-value-one")
@pytest.mark.parametrize("case", shapes.RAW_VALUE_ONE)
def test_one_raw_value_is_the_body(url, case):
    executed(url, case)


@pytest.mark.requirement("/req/core/process-execute-sync-raw-value-multi")
@pytest.mark.parametrize("case", shapes.RAW_VALUE_MULTI)
def test_several_raw_values_are_parts(url, case):
    executed(url, case)


@pytest.mark.requirement("/req/core/process-execute-sync-raw-ref")
@pytest.mark.parametrize("case", shapes.RAW_REFERENCE)
def test_raw_references_are_links_in_the_head(url, case):
    executed(url, case)


@pytest.mark.requirement("/req/core/process-execute-sync-raw-mixed-multi")
@pytest.mark.parametrize("case", shapes.RAW_MIXED)
def test_a_reference_among_raw_values_is_a_part_with_a_location(url, case):
    executed(url, case)


@pytest.mark.requirement("/req/core/process-execute-sync-document", "/text/core/inline-or-ref-data")
@pytest.mark.parametrize("case", shapes.DOCUMENT)
def test_a_document_maps_outputs_to_values(url, case):
    executed(url, case)


@pytest.mark.requirement("/text/core/inline-or-ref-data")
def test_a_bare_object_is_no_value_of_a_document(url):
    body = {"inputs": {"anything": {"value": {"a": 1}}}, "response": "document"}
    assert execute(url, "same", body).json() == {"result": {"value": {"a": 1}}}


@pytest.mark.requirement("/req/core/process-execute-sync-document")
def test_a_document_is_json_whatever_else_is_accepted(url):
    body = {"inputs": {"message": "a"}, "response": "document"}
    for accept in ("*/*", "application/json", "image/png, application/json;q=0.1"):
        answer = execute(url, "echo", body, Accept=accept)
        assert (answer.headers["Content-Type"], answer.json()) == ("application/json", {"message": "a"})


@pytest.mark.requirement("/req/core/process-execute-sync-raw-value-multi", "/req/core/process-execute-sync-raw-ref")
@pytest.mark.parametrize("case", [shapes.RAW_VALUE_MULTI[1], *shapes.RAW_MIXED, *shapes.RAW_REFERENCE])
def test_what_the_request_says_of_its_results_outweighs_accept(url, case):
    case.check(execute(url, case.process, case.body, Accept="application/json"))


@pytest.mark.requirement("/text/core/inline-or-ref-data")
@pytest.mark.parametrize("sent", [{"bbox": "none"}, {"bbox": [1, 2, 3]}, {"href": 5}, {"value": 1}, {}])
def test_an_object_that_only_looks_like_a_box_or_a_link_is_a_qualified_value(url, sent):
    body = {"inputs": {"anything": {"value": sent}}, "response": "document"}
    assert valid(execute(url, "same", body).json(), "results") == {"result": {"value": sent}}
