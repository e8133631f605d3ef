"""A GeoTIFF that stays open, of which the tiles are read that are asked for."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np
import xarray as xr
from rasterio.errors import RasterioError
from rasterio.windows import Window
from xarray.backends import BackendArray
from xarray.core import indexing

from mooring.formats.rasters import dtype_of, maps, unpacked


def open_geotiff(file: Any, type_name: str, explain: Callable[[Exception], Exception]) -> xr.DataArray | xr.Dataset:
    """What :func:`mooring.formats.rasters.read_geotiff` reads, read later from an open *file*.

    Parameters
    ----------
    file : open while any of it is read.
    type_name : what it is to be.
    explain : the error that a caller is told for one of GDAL's.
    """
    lazy: Any = indexing.LazilyIndexedArray(_Bands(file, explain))
    return maps(file, lazy, type_name)


class _Bands(BackendArray):
    """The values (band, y, x) of an open file."""

    def __init__(self, file: Any, explain: Callable[[Exception], Exception]) -> None:
        self.shape = (file.count, file.height, file.width)
        self.dtype = dtype_of(file)
        self._file = file
        self._explain = explain
        self._reading = Lock()

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """The values at *key*, as xarray asks for them."""
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        """The smallest window around all that is asked for, and of that what is."""
        bands, rows, columns = (
            np.atleast_1d(np.arange(size)[each]) for each, size in zip(key, self.shape, strict=True)
        )
        if not (len(bands) and len(rows) and len(columns)):
            return np.empty((len(bands), len(rows), len(columns)), self.dtype)
        top, left = int(rows.min()), int(columns.min())
        window = Window(left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1)
        with self._reading:  # GDAL's files are for one at a time
            try:
                values = unpacked(self._file, [int(band) + 1 for band in bands], window)
            except RasterioError as error:
                raise self._explain(error) from error
        picked = values[:, rows - top][:, :, columns - left]
        numbers = tuple(axis for axis, each in enumerate(key) if isinstance(each, int | np.integer))
        return picked.squeeze(numbers)
