"""Grids behind links are opened where they are: only what a method needs is asked for, and of nobody else."""

from __future__ import annotations

import json
import pickle
import socket
from pathlib import Path

import numpy as np
import pytest
import rasterio
import xarray as xr
import zarr
from moorage.formats.rasters import read_geotiff, write_geotiff
from moorage_processes.catalogue.reading import read_catalogue
from moorage_processes.data.datasets import DatasetUnavailableError, from_config
from moorage_processes.data.opening import open_grid
from moorage_processes.data.remote import RemoteFormat, form_of, opened
from moorage_processes.errors import InputError
from moorage_processes.execution.executor import Executor
from moorage_processes.execution.request import ExecutionFailed, Request
from moorage_processes.network.fetch import Policy
from moorage_processes.network.range_reader import RangeReader
from pydap.handlers.lib import BaseHandler
from pydap.model import BaseType, DatasetType
from support.file_servers import serving_files, serving_opendap
from support.samples import sea_surface

LISTED = Policy(own="http://service.example", allowed_hosts=("127.0.0.0/8",), seconds=20)
CHUNKS = (3, 2, 4)
"""Of each variable: 4 x 2 x 2 chunks."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Stores of both versions of Zarr, consolidated and not, and GeoTIFF files."""
    folder = tmp_path_factory.mktemp("served")
    encoding = {name: {"chunks": CHUNKS} for name in ("sst", "wind")}
    for version in (2, 3):
        for words, consolidated in (("consolidated", True), ("plain", False)):
            sea_surface().to_zarr(
                folder / f"{words}{version}.zarr", zarr_format=version, consolidated=consolidated, encoding=encoding
            )
    sea_surface()[["sst"]].to_zarr(folder / "sst.zarr", zarr_format=2, encoding={"sst": {"chunks": CHUNKS}})
    values = np.random.default_rng(1).normal(size=(2048, 2048)).astype("float32")
    values[:5] = np.nan
    coords = {"y": 5e6 - 10.0 * np.arange(2048), "x": 5e5 + 10.0 * np.arange(2048)}
    dem = xr.DataArray(values, coords, ("y", "x"), "height", {"units": "m"}).rio.write_crs("EPSG:25832")
    write_geotiff(dem, folder / "dem.tif")
    write_geotiff(xr.Dataset({"height": dem[:600, :600], "twice": 2 * dem[:600, :600]}), folder / "two.tif")
    write_geotiff(dem[1000:1040, 1000:1050], folder / "small")
    packed = np.arange(300 * 400, dtype="int16").reshape(300, 400)
    options = {"driver": "GTiff", "width": 400, "height": 300, "count": 1, "dtype": "int16", "nodata": 7}
    with rasterio.open(folder / "packed.tif", "w", **options, transform=rasterio.Affine(1, 0, 5, 0, -1, 50)) as file:
        file.write(packed, 1)
        file.scales, file.offsets = [0.5], [10.0]
    (folder / "broken.tif").write_bytes((folder / "dem.tif").read_bytes()[:200_000])
    return folder


@pytest.fixture(scope="module")
def server(folder):
    with serving_files(folder, redirects={"/away.zarr/zarr.json": "http://169.254.169.254/latest"}) as server:
        yield server


def point(grid):
    return grid.isel(lat=1, lon=2)


# Zarr


@pytest.mark.parametrize("store", ["consolidated2", "consolidated3", "plain2", "plain3"])
def test_a_series_at_a_point_reads_the_chunks_of_that_point(server, store):
    server.clear()
    with opened(f"{server.url}/{store}.zarr", RemoteFormat.ZARR, LISTED, "grid", "xarray.Dataset") as grid:
        assert not server.chunks("sst"), "nothing but coordinates is read to open it"
        server.clear()
        xr.testing.assert_equal(point(grid.sst).load(), point(sea_surface().sst))
        assert len(server.chunks("sst")) == 4
        assert not server.chunks("wind")
        assert len(server.paths) == 4
        xr.testing.assert_equal(grid.load(), sea_surface())


@pytest.mark.parametrize("store", ["consolidated2", "consolidated3", "plain2", "plain3"])
def test_stores_in_folders_and_behind_addresses_of_the_configuration_are_alike(server, folder, store):
    named = from_config({"near": f"{store}.zarr", "far": f"{server.url}/{store}.zarr"}, folder)
    for entry in named.values():
        with open_grid(entry) as grid:
            xr.testing.assert_equal(grid.load(), sea_surface())


def test_a_store_that_is_not_called_so_is_known_by_what_it_holds(folder, tmp_path):
    (tmp_path / "sea").symlink_to(folder / "plain3.zarr")
    with open_grid(from_config({"sea": "sea"}, tmp_path)["sea"]) as grid:
        xr.testing.assert_equal(grid.load(), sea_surface())


def test_a_store_whose_metadata_is_nowhere_together_and_is_not_listed_is_told(folder, tmp_path):
    with (
        serving_files(folder, redirects={"/plain3.zarr/": "/no", "/plain3.zarr": "/no"}) as server,
        pytest.raises(InputError, match="^grid: "),
        opened(f"{server.url}/plain3.zarr", RemoteFormat.ZARR, LISTED, "grid", "xarray.Dataset"),
    ):
        pass


def test_a_chunk_that_was_never_written_holds_no_values(folder):
    with (
        serving_files(folder, refused={"/sst.zarr/sst/0.0.0": 404}) as server,
        opened(f"{server.url}/sst.zarr", RemoteFormat.ZARR, LISTED, "grid", "xarray.Dataset") as grid,
    ):
        assert np.isnan(grid.sst[:3, :2, :4]).all()
        assert grid.sst[3:].notnull().all()


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_chunk_that_may_not_be_read_is_told_and_never_taken_for_one_without_values(folder, status):
    with (
        serving_files(folder, refused={"/sst.zarr/sst/0.0.0": status}) as server,
        opened(f"{server.url}/sst.zarr", RemoteFormat.ZARR, LISTED, "grid", "xarray.Dataset") as grid,
        pytest.raises(InputError, match=f"grid: .* answered with status {status}"),
    ):
        grid.sst[0, 0, 0].load()


@pytest.mark.parametrize("key", [".zarray", ".zmetadata"])
def test_a_codec_that_runs_what_it_reads_is_refused(folder, tmp_path, key):
    marker = tmp_path / "ran"

    class Trap:
        def __reduce__(self):
            return Path.touch, (marker,)

    store = tmp_path / "trap.zarr"
    array = {
        "zarr_format": 2, "shape": [1], "chunks": [1], "dtype": "|O", "compressor": None, "fill_value": None,
        "order": "C", "filters": [{"id": "pickle", "protocol": 5}],
    }  # fmt: skip
    (store / "a").mkdir(parents=True)
    attributes = {"_ARRAY_DIMENSIONS": ["n"]}
    (store / "a" / "0").write_bytes(pickle.dumps(Trap()))
    members = {".zgroup": {"zarr_format": 2}, "a/.zarray": array, "a/.zattrs": attributes}
    if key == ".zmetadata":
        members = {".zgroup": members[".zgroup"], key: {"zarr_consolidated_format": 1, "metadata": members}}
    for name, document in members.items():
        (store / name).write_text(json.dumps(document))
    with (
        serving_files(tmp_path) as server,
        pytest.raises(InputError, match="^grid: "),
        opened(f"{server.url}/trap.zarr", RemoteFormat.ZARR, LISTED, "grid", "xarray.Dataset") as grid,
    ):
        grid.load()
    assert not marker.exists()


# GeoTIFF


@pytest.mark.parametrize("name", ["two.tif", "packed.tif", "dem.tif"])
@pytest.mark.parametrize("type_name", ["xarray.DataArray", "xarray.Dataset"])
def test_a_geotiff_behind_a_link_is_what_it_is_when_fetched(server, folder, name, type_name):
    with opened(f"{server.url}/{name}", RemoteFormat.GEOTIFF, LISTED, "grid", type_name) as grid:
        xr.testing.assert_identical(grid.load(), read_geotiff(folder / name, type_name))


def test_a_window_of_a_geotiff_reads_its_tiles(server, folder):
    size = (folder / "dem.tif").stat().st_size
    server.clear()
    with opened(f"{server.url}/dem.tif", RemoteFormat.GEOTIFF, LISTED, "grid", "xarray.DataArray") as dem:
        part = dem[700:800, 600:700].load()
    xr.testing.assert_identical(part, read_geotiff(folder / "dem.tif", "xarray.DataArray")[700:800, 600:700])
    assert 0 < server.bytes < size / 10


@pytest.mark.parametrize("key", [{"y": 3}, {"y": [4, 1], "x": slice(None, None, -7)}, {"x": []}, {"y": -1, "x": -1}])
def test_any_part_of_a_geotiff_is_what_it_is_in_memory(server, folder, key):
    with opened(f"{server.url}/two.tif", RemoteFormat.GEOTIFF, LISTED, "grid", "xarray.Dataset") as grid:
        xr.testing.assert_equal(grid.isel(key).load(), read_geotiff(folder / "two.tif", "xarray.Dataset").isel(key))


def test_a_geotiff_that_is_cut_short_is_told(server):
    with (
        opened(f"{server.url}/broken.tif", RemoteFormat.GEOTIFF, LISTED, "grid", "xarray.DataArray") as dem,
        pytest.raises(InputError, match="^grid: the GeoTIFF is broken"),
    ):
        dem.load()


# OPeNDAP


@pytest.fixture(scope="module")
def opendap():
    """The sea surface behind a real server of OPeNDAP."""
    sea = sea_surface()
    days = (sea.time - sea.time[0]).dt.days.values.astype("float64")
    served = DatasetType("sea")
    served["time"] = BaseType("time", days, dims=("time",), attributes={"units": "days since 2000-01-01"})
    for name in ("lat", "lon", "sst", "wind"):
        served[name] = BaseType(name, sea[name].values, dims=sea[name].dims, attributes=dict(sea[name].attrs))
    with serving_opendap(BaseHandler(served)) as server:
        yield server


def test_a_series_at_a_point_asks_an_opendap_server_for_that_point(opendap):
    with opened(f"{opendap.url}/sea.nc", RemoteFormat.OPENDAP, LISTED, "grid", "xarray.Dataset") as grid:
        assert not [path for path in opendap.paths if "sst[" in path]
        opendap.clear()
        xr.testing.assert_equal(point(grid.sst).load(), point(sea_surface().sst))
        assert opendap.paths == ["/sea.nc.dods?sst[0:1:11][1:1:1][2:1:2]"]
        assert opendap.bytes < 400
        xr.testing.assert_equal(grid.load(), sea_surface())


def test_a_dataset_of_the_configuration_may_be_behind_opendap(opendap, tmp_path):
    entry = from_config({"sea": {"path": f"{opendap.url}/sea.nc", "engine": "pydap"}}, tmp_path)["sea"]
    with open_grid(entry) as grid:
        xr.testing.assert_equal(grid.load(), sea_surface())


def test_the_netcdf_library_says_the_same_of_that_server(opendap):
    with xr.open_dataset(f"{opendap.url}/sea.nc", engine="netcdf4") as grid:
        xr.testing.assert_equal(grid.load(), sea_surface())


# Which form, and through a process


@pytest.mark.parametrize(
    ("href", "media_type", "form"),
    [
        ("https://host/a.zarr", None, RemoteFormat.ZARR),
        ("https://host/a.zarr/?token=1#sst", None, RemoteFormat.ZARR),
        ("https://host/a", "application/vnd+zarr; version=3", RemoteFormat.ZARR),
        ("https://host/a.TIF", "application/octet-stream", RemoteFormat.GEOTIFF),
        ("https://host/a", "image/tiff; application=geotiff; profile=cloud-optimized", RemoteFormat.GEOTIFF),
        ("https://host/a.nc", "application/x-opendap", RemoteFormat.OPENDAP),
        ("https://host/a.tif", "application/x-netcdf", None),
        ("https://host/a.nc", None, None),
        ("https://host/a?b=.zarr", None, None),
    ],
)
def test_the_type_tells_what_a_link_is_or_else_its_ending(href, media_type, form):
    assert form_of(href, media_type) is form


@pytest.fixture(scope="module")
def execute():
    """Run one process with one output wanted, and open what it made."""
    catalogue = read_catalogue([]).to_json()

    def run(directory, process, inputs, output, **named):
        known = {name: entry.to_json() for name, entry in named.items()}
        executor = Executor({"catalogue": catalogue, "references": LISTED.to_json(), "datasets": known})
        (made,) = executor.execute(Request(process, inputs, {output: "netcdf"}), directory, lambda *_: None)
        with xr.open_dataset(directory / made.file) as opened:
            return opened.load()

    return run


def test_a_process_takes_a_variable_of_a_store_behind_a_link(server, execute, tmp_path):
    server.clear()
    link = {"href": f"{server.url}/consolidated3.zarr#wind"}
    made = execute(tmp_path, "climatology", {"data": link}, "climatology")
    assert len(server.chunks("wind")) == 16
    assert not server.chunks("sst")
    np.testing.assert_allclose(made.wind, sea_surface().wind)


def test_a_variable_must_be_named_where_there_are_several(server, execute, tmp_path):
    link = {"href": f"{server.url}/consolidated3.zarr"}
    with pytest.raises(ExecutionFailed, match="data: the data holds sst, wind; pick one as 'address#variable'"):
        execute(tmp_path, "climatology", {"data": link}, "climatology")


@pytest.mark.parametrize("place", ["sea", "near"])
def test_a_box_of_a_store_reads_the_chunks_in_it(server, execute, folder, tmp_path, place, monkeypatch):
    named = from_config({"sea": f"{server.url}/sst.zarr", "near": "sst.zarr"}, folder)
    server.clear()
    local = counted_keys(monkeypatch)
    inputs = {"data": {"collection": place, "bbox": [20, -70, 70, 0], "datetime": "2000-01/2000-06"}}
    made = execute(tmp_path, "climatology", inputs, "climatology", **named)
    asked = server.chunks("sst") if place == "sea" else {key[4:] for key in local if key.startswith("sst/0")}
    asked |= {key[4:] for key in local if key.startswith("sst/1")}
    assert asked == {"0.0.0", "1.0.0"}
    np.testing.assert_allclose(made.sst, sea_surface().sst[:6, :2, :2])


def counted_keys(monkeypatch):
    """What is read of stores in folders."""
    keys = []
    known = zarr.storage.LocalStore.get

    async def get(self, key, *further, **named):
        keys.append(key)
        return await known(self, key, *further, **named)

    monkeypatch.setattr(zarr.storage.LocalStore, "get", get)
    return keys


def test_a_host_that_gives_no_ranges_is_fetched_from_whole(folder, execute, tmp_path):
    slopes = []
    for has_ranges in (True, False):
        with serving_files(folder, has_ranges=has_ranges) as server:
            link = {"href": f"{server.url}/small", "type": "image/tiff; application=geotiff"}
            slopes.append(execute(tmp_path, "terrain", {"dem": link}, "slope"))
            whole = server.bytes
    xr.testing.assert_equal(*slopes)
    assert whole >= (folder / "small").stat().st_size


# Nowhere else


@pytest.mark.parametrize("form", list(RemoteFormat))
def test_a_host_that_is_not_listed_is_never_asked(form):
    with (
        pytest.raises(InputError, match="not a host this service fetches from"),
        opened("http://127.0.0.1:9/a", form, Policy(own="http://service.example"), "grid", "xarray.Dataset"),
    ):
        pass


@pytest.mark.parametrize("form", list(RemoteFormat))
def test_a_name_that_leads_to_a_private_address_is_refused(form):
    policy = Policy(own="http://service.example", allowed_hosts=("myself.localhost",))
    with (
        pytest.raises(InputError, match="private address|not known"),
        opened("http://myself.localhost:9/a", form, policy, "grid", "xarray.Dataset"),
    ):
        pass


@pytest.mark.parametrize("form", [RemoteFormat.ZARR, RemoteFormat.OPENDAP])
def test_a_redirect_is_not_followed(folder, form):
    with serving_files(folder) as target:
        away = f"{target.url}/secret"
        paths = ("/a/zarr.json", "/a/.zmetadata", "/a/.zgroup", "/a/.zarray", "/a.dds", "/a")
        with (
            serving_files(folder, redirects=dict.fromkeys(paths, away)) as server,
            pytest.raises(InputError, match="redirects"),
            opened(f"{server.url}/a", form, LISTED, "grid", "xarray.Dataset"),
        ):
            pass
        assert target.paths == []


@pytest.mark.parametrize("form", list(RemoteFormat))
def test_an_address_that_is_silent_is_given_up(form):
    hasty = Policy(own="http://service.example", allowed_hosts=("127.0.0.0/8",), seconds=0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        href = f"http://127.0.0.1:{silent.getsockname()[1]}/a"
        with pytest.raises(InputError, match="does not answer"), opened(href, form, hasty, "grid", "xarray.Dataset"):
            pass


def test_no_more_is_read_of_a_link_than_one_input_may_hold(server):
    small = Policy(own="http://service.example", allowed_hosts=("127.0.0.0/8",), size=50_000)
    with (
        opened(f"{server.url}/dem.tif", RemoteFormat.GEOTIFF, small, "grid", "xarray.DataArray") as dem,
        pytest.raises(InputError, match="grid: more than 50000 bytes of .* were read"),
    ):
        dem.load()


def test_a_dataset_behind_an_address_that_fails_is_unavailable_without_a_word_of_it(server, folder):
    entry = from_config({"away": f"{server.url}/away.zarr"}, folder)["away"]
    with pytest.raises(DatasetUnavailableError) as refused, open_grid(entry):
        pass
    assert server.url not in refused.value.detail
    assert refused.value.reason == "its address does not answer, or with something else"


def test_a_link_may_travel_to_where_a_part_is_computed(server):
    link = pickle.loads(pickle.dumps(RangeReader(f"{server.url}/sst.zarr", LISTED, "grid")))  # noqa: S301 - our own
    assert link.get(link.beneath(".zgroup")).content == b'{\n  "zarr_format": 2\n}'
