"""A GeoTIFF that stays open, of which the tiles are read that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import rasterio
from rasterio.abc import FileContainer
from rasterio.errors import RasterioError
from rasterio.windows import Window
from xarray.backends import BackendArray
from xarray.core import indexing

from moorage.formats.rasters import dtype_of, maps, unpacked

if TYPE_CHECKING:
    import xarray as xr

NAME = "linked.tif"
"""What GDAL takes the file to be called."""


@contextmanager
def opened_geotiff(
    opener: Callable[[], BinaryIO], size: int, type_name: str, explain: Callable[[Exception], Exception]
) -> Iterator[xr.DataArray | xr.Dataset]:
    """What :func:`moorage.formats.rasters.read_geotiff` reads, read as it is needed while the block lasts.

    Parameters
    ----------
    opener : gives the file, opened at its beginning, each time it is called.
    size : of the file, in bytes.
    type_name : what it is to be.
    explain : the error that a caller is told for one of GDAL's.
    """
    with rasterio.open(NAME, driver="GTiff", opener=_Alone(opener, size)) as file:
        lazy: Any = indexing.LazilyIndexedArray(_Bands(file, explain))
        yield maps(file, lazy, type_name)


class _Alone(FileContainer):  # type: ignore[misc] # untyped upstream
    """A file with none beside it: GDAL looks for a dozen that could say more of it."""

    def __init__(self, opener: Callable[[], BinaryIO], size: int) -> None:
        self._opener = opener
        self._size = size

    def open(self, path: str, mode: str = "r", **_: Any) -> BinaryIO:
        """The file."""
        if path != NAME or not {"r", "b"} >= set(mode):
            raise FileNotFoundError(path)
        return self._opener()

    def isfile(self, path: str) -> bool:
        """Whether it is the file."""
        return path == NAME

    def isdir(self, path: str) -> bool:  # noqa: ARG002 - as it is called
        """No folder."""
        return False

    def ls(self, path: str) -> list[str]:  # noqa: ARG002 - the same
        """One file."""
        return [NAME]

    def mtime(self, path: str) -> int:  # noqa: ARG002 - the same
        """Nothing is known."""
        return 0

    def rm(self, path: str) -> None:
        """Refuse: it is read only."""
        raise PermissionError(path)

    def size(self, path: str) -> int:  # noqa: ARG002 - the same
        """Its bytes."""
        return self._size


class _Bands(BackendArray):
    """The values (band, y, x) of an open file."""

    def __init__(self, file: Any, explain: Callable[[Exception], Exception]) -> None:
        self.shape = (file.count, file.height, file.width)
        self.dtype = dtype_of(file)
        self._file = file
        self._explain = explain
        self._reading = Lock()

    def __deepcopy__(self, memo: object) -> _Bands:
        """Itself: an open file cannot be doubled, and nobody writes to it."""
        return self

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """The values at *key*, as xarray asks for them."""
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        """The smallest window around all that is asked for, and of that what is."""
        bands, rows, columns = (
            np.atleast_1d(np.arange(size)[each]) for each, size in zip(key, self.shape, strict=True)
        )
        numbers = tuple(axis for axis, each in enumerate(key) if isinstance(each, int | np.integer))
        if not (len(bands) and len(rows) and len(columns)):
            return np.empty((len(bands), len(rows), len(columns)), self.dtype).squeeze(numbers)
        top, left = int(rows.min()), int(columns.min())
        window = Window.from_slices((top, int(rows.max()) + 1), (left, int(columns.max()) + 1))
        with self._reading:  # GDAL's files are for one at a time
            try:
                values = unpacked(self._file, [int(band) + 1 for band in bands], window)
            except RasterioError as error:
                raise self._explain(error) from error
        return values[:, rows - top][:, :, columns - left].squeeze(numbers)
