"""Progress goes from 0 to 1, never back, and a step's own progress is its share of the whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moorage_processes import progress
from moorage_processes.authoring.progress import listening


@pytest.fixture
def told():
    """What a listener hears while a test runs."""
    heard: list[tuple[float, str]] = []
    with listening(lambda fraction, message: heard.append((round(fraction, 6), message))):
        yield heard


def test_nothing_happens_where_nobody_listens():
    progress(0.5, "half")
    assert list(progress.track([1, 2])) == [1, 2]
    with progress.part(0.1, 0.2):
        progress(1.0)


def test_fraction_and_message_are_heard(told):
    progress(0.3, "reading")
    progress(0.6)
    progress(1.0, "writing")
    assert told == [(0.3, "reading"), (0.6, "reading"), (1.0, "writing")]


def test_it_never_goes_back_and_stays_within_bounds(told):
    progress(0.5)
    progress(0.2, "late")
    progress(-3, "later")
    progress(7)
    assert told == [(0.5, ""), (0.5, "late"), (0.5, "later"), (1.0, "later")]


def test_a_loop_is_followed_item_by_item(told):
    assert list(progress.track("abcd", "letters")) == ["a", "b", "c", "d"]
    assert told == [(0.0, "letters"), (0.25, "letters"), (0.5, "letters"), (0.75, "letters"), (1.0, "letters")]


def test_a_step_reports_into_its_share(told):
    with progress.part(0.2, 0.6):
        progress(0.5, "middle")
    progress(0.8, "end")
    assert told == [(0.2, ""), (0.4, "middle"), (0.6, "middle"), (0.8, "end")]


def test_an_item_of_a_loop_is_a_share(told):
    for _ in progress.track(range(2), "outer"):
        for _ in progress.track(range(2), "inner"):
            progress(0.5)
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert {0.125, 0.375, 0.625, 0.875} <= set(fractions)
    assert fractions[-1] == 1.0


def test_parts_inside_parts_multiply(told):
    with progress.part(0.5, 1.0), progress.part(0.5, 1.0):
        progress(0.5, "deep")
    assert (0.875, "deep") in told


def test_a_loop_that_is_left_early_gives_its_share_back(told):
    for number in progress.track(range(10)):
        if number == 1:
            break
    progress(0.9, "after")
    assert told[-1] == (0.9, "after")


def test_an_error_inside_a_step_leaves_the_whole_as_it_was(told):
    with pytest.raises(ValueError, match="broken"), progress.part(0.0, 0.5):
        raise ValueError("broken")
    progress(0.9, "mended")
    assert told[-1] == (0.9, "mended")


def test_a_loop_of_unknown_length_is_told_when_it_ends(told):
    assert sum(progress.track(iter(number for number in range(3)), "counting")) == 3
    assert told == [(0.0, "counting"), (1.0, "counting")]


def test_a_length_can_be_told(told):
    assert list(progress.track((number for number in range(2)), total=2)) == [0, 1]
    assert (0.5, "") in told


def test_steps_too_small_to_see_are_not_told(told):
    for _ in progress.track(range(100_000)):
        pass
    assert len(told) < 2_000
    assert told[-1][0] == 1.0


def test_another_thread_may_tell_within_a_copied_context(told):
    import contextvars

    with ThreadPoolExecutor(1) as pool:
        pool.submit(contextvars.copy_context().run, progress, 0.4, "thread").result()
    assert told == [(0.4, "thread")]


STEPS = st.recursive(
    st.floats(-1, 2).map(lambda fraction: ("tell", fraction)),
    lambda inner: (
        st.tuples(st.just("part"), st.floats(0, 1), st.floats(0, 1), st.lists(inner, max_size=3))
        | st.tuples(st.just("track"), st.lists(inner, max_size=3))
    ),
    max_leaves=12,
)


def perform(step: tuple) -> None:
    match step:
        case ("tell", fraction):
            progress(fraction)
        case ("part", start, end, steps):
            with progress.part(start, end):
                for each in steps:
                    perform(each)
        case ("track", steps):
            for each in progress.track(steps):
                perform(each)


@given(st.lists(STEPS, max_size=4))
def test_whatever_is_told_the_fraction_grows_from_0_to_1(steps):
    heard: list[float] = []
    with listening(lambda fraction, _: heard.append(fraction)):
        for step in steps:
            perform(step)
    assert heard == sorted(heard)
    assert all(0 <= fraction <= 1 for fraction in heard)
