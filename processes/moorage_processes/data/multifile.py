"""Files that are one grid: the steps of a time axis, each file opened when what lies in it is read."""

from __future__ import annotations

import glob
import hashlib
import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from moorage.formats import FormatError
from moorage.formats.axes import Axis, dimension, is_time
from xarray.backends import BackendArray
from xarray.core import indexing

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

SUFFIXES = frozenset({".nc", ".nc4", ".cdf", ".tif", ".tiff", ".zarr"})
"""Files of a folder that are taken for grids; a pattern says itself which it means."""
SIGNS = ("zarr.json", ".zgroup", ".zmetadata", ".zarray")
"""What lies in a folder that is a Zarr store."""
DATE = re.compile(r"(?<!\d)(\d{4})[-_]?(0[1-9]|1[0-2])[-_]?(0[1-9]|[12]\d|3[01])(?!\d)")
KNOWN = 4096
"""Files of which is remembered what they hold, while they do not change."""

READING = RLock()
"""Held while a part is opened and read: the NetCDF library is for one at a time, and dask asks from several threads."""

Opener = Callable[[Path], "AbstractContextManager[xr.Dataset]"]
Keys = tuple[Any, ...]


def is_store(path: Path) -> bool:
    """Whether a path is a Zarr store in a folder."""
    return path.is_dir() and (path.suffix.lower() == ".zarr" or any((path / sign).exists() for sign in SIGNS))


def is_series(path: str) -> bool:
    """Whether a path means several files: a folder that is not a store, or a pattern."""
    if "://" in path or Path(path).is_file():
        return False
    return (Path(path).is_dir() and not is_store(Path(path))) or glob.has_magic(path)


def files_of(path: str) -> list[Path]:
    """The files that a folder or a pattern means now, by name; hidden ones are being written."""
    folder = Path(path)
    if folder.is_dir():
        return sorted(each for each in folder.iterdir() if each.suffix.lower() in SUFFIXES and each.name[0] != ".")
    return sorted(map(Path, glob.glob(path, recursive=True)))  # noqa: PTH207 - a pattern may begin at the root


# What a file holds


@dataclass(frozen=True)
class VariableShape:
    """What is the same of a variable in all files."""

    dims: tuple[Hashable, ...]
    units: str


@dataclass(frozen=True)
class FilePart:
    """One file of a series: its times, and what must be the same in all."""

    path: Path
    t: Hashable
    times: npt.NDArray[Any]
    units: str
    """Of times that are numbers still, since nothing tells their length."""
    calendar: str
    variables: Mapping[Hashable, VariableShape]
    """Those that change with time."""
    dtypes: Mapping[Hashable, np.dtype[Any]]
    axes: Mapping[Hashable, tuple[int, str]]
    """The other dimensions: length, and a digest of the coordinates."""

    @classmethod
    def of(cls, path: Path, grid: xr.Dataset) -> FilePart:
        """What the file *path* holds, which is open as *grid*."""
        t = dimension(grid, Axis.T)
        if t is None or t not in grid.indexes:
            raise FormatError("one of its files has no time axis, along which files are joined")
        changing = {name: each for name, each in grid.variables.items() if t in each.dims and name != t}
        times = grid[t].to_numpy()
        if len(times) == 0 or not np.all(times[1:] > times[:-1]):
            raise FormatError("the times of one of its files do not increase")
        return cls(
            path=path,
            t=t,
            times=times,
            units="" if is_time(grid[t]) else str(grid[t].attrs.get("units", "")),
            calendar=str(grid[t].encoding.get("calendar", "")),
            variables={
                name: VariableShape(each.dims, str(each.attrs.get("units", ""))) for name, each in changing.items()
            },
            dtypes={name: each.dtype for name, each in changing.items()},
            axes={name: (size, _digest(grid, name)) for name, size in grid.sizes.items() if name != t},
        )


def _digest(grid: xr.Dataset, name: Hashable) -> str:
    """Coordinates in short; in single precision, since some write them so and others in double."""
    if name not in grid.coords:
        return ""
    values = grid[name].to_numpy()
    content = values.astype("f4").tobytes() if values.dtype.kind == "f" else repr(values.tolist()).encode()
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class FileOpener:
    """How the files of a series are opened: picklable, since parts are read wherever dask computes them."""

    opener: Opener
    key: str
    """Different where the opener would give something else."""

    @contextmanager
    def open(self, path: Path) -> Iterator[xr.Dataset]:
        """One file, with a time axis."""
        with self.opener(path) as grid:
            yield _dated(grid, path)

    def part(self, path: Path) -> FilePart:
        """What a file holds, looked up once for each of its states."""
        states = [(each.stat().st_mtime_ns, each.stat().st_size) for each in _telling(path) if each.exists()]
        return _looked_up(path, tuple(states), self.key, _Uncompared(self))


@dataclass(frozen=True, eq=False)
class _Uncompared:
    """Something that a cache does not tell one from another by."""

    source: FileOpener

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Uncompared)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=KNOWN)
def _looked_up(path: Path, states: tuple[Any, ...], key: str, how: _Uncompared) -> FilePart:  # noqa: ARG001 - the first two tell a state
    with READING, how.source.open(path) as grid:
        return FilePart.of(path, grid)


def _telling(path: Path) -> list[Path]:
    """What changes when a file or a store does."""
    return [path, *(path / sign for sign in SIGNS)]


def _dated(grid: xr.Dataset, path: Path) -> xr.Dataset:
    """*grid* with a time axis: its own, or the single time or the date of its name as one."""
    if dimension(grid, Axis.T) is not None:
        return grid
    single = [name for name, each in grid.coords.items() if each.ndim == 0 and is_time(each)]
    if len(single) == 1:
        return _along(grid, single[0])
    dates = DATE.findall(path.stem)
    if len(dates) == 1 and "time" not in grid.variables:
        return _along(grid.assign_coords(time=np.datetime64("-".join(dates[0]), "ns")), "time")
    return grid


def _along(grid: xr.Dataset, t: Hashable) -> xr.Dataset:
    """The maps of *grid* as one step of time each; what has no axes, such as a CRS, stays as it is."""
    maps = {name: each.expand_dims(t) for name, each in grid.data_vars.items() if each.ndim}
    return grid.drop_vars([t]).assign(maps).assign_coords({t: grid[t].expand_dims(t)})


# Files joined


@contextmanager
def joined(paths: Sequence[Path], source: FileOpener) -> Iterator[xr.Dataset]:
    """The files as one grid, lazily, in the order of their times; what has no time is that of the first.

    Raises
    ------
    FormatError
        where they are not steps of one grid, with a sentence that names no file.
    """
    if not paths:
        raise FormatError("no file is there")
    parts = _ordered([source.part(path) for path in paths])
    first = parts[0]
    with source.open(first.path) as grid:
        times = np.concatenate([part.times for part in parts])
        changed = {name: _variable(grid[name], name, parts, source) for name in first.variables}
        t = xr.Variable((first.t,), times, grid[first.t].attrs, _encoding(grid[first.t].encoding))
        fixed = grid.drop_vars([first.t, *first.variables])
        held = fixed.assign_coords({first.t: t}).assign(changed)
        ordered = held.set_coords([name for name in first.variables if name in grid.coords])
        yield ordered[[name for name in grid.variables if name not in ordered.coords]]


def _encoding(encoding: Mapping[str, Any]) -> dict[str, Any]:
    """How times are written: in the calendar of the first file; its unit may be too coarse for the others."""
    return {key: encoding[key] for key in ("calendar",) if key in encoding}


def _ordered(parts: Sequence[FilePart]) -> list[FilePart]:
    first = parts[0]
    for part in parts[1:]:
        _check_alike(first, part)
    ordered = sorted(parts, key=lambda part: part.times[0])
    for one, after in pairwise(ordered):
        if after.times[0] <= one.times[-1]:
            raise FormatError(f"the times of two of its files overlap, at {str(after.times[0])[:19]}")
    return ordered


def _check_alike(one: FilePart, other: FilePart) -> None:
    """Refuse two files that are no steps of one grid."""
    if set(one.variables) != set(other.variables):
        odd = ", ".join(sorted(map(str, set(one.variables) ^ set(other.variables))))
        raise FormatError(f"its files hold different variables: {odd} is not in all of them")
    if one.t != other.t or one.axes != other.axes:
        names = [str(name) for name in {**one.axes, **other.axes} if one.axes.get(name) != other.axes.get(name)]
        raise FormatError(f"its files lie on different grids: {', '.join(sorted(names)) or 'their times'} differ")
    for name, shape in one.variables.items():
        theirs = other.variables[name]
        if shape.units != theirs.units:
            raise FormatError(f"{name} is in {shape.units!r} in one of its files and in {theirs.units!r} in another")
        if shape.dims != theirs.dims:
            raise FormatError(f"the axes of {name} come in another order in one of its files")
    if one.calendar != other.calendar or one.times.dtype.kind != other.times.dtype.kind:
        known = " and ".join(sorted({one.calendar or "none", other.calendar or "none"}))
        raise FormatError(f"its files count time in different calendars: {known}")
    if one.units != other.units:
        raise FormatError(f"its files count time differently: {one.units!r} and {other.units!r}")


def _variable(first: xr.DataArray, name: Hashable, parts: Sequence[FilePart], source: FileOpener) -> xr.Variable:
    axis = first.dims.index(parts[0].t)
    lengths = [len(part.times) for part in parts]
    shape = tuple(sum(lengths) if number == axis else size for number, size in enumerate(first.shape))
    dtype = np.result_type(*(part.dtypes[name] for part in parts))
    array = _Joined(name, tuple(part.path for part in parts), lengths, axis, shape, dtype, source)
    lazy: Any = indexing.LazilyIndexedArray(array)
    data = indexing.MemoryCachedArray(indexing.CopyOnWriteArray(lazy))  # type: ignore[no-untyped-call] # upstream
    kept = {key: first.encoding[key] for key in ("grid_mapping", "coordinates") if key in first.encoding}
    if "preferred_chunks" in first.encoding:
        kept["preferred_chunks"] = dict(first.encoding["preferred_chunks"])
    return xr.Variable(first.dims, data, first.attrs, kept)


class _Joined(BackendArray):
    """One variable of all files."""

    def __init__(
        self,
        name: Hashable,
        paths: tuple[Path, ...],
        lengths: Sequence[int],
        axis: int,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        source: FileOpener,
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self._name = name
        self._paths = paths
        self._edges = np.concatenate([[0], np.cumsum(lengths)])
        self._axis = axis
        self._source = source

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """The values at *key*, as xarray asks for them."""
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: Keys) -> Any:
        along = key[self._axis]
        size = self.shape[self._axis]
        places = np.atleast_1d(np.arange(size)[along])
        others = list(key)
        pieces = [self._piece(number, where, others) for number, where in self._by_file(places)]
        sizes = [_size(each, length) for each, length in zip(key, self.shape, strict=True)]
        sizes[self._axis] = 0
        whole = np.concatenate(pieces, self._axis) if pieces else np.empty(sizes, self.dtype)
        numbers = [number for number, each in enumerate(key) if isinstance(each, int | np.integer)]
        return whole.astype(self.dtype, copy=False).squeeze(tuple(numbers))

    def _by_file(self, places: npt.NDArray[np.intp]) -> Iterator[tuple[int, npt.NDArray[np.intp]]]:
        """Runs of places that lie in one file, each with the number of the file."""
        owners = np.searchsorted(self._edges, places, side="right") - 1
        turns = np.flatnonzero(np.diff(owners)) + 1
        for where in np.split(np.arange(len(places)), turns):
            if len(where):
                number = int(owners[where[0]])
                yield number, places[where] - self._edges[number]

    def _piece(self, number: int, where: npt.NDArray[np.intp], key: list[Any]) -> npt.NDArray[Any]:
        """What lies in one file, with all axes."""
        mine = [np.array([each]) if isinstance(each, int | np.integer) else each for each in key]
        mine[self._axis] = _run(where)
        with READING, self._source.open(self._paths[number]) as grid:
            variable = grid.variables[self._name]
            expected = tuple(size for axis, size in enumerate(self.shape) if axis != self._axis)
            if tuple(size for axis, size in enumerate(variable.shape) if axis != self._axis) != expected:
                raise OSError(f"{self._paths[number].name} has changed while it was read")
            return variable.isel(dict(zip(variable.dims, mine, strict=True))).to_numpy()


def _size(each: Any, length: int) -> int:
    return len(np.atleast_1d(np.arange(length)[each]))


def _run(places: npt.NDArray[np.intp]) -> Any:
    """Neighbours as a slice, which is read at once."""
    is_run = len(places) and (np.diff(places) == 1).all()
    return slice(int(places[0]), int(places[-1]) + 1) if is_run else places
