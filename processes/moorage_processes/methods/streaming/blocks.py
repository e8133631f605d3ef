"""A field that need not fit into memory: read once, block by block, and results that are computed as they are read."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from moorage.ahead import ahead
from xarray.backends import BackendArray
from xarray.core import indexing

from moorage_processes.authoring.progress import progress
from moorage_processes.data.missing_values import is_in_one_piece, zero_where_nan

if TYPE_CHECKING:
    import xarray as xr

Floats = npt.NDArray[np.floating]
Part = TypeVar("Part")
Taken = TypeVar("Taken")

BUDGET = 4 * 2**20
"""Bytes of one block: few enough that what is computed of it stays in the caches of a processor."""
EAGER = 64 * 2**20
"""Bytes of a result up to which it is computed at once, and beyond which as it is read."""
FULL = 255
"""What a byte counts up to."""

MARKS = ("_FillValue", "missing_value", "fill_value", "nodata")
"""Attributes of undecoded data that name the number for a missing value."""


class Block(NamedTuple):
    """A part of a field."""

    place: slice
    """Where it lies along the axis that is walked along."""
    values: Floats
    """NaN where missing. The caller may overwrite them."""


def blocks(field: xr.DataArray, along: Hashable, message: str, budget: int | None = None) -> Iterator[Block]:
    """Yield the values of *field* by blocks of steps along an axis, and report progress.

    In each block that axis comes first, the others in their order.

    Parameters
    ----------
    field : numbers, in memory, opened lazily, or of dask.
    along : the dimension that is walked along; the others are in each block whole.
    message : what is being done.
    budget : bytes of a block, of which there is one step at least; a block of the file is never taken apart.
    """
    taken = places(field, along, budget)
    return progress.track(blocks_at(taken, field, along, first=along), message, len(taken))


def blocks_at(
    taken: Sequence[slice], field: xr.DataArray, along: Hashable, *, first: Hashable | None = None
) -> Iterator[Block]:
    """The :func:`numbers` of places along an axis; from a file the next are read while the caller is at work on some.

    Parameters
    ----------
    taken : the places, of which three are in memory at most.
    field : numbers, in memory, opened lazily, or of dask.
    along : the dimension along which they lie.
    first : the dimension that comes first, the others in their order; as in the field where None.
    """

    def read(place: slice) -> Block:
        return Block(place, numbers(field, {along: place}, first=first))

    return in_turn(field, read, taken)


def in_turn(field: xr.DataArray, read: Callable[[Part], Taken], parts: Sequence[Part]) -> Iterator[Taken]:
    """What *read* takes from a field for each part; one ahead of the caller where the values lie in a file.

    Not so for dask, which has threads of its own.
    """
    is_from_file = field.chunks is None and not field.variable._in_memory  # noqa: SLF001 - no public attribute says so without reading
    return ahead(read, parts) if is_from_file and len(parts) > 1 else map(read, parts)


def places(field: xr.DataArray, along: Hashable, budget: int | None = None) -> list[slice]:
    """The parts of an axis in which :func:`blocks` takes it."""
    size = field.sizes[along]
    step_bytes = prod(field.sizes[name] for name in field.dims if name != along) * max(field.dtype.itemsize, 4)
    steps = max(1, (BUDGET if budget is None else budget) // max(1, step_bytes))
    whole = int(dict(field.encoding.get("preferred_chunks") or {}).get(along, 1))
    steps = max(whole, steps // whole * whole)
    edges = [*range(0, size, steps), size]
    return [slice(start, stop) for start, stop in pairwise(edges)]


def numbers(
    field: xr.DataArray, where: dict[Hashable, slice] | None = None, *, first: Hashable | None = None
) -> Floats:
    """Values in memory, in single precision where that is exact; NaN where missing, or a stated fill value.

    Parameters
    ----------
    field : numbers.
    where : the part of it that is read; the caller may overwrite that, and not the whole.
    first : the dimension that comes first, the others in their order; as in the field where None.
    """
    part = field.variable if where is None else field.variable.isel(where)
    is_fresh = _is_fresh(part)
    values = np.asarray(part.to_numpy())
    if where is not None and not values.flags.owndata and not is_fresh:
        values = values.copy()  # what is in memory belongs to somebody else
    if first is not None:
        values = np.moveaxis(values, field.dims.index(first), 0)
    plain: Floats = values.astype(np.result_type(values.dtype.newbyteorder("="), np.float32), copy=False)
    mark = _mark(field)
    if mark is not None:
        plain = np.where(values == mark, plain.dtype.type(np.nan), plain)
    return plain


def _is_fresh(part: xr.Variable) -> bool:
    """Whether each access reads the values of a part anew, so that no other array shares them."""
    source: Any = part._data  # noqa: SLF001 - what xarray gives loads it, and so forgets where it is from
    while hasattr(source, "array"):
        source = source.array
    return getattr(source, "is_fresh", False)


def _mark(field: xr.DataArray) -> Any:
    """The number for a missing value, where values are as they are stored."""
    mark = next((field.attrs[key] for key in MARKS if key in field.attrs), None)
    return None if mark is None or np.isnan(mark) else mark


def without_gaps(values: Floats) -> tuple[Floats, npt.NDArray[np.uint8] | None]:
    """Zero in place of each NaN, and 1 where a value is there and 0 where none is; None where all are there.

    *values* may be overwritten.
    """
    if not is_in_one_piece(values):
        values = values.copy()
    return values, zero_where_nan(values)


class Sums:
    """Sums and numbers of the values that are there, one for each group, in double precision.

    Each step is added by itself, so that they do not depend on how the steps came in blocks.

    Parameters
    ----------
    count : number of groups.
    shape : of one step.
    """

    def __init__(self, count: int, shape: Sequence[int]) -> None:
        self.total: npt.NDArray[np.float64] = np.zeros((count, *shape))
        self._whole = np.zeros(count, dtype=np.int64)
        # bytes are counted five times as fast, and carried over before they are full
        self._few = np.zeros((count, *shape), dtype=np.uint8)
        self._many = np.zeros((count, *shape), dtype=np.uint32)
        self._counted = np.zeros(count, dtype=np.int64)

    def add(self, groups: npt.NDArray[np.integer], values: Floats) -> None:
        """Add steps to their groups, those of group -1 to none; *values* may be overwritten."""
        filled, there = without_gaps(values)
        for number, group in enumerate(groups):
            if group < 0:
                continue
            total = self.total[group, ...]
            np.add(total, filled[number], out=total)
            if there is None:
                self._whole[group] += 1
            else:
                self._count(group, there[number])

    def _count(self, group: np.integer, there: npt.NDArray[np.uint8]) -> None:
        few = self._few[group, ...]
        np.add(few, there, out=few)
        self._counted[group] += 1
        if self._counted[group] % FULL == 0:
            self._many[group] += few
            few[...] = 0

    def valid_of(self, group: int) -> npt.NDArray[np.int64]:
        """Numbers of the values of a group that were there."""
        if not self._counted[group]:
            return np.full(self.total.shape[1:], self._whole[group])
        return np.asarray(self._whole[group] + self._many[group] + self._few[group])

    @property
    def valid(self) -> npt.NDArray[np.int64]:
        """Numbers of values that were there, by group."""
        valid = np.empty(self.total.shape, dtype=np.int64)
        for group in range(len(valid)):
            valid[group] = self.valid_of(group)
        return valid

    def means(self, needed: Any) -> npt.NDArray[np.float64]:
        """Mean of each group; NaN where fewer than *needed* values were there."""
        means = np.empty_like(self.total)
        for group, least in enumerate(np.broadcast_to(needed, self.total.shape)):
            valid = self.valid_of(group)
            means[group] = np.where(valid >= least, self.total[group] / np.maximum(valid, 1), np.nan)
        return means


def computed(
    shape: Sequence[int],
    dtype: npt.DTypeLike,
    part: Callable[[slice], Floats],
    message: str,
    *,
    axis: int = 0,
    start: float = 0.0,
) -> Any:
    """A result made of parts along one of its axes: at once where it is small, else as it is read, and never whole.

    Parameters
    ----------
    shape : of the whole.
    dtype : of its values.
    part : gives the values of a slice of that axis, whatever was asked for before.
    message : what is being done.
    axis : the number of that axis.
    start : fraction of the work (0 to 1) that was done before.

    Returns
    -------
    What a DataArray holds: an array of numpy, or one whose parts are computed each time they are asked for.
    """
    late = _Computed(tuple(shape), np.dtype(dtype), part, message, axis=axis, start=start)
    if late.nbytes > EAGER:
        return indexing.LazilyIndexedArray(late)
    values = np.empty(late.shape, late.dtype)
    along = np.moveaxis(values, axis, 0)
    steps = max(1, BUDGET * along.shape[0] // max(1, late.nbytes))
    for begin in range(0, along.shape[0], steps):
        here = slice(begin, min(begin + steps, along.shape[0]))
        along[here] = np.moveaxis(late.steps(here), axis, 0)
    return values


class _Computed(BackendArray):
    """An array that is computed by the part that is asked for."""

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        part: Callable[[slice], Floats],
        message: str,
        *,
        axis: int,
        start: float,
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self.nbytes = prod(shape) * dtype.itemsize
        self._part = part
        self._message = message
        self._axis = axis
        self._tell = progress.later(start, 1.0)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """The values at *key*, as xarray asks for them."""
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def steps(self, place: slice) -> Floats:
        """The values of a slice of the axis that is walked along."""
        values = self._part(place)
        self._tell(place.stop / self.shape[self._axis], self._message)
        return values.astype(self.dtype, copy=False)

    def _read(self, key: tuple[Any, ...]) -> Any:
        along = key[self._axis]  # never backwards: xarray turns such parts round itself
        wanted = range(self.shape[self._axis])[along] if isinstance(along, slice) else range(along, along + 1)
        if not wanted:
            return np.empty(self.shape, self.dtype)[key]
        here: Any = slice(None, None, wanted.step) if isinstance(along, slice) else 0
        values = self.steps(slice(wanted[0], wanted[-1] + 1))
        return values[(*key[: self._axis], here, *key[self._axis + 1 :])]
