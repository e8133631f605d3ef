"""The table of formats, and tables of numbers."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_dtypes, array_shapes, arrays, boolean_dtypes, integer_dtypes, scalar_dtypes
from hypothesis.extra.pandas import column, data_frames, range_indexes
from matplotlib.figure import Figure
from moorage.formats import FORMATS, Format, FormatError, Kind, find, formats_of, kind_of, read, sniff, type_name, write
from moorage.values import BBox

EXAMPLES = {
    Kind.GRID: xr.DataArray(
        np.arange(6.0).reshape(2, 3),
        coords={
            "lat": ("lat", [1.0, 0.0], {"units": "degrees_north"}),
            "lon": ("lon", [5.0, 6, 7], {"units": "degrees_east"}),
        },
        dims=("lat", "lon"),
    ),
    Kind.FEATURES: gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(1, 2)], crs=4326),
    Kind.GEOMETRY: shapely.Point(1, 2),
    Kind.TABLE: pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
    Kind.ARRAY: np.arange(6.0).reshape(2, 3),
    Kind.FIGURE: Figure(),
}
CSV, RECORDS = find(Kind.TABLE, "csv"), find(Kind.TABLE, "records")


def test_the_table_of_formats_needs_no_library_of_the_field():
    heavy = "{'numpy', 'pandas', 'xarray', 'shapely', 'matplotlib', 'rasterio', 'geopandas', 'h5py'}"
    code = f"import sys, moorage.formats; assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("annotation", "name", "kind"),
    [
        (xr.DataArray, "xarray.DataArray", Kind.GRID),
        (xr.Dataset, "xarray.Dataset", Kind.GRID),
        (gpd.GeoDataFrame, "geopandas.GeoDataFrame", Kind.FEATURES),
        (pd.DataFrame, "pandas.DataFrame", Kind.TABLE),
        (shapely.MultiPolygon, "shapely.MultiPolygon", Kind.GEOMETRY),
        (shapely.STRtree, "shapely.STRtree", Kind.VALUE),
        (BBox, "moorage.BBox", Kind.BBOX),
        (bytes, "builtins.bytes", Kind.BYTES),
        (Path, "pathlib.Path", Kind.BYTES),
        (np.ndarray, "numpy.ndarray", Kind.ARRAY),
        (Figure, "matplotlib.figure.Figure", Kind.FIGURE),
        (int, "builtins.int", Kind.VALUE),
    ],
)
def test_types_go_by_the_package_people_import_them_from(annotation, name, kind):
    assert type_name(annotation) == name
    assert kind_of(name) is kind


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda fmt: fmt.name)
def test_every_format_answers_to_all_its_names(fmt: Format):
    for name in fmt.names | {fmt.media_type.upper(), fmt.media_type.replace("; ", ";"), f"{fmt.media_type}; version=1"}:
        assert find(fmt.kind, name) is fmt


def test_an_unknown_format_is_answered_with_those_there_are():
    with pytest.raises(FormatError, match="'zarr'.*netcdf.*geotiff.*png"):
        find(Kind.GRID, "zarr")
    with pytest.raises(FormatError, match="JSON"):
        find(Kind.VALUE, "netcdf")


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda fmt: fmt.name)
def test_a_file_is_known_by_how_it_begins(fmt: Format, tmp_path: Path):
    path = tmp_path / f"file{fmt.suffix}"
    write(EXAMPLES[fmt.kind], path, fmt)
    assert sniff(path.read_bytes()[:64], fmt.kind) is fmt


@pytest.mark.parametrize(
    ("head", "kind"), [(b"", Kind.TABLE), (b"\0\1", Kind.TABLE), (b"<html>", Kind.FEATURES), (b"{", Kind.GRID)]
)
def test_what_begins_like_nothing_known_is_not_guessed(head, kind):
    assert sniff(head, kind) is None


def test_text_may_begin_with_blanks_and_a_byte_order_mark():
    assert sniff(b"\xef\xbb\xbf\r\n  [", Kind.TABLE) is RECORDS


def test_a_picture_cannot_be_read_as_data(tmp_path):
    assert find(Kind.GRID, "png") not in formats_of(Kind.GRID, writable=False)
    with pytest.raises(FormatError, match="looking at"):
        read(tmp_path / "any.png", find(Kind.GRID, "png"), "xarray.DataArray")


@pytest.mark.parametrize(
    "fmt", [fmt for fmt in FORMATS if fmt.readable and fmt.name != "csv"], ids=lambda fmt: fmt.name
)
@pytest.mark.parametrize("content", [b"", b"{", b"\0" * 200, b"hello"])
def test_what_is_no_such_file_is_refused_with_a_sentence(fmt: Format, content, tmp_path):
    path = tmp_path / f"file{fmt.suffix}"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"\w+ \w+ \w+"):
        read(path, fmt, "xarray.DataArray")


NPY, NUMBERS = find(Kind.ARRAY, "npy"), find(Kind.ARRAY, "numbers")


@given(arrays(scalar_dtypes(), array_shapes(min_dims=0, min_side=0)))
def test_an_array_keeps_every_bit(array):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "array.npy"
        write(array, path, NPY)
        back = read(path, NPY, "numpy.ndarray")
    assert (back.dtype, back.shape, back.tobytes()) == (array.dtype, array.shape, array.tobytes())


@given(arrays(st.one_of(boolean_dtypes(), integer_dtypes()), array_shapes()))
def test_whole_numbers_keep_their_values_as_json(array):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "array.json"
        write(array, path, NUMBERS)
        assert np.array_equal(read(path, NUMBERS, "numpy.ndarray"), array)


@given(arrays(array_dtypes(max_size=2), array_shapes()))
def test_an_array_of_records_is_refused(array):
    with tempfile.TemporaryDirectory() as folder, pytest.raises(FormatError, match="cannot travel"):
        write(array, Path(folder) / "array.npy", NPY)


def test_a_file_that_is_not_there_is_no_broken_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "absent.nc", find(Kind.GRID, "netcdf"), "xarray.DataArray")


# Tables

tables = data_frames(
    columns=[
        column("count", elements=st.integers(-(2**53), 2**53), dtype="int64"),
        column("value", elements=st.floats(allow_infinity=False), dtype="float64"),
        column(
            "name",
            elements=st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), min_size=1).map("x{}".format),
        ),
        column(
            "time", elements=st.datetimes(pd.Timestamp(1700, 1, 1), pd.Timestamp(2200, 1, 1)), dtype="datetime64[us]"
        ),
    ],
    index=range_indexes(min_size=1),
)


@pytest.mark.parametrize("fmt", [CSV, RECORDS], ids=["csv", "records"])
@given(table=tables)
def test_a_table_comes_back_as_it_was(tmp_path_factory, fmt, table):
    path = tmp_path_factory.mktemp("table") / "file"
    write(table, path, fmt)
    pd.testing.assert_frame_equal(read(path, fmt, "pandas.DataFrame"), table, check_dtype=False)


@pytest.mark.parametrize("fmt", [CSV, RECORDS], ids=["csv", "records"])
@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (pd.RangeIndex(2), ["a"]),
        (pd.Index([7, 3]), ["a"]),
        (pd.Index(["x", "y"], name="station"), ["station", "a"]),
        (pd.date_range("2000", periods=2), ["index", "a"]),
        (pd.MultiIndex.from_tuples([(1, "x"), (2, "y")], names=["k", None]), ["k", "index_1", "a"]),
        (pd.Index([1, 2], name="a"), ["a"]),
    ],
    ids=["count", "filtered", "named", "times", "several", "a column too"],
)
def test_an_index_that_says_something_becomes_columns(fmt, index, expected, tmp_path):
    write(pd.DataFrame({"a": [1, 2]}, index=index), tmp_path / "file", fmt)
    assert list(read(tmp_path / "file", fmt, "pandas.DataFrame").columns) == expected


@pytest.mark.parametrize("text", ["a;b\n1;NA\n2;3\n", "a\tb\r\n1\t\r\n2\t3", "\ufeffa,b\n1,NaN\n2,3"])
def test_a_csv_from_elsewhere_is_understood(text, tmp_path):
    (tmp_path / "file").write_text(text, encoding="utf-8")
    table = read(tmp_path / "file", CSV, "pandas.DataFrame")
    assert list(table.columns) == ["a", "b"]
    assert np.isnan(table.b[0])
    assert table.b[1] == 3


def test_a_text_of_two_letters_stays_text(tmp_path):
    write(pd.DataFrame({"country": ["NA", "DE"]}), tmp_path / "file", CSV)
    assert list(read(tmp_path / "file", CSV, "pandas.DataFrame").country) == ["NA", "DE"]


@pytest.mark.parametrize("text", ["", "a,b\n1,2,3\n", 'a,b\n"1,2', "a,b\n1,2\n1,2,3,4\n"])
def test_a_broken_csv_is_refused(text, tmp_path):
    (tmp_path / "file").write_text(text)
    with pytest.raises(FormatError):
        read(tmp_path / "file", CSV, "pandas.DataFrame")


@pytest.mark.parametrize("text", ["[1, 2]", '{"a": 1}', "3", '[{"a": 1}'])
def test_json_that_is_no_table_is_refused(text, tmp_path):
    (tmp_path / "file").write_text(text)
    with pytest.raises(FormatError):
        read(tmp_path / "file", RECORDS, "pandas.DataFrame")


def test_two_columns_of_one_name_are_refused(tmp_path):
    with pytest.raises(FormatError, match="several called a"):
        write(pd.DataFrame([[1, 2]], columns=["a", "a"]), tmp_path / "file", CSV)
