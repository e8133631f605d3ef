"""Every URI of the standard, in one place, because the drafts move them."""

from __future__ import annotations

CONFORMANCE = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/"
COMMON = "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/"
EXCEPTIONS = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
RELATIONS = "http://www.opengis.net/def/rel/ogc/1.0/"

CONFORMS_TO = (
    f"{COMMON}core",
    f"{COMMON}landing-page",
    f"{COMMON}json",
    f"{CONFORMANCE}core",
    f"{CONFORMANCE}ogc-process-description",
    f"{CONFORMANCE}json",
    f"{CONFORMANCE}dismiss",
)
"""What is built to the letter today; a class joins when each of its requirements is met."""

NO_SUCH_PROCESS = f"{EXCEPTIONS}no-such-process"
NO_SUCH_JOB = f"{EXCEPTIONS}no-such-job"
NO_SUCH_OUTPUT = f"{EXCEPTIONS}no-such-output"
RESULT_NOT_READY = f"{EXCEPTIONS}result-not-ready"
RESULT_NOT_AVAILABLE = f"{EXCEPTIONS}result-not-available"
INVALID_QUERY = f"{EXCEPTIONS}invalid-query-parameter-value"
INVALID_PARAMETER = "InvalidParameterValue"
"""The type the standard's own example gives to an input that cannot be used."""

REL_EXECUTE = f"{RELATIONS}execute"
REL_RESULTS = f"{RELATIONS}results"
REL_EXCEPTIONS = f"{RELATIONS}exceptions"
REL_JOB_LIST = f"{RELATIONS}job-list"
REL_PROCESSES = f"{RELATIONS}processes"
REL_LOG = f"{RELATIONS}log"

JSON = "application/json"
PROBLEM = "application/problem+json"
HTML = "text/html"
TEXT = "text/plain"
