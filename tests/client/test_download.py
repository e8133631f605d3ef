"""Downloads are streamed into files, and taken up again where a connection broke."""

from __future__ import annotations

import itertools
import tracemalloc

import moorage
import pytest
from moorage import UnreachableError
from moorage.connection import Connection
from moorage.download import Source, save
from support.scripted_server import Answer, scripted

CONTENT = bytes(range(256)) * 1000
BINARY = {"Content-Type": "application/octet-stream"}


def parts(*sizes, tag='"1"', contents=CONTENT):
    """A file whose connection breaks after so many bytes, time after time; it knows ranges."""
    left = itertools.chain(sizes, itertools.repeat(None))

    def answer(told):
        headers = BINARY | ({"ETag": tag} if tag else {})
        begin = int(told.headers.get("Range", "bytes=0-")[6:-1])
        if not begin:
            return Answer(contents, 200, headers, cut=next(left))
        assert told.headers["If-Match"] == tag
        span = {"Content-Range": f"bytes {begin}-{len(contents) - 1}/{len(contents)}"}
        return Answer(contents[begin:], 206, headers | span, cut=next(left))

    return answer


def downloaded(service, tmp_path):
    """What arrives of the file."""
    source = Source(Connection(service.url), f"{service.url}/file")
    reports = []
    save(source.open(), source, tmp_path / "file", lambda *report: reports.append(report))
    return (tmp_path / "file").read_bytes(), reports


@pytest.mark.parametrize("sizes", [(), (1000,), (0, 0, 1000, 1, 200_000)])
def test_a_file_arrives_whole_however_often_the_connection_breaks(tmp_path, sizes):
    with scripted({"GET /file": parts(*sizes)}) as service:
        content, reports = downloaded(service, tmp_path)
    assert content == CONTENT
    assert reports[-1] == (len(CONTENT), len(CONTENT))


def test_only_the_rest_is_asked_for(tmp_path):
    with scripted({"GET /file": parts(1000, 500)}) as service:
        downloaded(service, tmp_path)
        asked = [each.headers.get("Range") for each in service.requests("GET", "/file")]
    assert asked == [None, "bytes=1000-", "bytes=1500-"]


@pytest.mark.parametrize("tag", [None, 'W/"1"'])
def test_a_file_that_cannot_be_told_from_another_begins_anew(tmp_path, tag):
    with scripted({"GET /file": parts(1000, tag=tag)}) as service:
        assert downloaded(service, tmp_path)[0] == CONTENT
        assert not any("Range" in each.headers for each in service.heard)


def test_a_file_that_changed_meanwhile_begins_anew(tmp_path):
    script = [
        Answer(b"old" * 1000, 200, {"ETag": '"old"'}, cut=10),
        Answer(b"", 412),
        Answer(CONTENT, 200, {"ETag": '"new"'}),
    ]
    with scripted({"GET /file": script}) as service:
        assert downloaded(service, tmp_path)[0] == CONTENT


def test_a_service_that_does_not_know_ranges_begins_anew(tmp_path):
    script = [Answer(CONTENT, 200, {"ETag": '"1"'}, cut=10), Answer(CONTENT, 200, {"ETag": '"1"'})]
    with scripted({"GET /file": script}) as service:
        assert downloaded(service, tmp_path)[0] == CONTENT


def test_a_file_that_never_comes_is_given_up(tmp_path):
    with (
        scripted({"GET /file": Answer(CONTENT, 200, {"ETag": '"1"'}, cut=0)}) as service,
        pytest.raises(UnreachableError, match="breaks off after 0 bytes"),
    ):
        downloaded(service, tmp_path)


def test_a_chunked_file_that_breaks_off_is_taken_up(tmp_path):
    first = b"%x\r\n%s\r\n" % (1000, CONTENT[:1000])

    def answer(told):
        if "Range" in told.headers:
            return parts()(told)
        return Answer(
            first, 200, {"ETag": '"1"', "Transfer-Encoding": "chunked", "Content-Length": None}, cut=len(first)
        )

    with scripted({"GET /file": answer}) as service:
        assert downloaded(service, tmp_path)[0] == CONTENT
        assert service.heard[-1].headers["Range"] == "bytes=1000-"


def test_an_answer_to_a_call_is_taken_up_from_its_job():
    script = {
        "POST /processes/p/execution": Answer(
            CONTENT, 200, BINARY | {"ETag": '"1"', "Link": '</jobs/1>; rel="monitor"'}, cut=1000
        ),
        "GET /jobs/1/results": parts(),
    }
    with scripted(script) as service:
        assert moorage.connect(service.url).p().read_bytes() == CONTENT
        assert service.heard[-1].headers["Range"] == "bytes=1000-"


def test_an_answer_without_a_job_that_breaks_off_is_told():
    with (
        scripted({"POST /processes/p/execution": Answer(CONTENT, 200, BINARY, cut=1000)}) as service,
        pytest.raises(UnreachableError, match="keeps no copy"),
    ):
        moorage.connect(service.url).p()


def test_a_large_result_is_never_in_memory(tmp_path):
    large = bytes(40_000_000)
    with scripted({"GET /file": parts(contents=large)}) as service:
        source = Source(Connection(service.url), f"{service.url}/file")
        tracemalloc.start()
        try:
            save(source.open(), source, tmp_path / "file", lambda *_: None)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert (tmp_path / "file").stat().st_size == len(large)
    # the server of this test shares the process: what it copies to send is counted too
    assert peak < 2 * len(large)
