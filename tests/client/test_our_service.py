"""Our own service, called by our own client, from the author's types to the caller's."""

from __future__ import annotations

import inspect
import threading
from concurrent.futures import as_completed, wait

import geopandas
import moorage
import numpy as np
import pytest
import rioxarray  # noqa: F401 - gives fields their .rio
import xarray as xr
from moorage import BBox, DismissedError, FailedError, PendingError, RefusedError
from shapely import box
from support.samples import sea_surface
from support.waiting import eventually, followed


@pytest.fixture(scope="module")
def hub(service_url):
    with moorage.connect(service_url) as service:
        yield service


@pytest.fixture(scope="module")
def dem():
    """A slope that rises to the north by 1 m per cell of 10 m, 20 x 30 cells."""
    coords = {"y": 5_900_000.0 + 10 * np.arange(20)[::-1], "x": 500_000.0 + 10 * np.arange(30)}
    rising = np.repeat(np.arange(20.0)[::-1, None], 30, axis=1)
    field = xr.DataArray(rising, coords, ("y", "x"), "elevation", {"units": "m"})
    return field.rio.write_crs("EPSG:25832")


# -- what it shows ------------------------------------------------------------------------------------------


def test_a_method_is_seen_as_its_author_wrote_it(hub):
    assert str(inspect.signature(hub.terrain)) == (
        "(dem: xarray.DataArray | str, z_factor: float = 1.0, azimuth: float = 315.0, altitude: float = 45.0, "
        "crs: str | None = None, gradient: Literal['horn', 'zevenbergen-thorne'] = 'horn') "
        "-> Terrain(slope, aspect, hillshade)"
    )
    assert "Slope, aspect and hillshade" in hub.terrain.__doc__
    assert "steepness [degree]" in hub.terrain.__doc__


def test_no_method_may_hide_a_word_of_the_client(hub):
    assert not set(hub) & moorage.values.RESERVED_IDS


# -- calls --------------------------------------------------------------------------------------------------


def test_values_of_all_kinds_come_back_as_they_went(hub):
    sent = {"numbers": [1, 2], "bounds": BBox(1.0, 2.0, 3.0, 4.0), "mixed": {"a": [1, None], "value": 5}}
    echo = hub.echo("größer", count=2, **sent)
    assert echo.message == "größergrößer"
    assert (echo.numbers, echo.bounds, echo.mixed) == tuple(sent.values())
    assert hub.echo("a", mixed="text", image=b"II*\0").mixed == "text"


def test_a_single_output_comes_as_itself(hub):
    assert hub.shout("a") == "A"
    assert hub.slow_sum(np.array([1.5, 2.0])) == 3.5


def test_a_call_that_takes_longer_than_the_answer_is_held_is_followed(hub):
    assert hub.slow_sum([1.0], pause=2.5) == 1.0


def test_a_grid_goes_out_and_several_come_back(hub, dem):
    terrain = hub.terrain(dem)
    inner = terrain.slope[1:-1, 1:-1]
    assert np.allclose(inner, np.degrees(np.arctan(0.1)), atol=1e-4)
    assert np.allclose(terrain.aspect[1:-1, 1:-1], 180.0, atol=1e-3)
    assert terrain.slope.rio.crs == dem.rio.crs
    assert terrain.slope.attrs["units"] == "degree"
    assert np.array_equal(terrain.slope.y, dem.y)


def test_only_what_is_wanted_comes_in_the_format_that_is_wanted(hub, dem):
    slope = hub.terrain.select("slope")(dem)
    as_tiff = hub.terrain.select(slope="geotiff")(dem)
    assert np.array_equal(slope, as_tiff, equal_nan=True)
    picture = hub.terrain.select(hillshade="png")(dem)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_dataset_is_named_and_stays_there(hub):
    anomalies = hub.climatology("sst").anomaly
    assert anomalies.sizes == sea_surface().sst.sizes
    assert np.array_equal(anomalies.time, sea_surface().time)


def test_features_go_out_and_come_back(hub, dem):
    west, south = float(dem.x[0]) - 5, float(dem.y[-1]) - 5
    zones = geopandas.GeoDataFrame(
        {"name": ["lower", "upper"]},
        geometry=[box(west, south, west + 300, south + 100), box(west, south + 100, west + 300, south + 200)],
        crs=dem.rio.crs,
    )
    found = hub.zonal_statistics(dem, zones, statistics=["mean"])
    assert found["name"].tolist() == ["lower", "upper"]
    # the zones travel in longitude and latitude, where their straight edges are not quite straight
    assert np.allclose(found["mean"], [4.5, 14.5], atol=0.02)


def test_a_large_grid_comes_back_whole(hub):
    ones = hub.grid(2000)
    assert ones.shape == (2000, 2000)
    assert float(ones.sum()) == 4e6


def test_bytes_come_back_as_bytes(hub):
    assert hub.content(100) == b"x" * 100
    assert len(hub.content(3_000_000)) == 3_000_000


# -- errors -------------------------------------------------------------------------------------------------


def test_a_bad_input_is_refused_with_its_name_and_what_it_takes(hub):
    with pytest.raises(RefusedError, match="it takes a number of at least 0") as caught:
        hub.echo("a", pause=-1)
    assert caught.value.input == "pause"
    assert caught.value.problem["status"] == 400


def test_a_dataset_that_is_not_there_is_told_with_those_that_are(hub):
    with pytest.raises(RefusedError, match="sst"):
        hub.terrain("atlantis")


@pytest.mark.parametrize("run", [lambda process: process(), lambda process: process.submit().result()])
def test_what_the_method_refuses_is_the_callers_to_mend(hub, run):
    with pytest.raises(RefusedError, match="it has 1990 to 1993") as caught:
        run(hub.refuse)
    assert caught.value.input == "period"


@pytest.mark.parametrize("run", [lambda process: process(), lambda process: process.submit().result()])
def test_a_method_that_fails_leaves_its_last_words(hub, run):
    with pytest.raises(FailedError, match="reference") as caught:
        run(hub.fail)
    assert caught.value.log
    assert caught.value.job


def test_a_method_that_crashes_fails(hub):
    with pytest.raises(FailedError):
        hub.segfault()


# -- jobs ---------------------------------------------------------------------------------------------------


def test_a_job_tells_its_progress(hub):
    job = hub.steps.submit([0.25, 0.5], pause=1.0)
    seen = followed(lambda: (job.done(), job.heard.progress, job.heard.message), lambda told: told[0])
    assert (25, "at 0.25") in {told[1:] for told in seen[:-1]}
    assert job.result() == 2


def test_a_cancelled_job_is_stopped_there(hub):
    job = hub.sleep_in_c.submit(300)
    eventually(job.running)
    assert job.cancel()
    assert hub.job(job.id).status == "dismissed"
    with pytest.raises(DismissedError):
        job.result()


def test_a_result_that_takes_too_long_can_be_waited_for_again(hub):
    job = hub.slow_sum.submit([1.0], pause=1.0)
    with pytest.raises(PendingError):
        job.result(timeout=0.1)
    assert job.result() == 1.0


def test_a_job_is_found_again_with_all_its_outputs(hub, dem):
    job = hub.terrain.submit(dem)
    again = moorage.connect(hub.url).job(job.id)
    assert np.array_equal(again.result().slope, job.result().slope, equal_nan=True)
    again = hub.job(hub.terrain.select("slope").submit(dem).id)
    assert again.result(60).slope.dims == ("y", "x")


def test_a_job_keeps_its_log(hub):
    job = hub.speak.submit()
    job.result()
    assert "printed" in job.log()


def test_many_jobs_are_waited_for_together(hub):
    jobs = [hub.slow_sum.submit([float(number)], pause=0.05) for number in range(20)]
    called = threading.Event()
    jobs[-1].add_done_callback(lambda _: called.set())
    assert [job.result() for job in as_completed(jobs, timeout=120)]
    assert wait(jobs, timeout=120).not_done == set()
    assert sorted(job.result() for job in jobs) == [float(number) for number in range(20)]
    assert called.wait(60)


def test_results_are_saved_as_files(hub, dem, tmp_path):
    saved = hub.terrain.select("slope").submit(dem).download(tmp_path)
    assert saved == {"slope": tmp_path / "slope.nc"}
    with xr.open_dataset(saved["slope"]) as file:
        assert file["slope"].shape == dem.shape
