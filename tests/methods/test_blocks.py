"""Fields in blocks: whatever the shape, the order, the gaps and the size of a block, the same as numpy on the whole."""

import threading
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from moorage_processes.data import missing_values
from moorage_processes.data.contiguous import straightened
from moorage_processes.methods.streaming import blocks as module
from moorage_processes.methods.streaming.blocks import Sums, blocks, computed, numbers, places, without_gaps
from support.waiting import eventually
from xarray.backends import BackendArray
from xarray.core import indexing

DTYPES = ["float32", "float64", ">f4", ">f8", "int16", "uint8", "int32"]


@st.composite
def fields(draw, dtypes=DTYPES):
    """A field of one to three dimensions, laid out in memory in any order, perhaps with gaps."""
    shape = draw(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    values = random.integers(0, 50, shape).astype(dtype)
    share = draw(st.sampled_from([0, 0.3, 1]))
    if dtype.kind == "f":
        values[random.random(shape) < share] = np.nan
    order = draw(st.permutations(range(len(shape))))
    laid = np.ascontiguousarray(values.transpose(order)).transpose(np.argsort(order))
    dims = "abc"[: len(shape)]
    return xr.DataArray(laid, dims=list(dims)), draw(st.sampled_from(dims)), draw(st.integers(1, 200))


@settings(deadline=None, max_examples=50)
@given(fields())
def test_blocks_are_the_field_from_its_beginning_to_its_end(drawn):
    field, along, budget = drawn
    parts = list(blocks(field, along, "reading", budget))
    whole = field.transpose(along, ...).to_numpy()
    np.testing.assert_array_equal(np.concatenate([part.values for part in parts]), whole)
    assert [part.place for part in parts] == places(field, along, budget)
    assert {part.values.dtype for part in parts} == {np.result_type(whole.dtype.newbyteorder("="), np.float32)}


@settings(deadline=None, max_examples=50)
@given(fields())
def test_what_is_in_memory_is_never_overwritten(drawn):
    field, along, budget = drawn
    before = field.copy(deep=True)
    for part in blocks(field, along, "reading", budget):
        part.values[...] = -1
    xr.testing.assert_identical(field, before)


class Tape(BackendArray):
    """Numbers on a file that tells what was read of it, and may end early."""

    def __init__(self, values, end=np.inf):
        self.values, self.shape, self.dtype, self.end = values, values.shape, values.dtype, end
        self.read = []

    def __getitem__(self, key):
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key):
        if key[0].stop > self.end:
            raise OSError("the file ends before its values do")
        self.read.append(key[0].stop)
        return self.values[key]

    def field(self):
        return xr.DataArray(xr.Variable(("time", "x"), indexing.LazilyIndexedArray(self)))


def test_of_a_file_the_next_block_is_read_while_one_is_worked_on_and_no_other():
    tape = Tape(np.arange(60.0).reshape(20, 3))
    taken = iter(blocks(tape.field(), "time", "reading", 48))
    first = next(taken)
    eventually(lambda: tape.read == [2, 4])
    np.testing.assert_array_equal(first.values, tape.values[:2])
    np.testing.assert_array_equal(np.concatenate([block.values for block in taken]), tape.values[2:])
    assert tape.read == list(range(2, 21, 2))


def test_what_cannot_be_read_is_told_after_what_could_be():
    taken = blocks(Tape(np.zeros((20, 3)), end=10).field(), "time", "reading", 48)
    assert [next(taken).place.stop for _ in range(5)] == [2, 4, 6, 8, 10]
    with pytest.raises(OSError, match="ends before"):
        next(taken)


def test_who_leaves_early_leaves_no_thread_behind():
    taken = blocks(Tape(np.zeros((20, 3))).field(), "time", "reading", 48)
    next(taken)
    taken.close()
    assert not [each for each in threading.enumerate() if each.name.startswith("one ahead")]


@settings(deadline=None, max_examples=50)
@given(fields(["float32", "float64"]))
def test_gaps_become_zero_and_are_told(drawn):
    field, _, _ = drawn
    values = field.to_numpy().copy(order="K")
    filled, there = without_gaps(values.copy(order="K"))
    np.testing.assert_array_equal(filled, np.nan_to_num(values))
    np.testing.assert_array_equal(np.ones_like(values) if there is None else there, ~np.isnan(values))
    assert (there is None) == (not np.isnan(values).any())


@pytest.mark.parametrize("tile", [1, 7, 1000])
def test_gaps_are_found_in_every_tile_and_in_values_that_are_not_in_one_piece(monkeypatch, tile):
    monkeypatch.setattr(missing_values, "TILE", tile)
    values = np.arange(60.0, dtype="float32").reshape(6, 10)
    values[[0, 3, 5], [0, 4, 9]] = np.nan
    infinite = np.where(np.isnan(values), np.nan, np.inf).astype("float32")
    for each in (values.copy(), values.copy().T, infinite, np.repeat(values, 2, axis=1)[:, ::2], values.copy()[::-1]):
        expected, missing = np.nan_to_num(each, posinf=np.inf), np.isnan(each)
        filled, there = without_gaps(each)
        np.testing.assert_array_equal(filled, expected)
        np.testing.assert_array_equal(there, ~missing)
    marked = np.nan_to_num(values, nan=-9)
    missing_values.nan_where(marked, np.float32(-9))
    np.testing.assert_array_equal(marked, values)


@settings(deadline=None, max_examples=50)
@given(fields(), st.integers(1, 4), st.integers(0, 9))
def test_sums_by_group_are_those_of_the_whole(drawn, count, seed):
    field, along, budget = drawn
    groups = np.random.default_rng(seed).integers(-1, count, field.sizes[along])
    values = field.transpose(along, ...).to_numpy().astype("float64")
    sums = Sums(count, values.shape[1:])
    for part in blocks(field, along, "sums", budget):
        sums.add(groups[part.place], part.values)
    for group in range(count):
        members = values[groups == group]
        valid = (~np.isnan(members)).sum(axis=0)
        np.testing.assert_array_equal(sums.total[group], np.nansum(members, axis=0))
        np.testing.assert_array_equal(sums.valid[group], valid)
        mean = np.where(valid >= 2, np.nansum(members, axis=0) / np.maximum(valid, 1), np.nan)
        np.testing.assert_array_equal(sums.means(2)[group], mean)


def test_sums_do_not_depend_on_the_size_of_blocks_to_the_last_digit():
    values = np.random.default_rng(0).normal(280, 9, (700, 5)).astype("float32")
    values[np.random.default_rng(1).random(values.shape) < 0.1] = np.nan
    results = []
    for steps in (1, 3, 699, 700):
        sums = Sums(2, (5,))
        for start in range(0, 700, steps):
            part = values[start : start + steps].copy()
            sums.add(np.arange(start, start + len(part)) % 2, part)
        results.append((sums.total, sums.valid))
    for total, valid in results[1:]:
        np.testing.assert_array_equal(total, results[0][0])
        np.testing.assert_array_equal(valid, results[0][1])


def test_more_values_are_counted_than_a_byte_holds():
    sums = Sums(1, (2,))
    for _ in range(3):
        sums.add(np.zeros(256, dtype=int), np.tile(np.array([1.0, np.nan]), (256, 1)))
        sums.add(np.zeros(100, dtype=int), np.ones((100, 2)))
    assert sums.valid.tolist() == [[3 * 356, 300]]
    assert sums.total.tolist() == [[3 * 356, 300]]
    assert sums.means([[301]]).tolist() == [[1.0, pytest.approx(np.nan, nan_ok=True)]]


def test_a_fill_value_that_is_stated_is_missing_also_among_whole_numbers():
    field = xr.DataArray(np.array([1, -9, 3], dtype="int16"), dims="t", attrs={"_FillValue": -9})
    (block,) = blocks(field, "t", "reading")
    np.testing.assert_array_equal(block.values, [1, np.nan, 3])
    assert field.to_numpy().tolist() == [1, -9, 3]
    np.testing.assert_array_equal(numbers(field), [1, np.nan, 3])


def test_arrays_of_dask_come_in_their_own_chunks():
    field = xr.DataArray(np.arange(40.0).reshape(10, 4), dims=("t", "x"))
    chunked = field.chunk(t=3)
    parts = list(blocks(chunked, "t", "reading", 64))
    np.testing.assert_array_equal(np.concatenate([part.values for part in parts]), field)
    for part in parts:
        part.values[...] = 0
    assert field.sum() == 780  # what the chunks are views of


@pytest.fixture
def file(tmp_path):
    """Daily maps in one piece, a tenth of them missing, and what is in them."""
    values = np.random.default_rng(0).normal(280, 9, (300, 30, 40)).astype("float32")
    values[np.random.default_rng(1).random(values.shape) < 0.1] = np.nan
    path = Path(tmp_path) / "maps.nc"
    grid = xr.Dataset({"t": (("time", "lat", "lon"), values)})
    grid.to_netcdf(path, encoding={"t": {"_FillValue": np.float32(1e20), "contiguous": True}})
    with h5py.File(path) as opened:
        assert opened["t"].chunks is None
    return path, values


def test_files_are_read_as_they_are_and_may_be_read_again(file):
    path, values = file
    with xr.open_dataset(path) as opened:
        grid = straightened(opened, path)
        for _ in range(2):  # what was done to a block is not seen by who reads next
            for part in blocks(grid.t, "time", "reading", 50_000):
                np.testing.assert_array_equal(part.values, values[part.place])
                part.values[...] = 0
        for part in blocks(grid.t, "lat", "reading", 50_000):
            np.testing.assert_array_equal(part.values, np.moveaxis(values, 1, 0)[part.place])
        loaded = grid.t.load()
        for part in blocks(loaded, "time", "reading", 50_000):
            part.values[...] = 0
        np.testing.assert_array_equal(loaded, values)
        once_read = straightened(opened, path).t
        np.testing.assert_array_equal(once_read.to_numpy(), values)  # and is kept by xarray from now on
        for part in blocks(once_read, "time", "reading", 50_000):
            part.values[...] = 0
        np.testing.assert_array_equal(once_read, values)


@pytest.mark.parametrize("eager", [0, 10**9])
@settings(deadline=None, max_examples=50)
@given(fields(["float32", "float64"]))
def test_what_is_computed_as_it_is_read_is_the_same_as_at_once(eager, drawn):
    field, along, budget = drawn
    axis, values = field.dims.index(along), field.to_numpy()

    def twice(place):
        return np.moveaxis(np.moveaxis(values, axis, 0)[place] * 2, 0, axis)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "EAGER", eager - 1)
        patch.setattr(module, "BUDGET", budget)
        late = xr.DataArray(xr.Variable(field.dims, computed(values.shape, values.dtype, twice, "twice", axis=axis)))
    np.testing.assert_array_equal(late.isel({along: slice(None, None, -1)}), np.flip(values * 2, axis))
    np.testing.assert_array_equal(late.isel({along: -1}), np.take(values * 2, -1, axis))
    np.testing.assert_array_equal(late.isel({along: slice(0)}).sizes[along], 0)
    for part in blocks(late, along, "reading", budget):
        part.values[...] = 0
    np.testing.assert_array_equal(late, values * 2)
