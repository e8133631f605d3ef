"""Datasets opened lazily, where they lie: grids, features, tables."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moorage.formats import FormatError, classic
from moorage.formats.axes import is_horizontal

from moorage_processes.data.datasets import Dataset, DatasetUnavailableError
from moorage_processes.data.decoding import decoded
from moorage_processes.data.remote import COMPUTING, ENGINES, RemoteFormat, form_of, linked_dataset
from moorage_processes.errors import InputError
from moorage_processes.network.fetch import Policy
from moorage_processes.network.range_reader import RangeReader

if TYPE_CHECKING:
    import xarray as xr


SILENCE = 5
"""Seconds after which an address that sends nothing is given up."""


@contextmanager
def open_grid(entry: Dataset) -> Iterator[xr.Dataset]:
    """A grid dataset, open and lazy while the block lasts, with its CRS."""
    from moorage.formats.grids import settled  # noqa: PLC0415 - slow, and only where it is used

    with ExitStack() as stack:
        stack.enter_context(_impatience(entry))
        try:
            grid = settled(stack.enter_context(_opened(entry)))
        except Exception as error:  # libraries meet a broken file with OSError, KeyError, TypeError and more
            raise DatasetUnavailableError(entry, error) from error
        if entry.crs is not None and grid.rio.crs is None:
            grid.rio.write_crs(entry.crs, inplace=True)
        yield grid


def _impatience(entry: Dataset) -> AbstractContextManager[Any]:
    """Let GDAL give up on an address that is silent; by itself it waits for ever, and all others with it."""
    if "://" not in entry.path or _engine(entry) != "rasterio":
        return nullcontext()
    import rasterio  # noqa: PLC0415 - slow, and only where it is used

    given_up: AbstractContextManager[Any] = rasterio.Env(
        GDAL_HTTP_CONNECTTIMEOUT=SILENCE, GDAL_HTTP_LOW_SPEED_TIME=SILENCE, GDAL_HTTP_LOW_SPEED_LIMIT=1
    )
    return given_up


@contextmanager
def _opened(entry: Dataset) -> Iterator[xr.Dataset]:
    from moorage_processes.data import multifile  # noqa: PLC0415 - slow, and only where it is used

    if multifile.is_series(entry.path):
        source = multifile.FileOpener(partial(_file, replace(entry, chunks=None)), repr(entry))
        with multifile.joined(multifile.files_of(entry.path), source) as grid:
            yield grid.chunk(entry.chunks) if entry.chunks else grid
    elif entry.path.startswith(("http://", "https://")) and (form := _form(entry)) is not None:
        with closing(_link(entry, form)) as link, linked_dataset(link, form, **_options(entry)) as grid:
            yield grid
    else:
        with _file(entry, None) as grid:
            yield grid


@contextmanager
def _file(entry: Dataset, path: Path | None) -> Iterator[xr.Dataset]:
    """One file or store of a dataset, or what a library opens at a URL where *path* is None."""
    from moorage_processes.data.contiguous import straightened  # noqa: PLC0415 - slow, and only where it is used

    at = Path(entry.path) if path is None else path
    _check_whole(at)
    options = {"engine": _engine(entry, path), **_options(entry)}
    # and not what is made of it, which closes nothing
    with decoded(entry.path if path is None else path, **options) as opened:
        yield opened if entry.chunks else straightened(opened, at)


def _form(entry: Dataset) -> RemoteFormat | None:
    """What is read through a link of ours; GDAL, and libraries that the operator names, see to the rest themselves."""
    form = form_of(entry.path, None) if entry.engine is None else ENGINES.get(entry.engine)
    return None if form is RemoteFormat.GEOTIFF else form


def _link(entry: Dataset, form: RemoteFormat) -> RangeReader:
    """Where the operator says that a dataset lies; that is allowed, and nothing else."""
    policy = Policy(own=entry.path, size=sys.maxsize)
    about = f"the dataset {entry.id!r} of this service"
    return RangeReader(
        entry.path, policy, about, shown="its address", silence=COMPUTING if form is RemoteFormat.OPENDAP else SILENCE
    )


def _options(entry: Dataset) -> dict[str, Any]:
    return {"chunks": entry.chunks, **entry.options}


def _check_whole(path: Path) -> None:
    """Refuse a NetCDF-3 file that is cut short: the library fills what is missing with zeros."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        head = file.read(4)
    if head in classic.SIGNS and not classic.is_whole(path):
        raise FormatError("its file is cut short")


def variable_of(grid: xr.Dataset, variable: str | None, name: str, *, how: str = "'id:variable'") -> xr.DataArray:
    """The variable of *grid* that the DataArray input *name* takes: the one named, or the only horizontal one."""
    candidates = [str(key) for key, array in grid.data_vars.items() if is_horizontal(array)]
    candidates = candidates or [str(key) for key, array in grid.data_vars.items() if array.ndim > 0]
    if variable is None and len(candidates) == 1:
        return grid[candidates[0]]
    if variable is None:
        raise InputError(f"{name}: the data holds {', '.join(candidates)}; pick one as {how}", input=name)
    if variable not in grid.data_vars:
        held = ", ".join(candidates)
        raise InputError(f"{name}: there is no variable {variable!r}; the data holds {held}", input=name)
    return grid[variable]


def open_features(entry: Dataset) -> Any:
    """A features dataset as a GeoDataFrame."""
    import geopandas  # noqa: PLC0415 - slow, and only where it is used

    try:
        frame: Any = geopandas.read_file(entry.path, **entry.options)
    except (OSError, ValueError, RuntimeError) as error:
        raise DatasetUnavailableError(entry, error) from error
    return frame.set_crs(entry.crs) if entry.crs is not None and frame.crs is None else frame


def open_table(entry: Dataset) -> Any:
    """A table dataset as a DataFrame."""
    import pandas as pd  # noqa: PLC0415 - slow, and only where it is used

    try:
        return pd.read_csv(entry.path, **entry.options)
    except (OSError, ValueError) as error:
        raise DatasetUnavailableError(entry, error) from error


def _engine(entry: Dataset, path: Path | None = None) -> str | None:
    at = Path(entry.path) if path is None else path
    if entry.engine is None and at.suffix.lower() in (".tif", ".tiff"):
        return "rasterio"
    if entry.engine is None and at.is_dir():
        return "zarr"
    return entry.engine
