"""The page of all methods says what is."""

import importlib
import inspect

import pytest
from agreement import compared, stored
from catalogue_page import LIBRARIES, PAGE, described, ours, page

EIGHTEEN = {
    "subset", "point-series", "zonal-statistics", "climatology", "temporal-resample", "area-mean", "trend",
    "percentile", "climate-index", "regrid", "reproject", "terrain", "contours", "polygonize", "interpolate-stations",
    "eof", "correlation-map", "ensemble-statistics",
}  # fmt: skip


def test_all_eighteen_methods_and_the_quicklook_are_there():
    assert set(ours()) >= EIGHTEEN | {"quicklook"}


def test_every_method_is_on_the_page():
    assert sorted(LIBRARIES) == ours()


def test_the_page_is_what_its_sources_say():
    assert PAGE.read_text(encoding="utf-8") == page(), "stale; run python tests/methods/catalogue_page.py"


def test_what_the_page_compares_is_compared_by_a_test():
    assert set(stored()) == set(compared()), "run the tests with MOORAGE_RECORD=1"


def test_every_method_is_compared_with_something_independent():
    assert {process for process, _ in compared()} >= EIGHTEEN


def test_no_difference_is_larger_than_the_tests_let_pass():
    assert all(row.seen <= row.within for row in stored().values())


@pytest.mark.parametrize("name", sorted(LIBRARIES))
def test_each_method_tells_its_units_formula_errors_and_paper(name):
    address = described()[name].address
    documented = inspect.getdoc(getattr(importlib.import_module(address.module), address.name))
    for section in ("Parameters", "Returns", "Raises", "Notes", "References"):
        assert f"\n{section}\n{'-' * len(section)}\n" in documented, f"{name} has no section {section}"
