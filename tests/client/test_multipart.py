"""Several outputs in one answer are taken apart, wherever the network cuts it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some
from moorage import ResultError
from moorage.multipart import split

BOUNDARY = "frontier"
CONTENT_TYPE = f'multipart/related; boundary="{BOUNDARY}"; type="text/plain"'
CONTENTS = some.lists(
    some.binary(max_size=60) | some.sampled_from([b"\r\n", b"\r\n--", b"--frontie", b"\r\n--frontie"])
)


def body(contents, preamble=b""):
    """A multipart body with these contents."""
    lines = [preamble]
    for number, content in enumerate(contents):
        lines.append(b"--frontier\r\nContent-Type: text/x\r\nContent-ID: <part%d>\r\n\r\n%s\r\n" % (number, content))
    return b"".join([*lines, b"--frontier--\r\n"])


@given(contents=CONTENTS, size=some.integers(1, 70), preamble=some.sampled_from([b"", b"as RFC 2046 permits\r\n"]))
def test_each_part_comes_out_as_it_went_in(tmp_path_factory, contents, size, preamble):
    whole = body(contents, preamble)
    blocks = (whole[begin : begin + size] for begin in range(0, len(whole), size))
    folder = tmp_path_factory.mktemp("parts")
    names = (folder / str(number) for number in range(100))
    parts = split(blocks, CONTENT_TYPE, lambda: next(names))
    assert [part.path.read_bytes() for part in parts] == contents
    assert [part.id for part in parts] == [f"part{number}" for number in range(len(contents))]
    assert {part.media_type for part in parts} <= {"text/x"}


@pytest.mark.parametrize("length", [5, 40, 90])
def test_an_answer_that_breaks_off_is_refused(tmp_path, length):
    with pytest.raises(ResultError, match="breaks off"):
        split(iter([body([b"some content" * 10])[:length]]), CONTENT_TYPE, lambda: tmp_path / "part")


def test_an_answer_without_a_boundary_is_refused(tmp_path):
    with pytest.raises(ResultError, match="no boundary"):
        split(iter([b""]), "multipart/related", lambda: tmp_path / "part")


def test_a_part_without_headers_is_a_part(tmp_path):
    (part,) = split(iter([b"--frontier\r\n\r\nwords\r\n--frontier--"]), CONTENT_TYPE, lambda: tmp_path / "part")
    assert part.path.read_bytes() == b"words"
    assert part.location is None
