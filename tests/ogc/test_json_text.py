"""JSON of callers is read as it stands, or refused before anything later would stumble over it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moorage_processes.ogc.requests.json_text import DEEPEST, JsonError, parsed

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers(-(10**300), 10**300) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(value=VALUES, is_ascii=st.booleans())
def test_what_is_json_is_read_as_it_is(value, is_ascii):
    assert parsed(json.dumps(value, ensure_ascii=is_ascii).encode()) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"NaN", "holds NaN, which is not JSON"),
        (b"[-Infinity]", "holds -Infinity"),
        (b"1e400", "holds the number 1e400, which is beyond"),
        (b"[1, -1E+309]", "holds the number -1E\\+309"),
        (b"1" + b"0" * 309, "holds the number 1000"),
        (b"1" + b"0" * 309 + b".5", "holds the number 1000"),
        (b"1" + b"0" * 9000, "holds the number 1000"),
        (rb'"\ud800"', r"holds '\\ud800', which is half of a character"),
        (rb'{"a\uDFFF": 1}', "half of a character"),
        (b'"\xed\xa0\x80"', "is not JSON"),
        (b'"\xff"', "is not JSON"),
        ("[1]".encode("utf-16"), "is not JSON"),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), f"nested more than {DEEPEST} deep"),
        (b'{"a":' * 100_000, "nested more than"),
        (b'"]]]]]"' + b"[" * 1000, "nested more than"),
        (b"{", "is not JSON"),
        (b"", "is not JSON"),
    ],
)
def test_what_could_not_be_worked_with_is_refused(text, words):
    with pytest.raises(JsonError, match=words):
        parsed(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (rb'"\ud83d\ude00"', "\N{GRINNING FACE}"),
        (rb'"\\ud800"', r"\ud800"),
        (b"\xef\xbb\xbf1", 1),
        (b"1.7e308", 1.7e308),
        (b"1e-999", 0.0),
        (b"1e0001", 10.0),
        (b'"1e400"', "1e400"),
        (b'"' + b"[" * 1000 + b'"', "[" * 1000),
        (rb'["\"[[["]', ['"[[[']),
    ],
)
def test_what_only_looks_like_it_is_read(text, value):
    assert parsed(text) == value


def test_it_may_be_nested_as_deep_as_is_said():
    assert json.dumps(parsed(b"[" * DEEPEST + b"]" * DEEPEST)) == "[" * DEEPEST + "]" * DEEPEST
