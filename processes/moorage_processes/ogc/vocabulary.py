"""Every URI of the standard, in one place, because the drafts move them."""

from __future__ import annotations

CONFORMANCE = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/"
COMMON = "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/"
EXCEPTIONS = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
RELATIONS = "http://www.opengis.net/def/rel/ogc/1.0/"
DRAFT = "http://www.opengis.net/spec/ogcapi-processes-1/2.0/conf/"
PROFILES = "https://www.opengis.net/def/profile/OGC/0/"

CONFORMS_TO = (
    f"{COMMON}core",
    f"{COMMON}landing-page",
    f"{COMMON}json",
    f"{COMMON}html",
    f"{COMMON}oas30",
    *(
        f"{CONFORMANCE}{name}"
        for name in (
            "core", "ogc-process-description", "json", "html", "oas30", "job-list", "callback", "dismiss",
        )
    ),
)  # fmt: skip
"""What is built to the letter: all of Part 1 version 1.0."""
CONFORMS_TO_DRAFT = tuple(
    f"{DRAFT}{name}"
    for name in ("json", "html", "job-list", "callback", "dismiss", "kvp-execute", "query-param-profile")
)
"""What is met of draft 2.0. Its core is not: without a word from the caller, 1.0 decides how results come."""
CONFORMS_TO_COLLECTIONS = ("http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",)
"""Where there are datasets."""
CONFORMS_TO_FEATURES = tuple(
    f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{name}" for name in ("core", "oas30", "html", "geojson")
)
"""Where there are features or tables."""
CONFORMS_TO_EDR = ("http://www.opengis.net/spec/ogcapi-edr-1/1.0/conf/core",)
"""Where there are grids. OGC API - Coverages is not a standard yet, so nobody can be told to conform to it."""

NO_SUCH_PROCESS = f"{EXCEPTIONS}no-such-process"
NO_SUCH_JOB = f"{EXCEPTIONS}no-such-job"
NO_SUCH_OUTPUT = f"{EXCEPTIONS}no-such-output"
RESULT_NOT_READY = f"{EXCEPTIONS}result-not-ready"
RESULT_NOT_AVAILABLE = f"{EXCEPTIONS}result-not-available"
NO_PICTURE = "NoPicture"
INVALID_QUERY = f"{EXCEPTIONS}invalid-query-parameter-value"
INVALID_PARAMETER = "InvalidParameterValue"
"""The type the standard's own example gives to an input that cannot be used."""

REL_CONFORMANCE = f"{RELATIONS}conformance"
REL_EXECUTE = f"{RELATIONS}execute"
REL_RESULTS = f"{RELATIONS}results"
REL_EXCEPTIONS = f"{RELATIONS}exceptions"
REL_JOB_LIST = f"{RELATIONS}job-list"
REL_PROCESSES = f"{RELATIONS}processes"
REL_LOG = f"{RELATIONS}log"

PROFILE_DESCRIPTION = f"{PROFILES}ogc-process-description"
PROFILE_RESULTS = f"{PROFILES}ogc-results"
PROFILE_STATUS = f"{PROFILES}ogc-status-info"
PROFILE_NAMES = frozenset(each.rpartition("/")[2] for each in (PROFILE_DESCRIPTION, PROFILE_RESULTS, PROFILE_STATUS))
"""Profiles a caller may ask for, by their short names; each also says that they speak draft 2.0."""

JSON = "application/json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
PROBLEM = "application/problem+json"
HTML = "text/html"
TEXT = "text/plain"
