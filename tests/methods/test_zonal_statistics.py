"""Statistics inside polygons: by hand, by property, and against areas of intersection."""

from itertools import pairwise

import geopandas
import numpy as np
import pytest
import shapely
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from moorage_processes import InputError
from moorage_processes.methods import zonal_statistics as module
from moorage_processes.methods.zonal_statistics import zonal_statistics
from pyproj import Geod, Transformer

UTM = "EPSG:25832"
FOUR = xr.DataArray([[1.0, 2.0], [3.0, 4.0]], {"y": [15.0, 5.0], "x": [5.0, 15.0]}, ("y", "x"))
"""Four cells of 10 m: 1 2 above 3 4, corners at 0 and 20."""
EVERY = ["count", "mean", "min", "max", "sum", "stdev", "variance", "median", "majority", "variety"]


def zones(*shapes, crs=UTM):
    return geopandas.GeoDataFrame(
        {"name": [f"zone {number}" for number in range(len(shapes))]}, geometry=list(shapes), crs=crs
    )


def of_four(shape, *statistics, grid=FOUR):
    row = zonal_statistics(grid, zones(shape), list(statistics), crs=UTM).iloc[0]
    return [row[statistic] for statistic in statistics]


def test_a_cell_counts_by_the_part_of_it_that_is_covered():
    half_of_the_left_column = shapely.box(0, 0, 5, 20)
    assert of_four(half_of_the_left_column, "count", "mean", "sum") == pytest.approx([1.0, 2.0, 2.0])
    right_column_and_a_tenth_of_the_left = shapely.box(9, 0, 20, 20)
    mean = (0.1 * 1 + 0.1 * 3 + 2 + 4) / 2.2
    assert of_four(right_column_and_a_tenth_of_the_left, "count", "mean") == pytest.approx([2.2, mean])


def test_every_statistic_of_four_whole_cells_by_hand():
    values = of_four(shapely.box(0, 0, 20, 20), *EVERY)
    assert values[:8] == pytest.approx([4, 2.5, 1, 4, 10, 1.25**0.5, 1.25, 2.5])
    assert values[9] == 4


def test_majority_is_the_value_that_covers_most():
    classes = xr.DataArray(np.array([[7, 7], [9, 9]]), FOUR.coords, FOUR.dims)
    assert of_four(shapely.box(0, 0, 20, 14), "majority", "variety", grid=classes) == [9, 2]


def test_missing_cells_do_not_count():
    assert of_four(shapely.box(0, 0, 20, 20), "count", "mean", grid=FOUR.where(FOUR != 1)) == pytest.approx([3, 3])
    filled = FOUR.astype("int16").assign_attrs(_FillValue=np.int16(1))
    assert of_four(shapely.box(0, 0, 20, 20), "count", "min", grid=filled) == [3, 2]


def test_a_zone_outside_has_count_0_and_nothing_else():
    far, near = shapely.box(900, 900, 910, 910), shapely.box(0, 0, 10, 10)
    result = zonal_statistics(FOUR, zones(far, near, None, shapely.Polygon()), EVERY, crs=UTM)
    assert result["count"].tolist() == [0, 1, 0, 0]
    assert result["variety"].tolist() == [0, 1, 0, 0]
    others = result.loc[[0, 2, 3], [name for name in EVERY if name not in ("count", "variety")]]
    assert others.isna().all(axis=None)


def test_zones_keep_their_attributes_index_crs_and_order():
    given = (
        zones(shapely.box(0, 0, 10, 10), shapely.box(10, 10, 20, 20)).set_index(np.array([7, 3])).to_crs("EPSG:4326")
    )
    result = zonal_statistics(FOUR, given, ["mean"], prefix="z_", crs=UTM)
    assert result.drop(columns="z_mean").equals(given)
    assert result.crs == given.crs
    assert result.columns.tolist() == ["name", "geometry", "z_mean"]
    assert result["z_mean"].tolist() == pytest.approx([3, 2])
    assert "z_mean" not in given


def test_names_order_and_direction_of_the_axes_do_not_matter():
    corner = shapely.box(2, 3, 13, 17)
    expected = of_four(corner, *EVERY)
    for grid in (FOUR[::-1], FOUR[:, ::-1], FOUR.T, FOUR.rename(y="northing", x="easting"), FOUR.expand_dims(band=[1])):
        assert of_four(corner, *EVERY, grid=grid) == pytest.approx(expected)


@pytest.fixture(scope="module")
def dem():
    """A real elevation model, taken as square cells of 90 m."""
    from moorage_processes.commands.demo.jacksboro import elevation_model

    values = elevation_model().to_numpy()[:200, :250].astype("float32")
    coordinates = {"y": 18_000 - 90 * (np.arange(200) + 0.5), "x": 90 * (np.arange(250) + 0.5)}
    return xr.DataArray(values, coordinates, ("y", "x"), "elevation")


def by_intersection(grid, shape):
    """Count and mean with the fractions taken from shapely's areas of intersection."""
    x, y = np.meshgrid(grid.x, grid.y)
    cells = shapely.box(x - 45, y - 45, x + 45, y + 45)
    fraction = shapely.area(shapely.intersection(cells, shape)) / 8100
    return fraction.sum(), (fraction * grid.to_numpy()).sum() / fraction.sum()


def star(number):
    """A crooked polygon somewhere on the model."""
    random = np.random.default_rng(number)
    angle = np.sort(random.uniform(0, 2 * np.pi, 23))
    radius = random.uniform(200, 4000, 23)
    x, y = random.uniform(2000, 20000), random.uniform(2000, 16000)
    return shapely.make_valid(shapely.Polygon(np.c_[x + radius * np.cos(angle), y + radius * np.sin(angle)]))


def test_count_and_mean_agree_with_areas_of_intersection(agrees, dem):
    shapes = [star(number) for number in range(12)]
    result = zonal_statistics(dem, zones(*shapes), ["count", "mean"], crs=UTM)
    for shape, count, mean in zip(shapes, result["count"], result["mean"], strict=True):
        cells, average = by_intersection(dem, shape)
        agrees("zonal-statistics", "shapely, areas of intersection, mean", mean, average, within=1e-5, unit="m")
        agrees("zonal-statistics", "shapely, count", count / cells, 1.0, within=1e-6)


def test_zones_in_another_crs_are_reprojected_with_bent_sides(lonlat_grid):
    latitude, longitude = np.arange(59.995, 50, -0.01), np.arange(0.005, 20, 0.01)
    field = lonlat_grid(np.tile(latitude[:, np.newaxis], (1, longitude.size)), latitude, longitude)
    parallel = geopandas.GeoSeries([shapely.box(1, 52, 19, 58)], crs="EPSG:4326")
    # four corners only, which as straight lines on the cone would cut far into the box
    on_the_cone = geopandas.GeoDataFrame(geometry=parallel.segmentize(0.01).to_crs("EPSG:3035"))
    result = zonal_statistics(field, on_the_cone, ["count", "mean"])
    assert result["mean"][0] == pytest.approx(55, abs=1e-3)
    assert result["count"][0] == pytest.approx(18 * 6 * 1e4, rel=1e-5)
    cone = xr.DataArray(
        np.zeros((600, 800)), {"y": 5e6 - 5e3 * np.arange(600), "x": 3e6 + 5e3 * np.arange(800)}, ("y", "x")
    )
    expected = on_the_cone.area[0] / 25e6
    straight_in_degrees = geopandas.GeoDataFrame(geometry=parallel)
    inside = zonal_statistics(cone, straight_in_degrees, ["count"], crs="EPSG:3035")["count"][0]
    assert inside == pytest.approx(expected, rel=1e-4)


def test_a_zone_much_larger_than_a_projected_grid_covers_all_of_it(dem):
    earth = zones(shapely.box(-180, -90, 180, 90), shapely.box(180, -90, 540, 90), crs="EPSG:4326")
    on_utm = dem.assign_coords(x=dem.x + 500_000, y=dem.y + 5_000_000)
    result = zonal_statistics(on_utm, earth, ["count", "mean"], crs=UTM)
    assert result["count"].tolist() == pytest.approx([dem.size] * 2)
    assert result["mean"].tolist() == pytest.approx([float(dem.astype(float).mean())] * 2)


def test_a_zone_around_the_pole_is_refused_where_longitudes_tear_it_apart(lonlat_grid):
    grid = field_of(lonlat_grid, np.arange(-179.0, 180, 2))
    around_the_pole = zones(shapely.box(-1e6, -1e6, 1e6, 1e6), crs="EPSG:3413")
    with pytest.raises(InputError, match="zone 0 reaches too far to be reprojected to WGS 84"):
        zonal_statistics(grid, around_the_pole)
    arctic = xr.DataArray(
        np.ones((80, 80)), {"y": np.arange(-1.975e6, 2e6, 5e4), "x": np.arange(-1.975e6, 2e6, 5e4)}, ("y", "x")
    )
    assert zonal_statistics(arctic, around_the_pole, ["count"], crs="EPSG:3413")["count"][0] == 1600
    cap = zonal_statistics(arctic, zones(shapely.box(-180, 80, 180, 90), crs="EPSG:4326"), ["count"], crs="EPSG:3413")
    _, south = Transformer.from_crs("EPSG:4326", "EPSG:3413", always_xy=True).transform(-45, 80)
    assert cap["count"][0] == pytest.approx(np.pi * south**2 / 5e4**2, rel=1e-3)


def test_the_two_names_of_longitude_and_latitude_are_one(lonlat_grid):
    two_ends = shapely.MultiPolygon([shapely.box(170, 0, 180, 10), shapely.box(-180, 0, -170, 10)])
    grid = field_of(lonlat_grid, np.arange(-179.0, 180, 2))
    for crs in ("OGC:CRS84", "EPSG:4326", "EPSG:4258"):
        assert zonal_statistics(grid, zones(two_ends, crs=crs), ["count"])["count"][0] == pytest.approx(50)


def field_of(lonlat_grid, longitudes, latitudes=tuple(range(89, -90, -2))):
    """A field that tells where it is."""
    return lonlat_grid(np.add.outer(np.array(latitudes) * 1000, np.cos(np.radians(longitudes))), latitudes, longitudes)


across = [
    shapely.box(170, -10, 190, 0),
    shapely.MultiPolygon([shapely.box(170, -10, 180, 0), shapely.box(-180, -10, -170, 0)]),
    shapely.box(-190, -10, -170, 0),
]


@pytest.mark.parametrize(
    "longitudes",
    [
        np.arange(-179.0, 180, 2),
        np.arange(1.0, 360, 2),
        np.arange(1.0, 362, 2),
        np.arange(359.0, 0, -2),
        np.arange(151.0, 210, 2),
    ],
)
def test_longitudes_may_be_counted_either_way_round_the_earth(lonlat_grid, longitudes):
    result = zonal_statistics(field_of(lonlat_grid, longitudes), zones(*across, crs="EPSG:4326"), ["count", "mean"])
    assert result["count"].tolist() == pytest.approx([50] * 3)
    whole = -5000 + np.cos(np.radians(np.arange(171, 190, 2))).mean()
    assert result["mean"].tolist() == pytest.approx([whole] * 3)


def test_the_whole_earth_counts_each_cell_once(lonlat_grid):
    for longitudes in (np.arange(-180.0, 180, 2), np.arange(0.0, 361, 2)):
        result = zonal_statistics(
            field_of(lonlat_grid, longitudes), zones(shapely.box(-180, -90, 180, 90), crs="EPSG:4326")
        )
        assert result["count"][0] == pytest.approx(90 * 180)


@pytest.mark.parametrize("latitudes", [np.arange(89.0, -90, -2), np.arange(90.0, -91, -2)])
def test_area_weights_are_areas_on_the_ellipsoid(lonlat_grid, latitudes):
    grid = lonlat_grid(np.tile(np.abs(latitudes)[:, np.newaxis], (1, 180)), latitudes, np.arange(-179.0, 180, 2))
    band = zones(shapely.box(-180, 60, 180, 90), crs="EPSG:4326")
    result = zonal_statistics(grid, band, ["mean", "stdev", "count"], weights="area")
    edges = np.clip(np.append(latitudes + 1, latitudes[-1] - 1), 60, 90)
    area = np.array([parallel_band(south, north) for north, south in pairwise(edges)])
    mean = (area * np.abs(latitudes)).sum() / area.sum()
    # within one cell the fraction stands for the area, so the cell that 60 N cuts is a little off
    assert result["mean"][0] == pytest.approx(mean, abs=2e-2)
    assert result["mean"][0] < zonal_statistics(grid, band, ["mean"])["mean"][0] - 1


def parallel_band(south, north):
    """Area [m2] between two parallels, by geodesics along a fine outline."""
    if south == north:
        return 0.0
    east = np.linspace(0, 1, 2000)
    ring = np.r_[np.c_[east, np.full(2000, south)], np.c_[east[::-1], np.full(2000, north)]]
    return abs(Geod(ellps="WGS84").polygon_area_perimeter(ring[:, 0], ring[:, 1])[0])


def test_area_weights_change_nothing_on_a_projected_grid(dem):
    one, other = (
        zonal_statistics(dem, zones(star(3)), EVERY, weights=weights, crs=UTM) for weights in ("fraction", "area")
    )
    assert one.equals(other)


@given(st.floats(-1e6, 1e6), st.integers(0, 1000))
def test_of_a_constant_every_zone_has_that_mean(constant, number):
    grid = xr.DataArray(np.full((9, 9), constant), {"y": 90.0 * np.arange(9), "x": 90.0 * np.arange(9)}, ("y", "x"))
    corner = np.random.default_rng(number).uniform(0, 500, 2)
    shape = shapely.box(*corner, *(corner + 137.0))
    row = zonal_statistics(grid, zones(shape), ["mean", "min", "max", "median"], crs=UTM).iloc[0]
    assert row[["mean", "min", "max", "median"]].tolist() == pytest.approx([constant] * 4, rel=1e-9, abs=1e-9)


def test_parts_of_a_zone_add_up_to_the_whole(dem):
    whole = shapely.box(1234, 2345, 17777, 15555)
    parts = shapely.get_parts(
        shapely.voronoi_polygons(shapely.multipoints(np.random.default_rng(2).uniform(2e3, 15e3, (20, 2))))
    )
    parts = shapely.intersection(parts, whole)
    parts = parts[~shapely.is_empty(parts)]
    rest = shapely.difference(whole, shapely.union_all(parts))
    given = zones(whole, *parts, *([rest] if not rest.is_empty else []))
    result = zonal_statistics(dem, given, ["count", "sum"], crs=UTM)
    for statistic in ("count", "sum"):
        assert result[statistic][1:].sum() == pytest.approx(result[statistic][0], rel=1e-6)


@pytest.mark.parametrize(
    ("grid", "given", "sentence", "input_"),
    [
        (FOUR, zones(shapely.box(0, 0, 9, 9), crs=None), "do not state their CRS", "zones"),
        (FOUR, zones(shapely.box(0, 0, 9, 9))[:0], "no zone meets the grid", "zones"),
        (FOUR, zones(shapely.Point(1, 1)), "zone 0 is a Point; zones are polygons", "zones"),
        (FOUR, zones(shapely.Polygon([(0, 0), (9, 9), (9, 0), (0, 9)])), "Self-intersection", "zones"),
        (
            FOUR,
            zones(shapely.box(50, 50, 60, 60)),
            "no zone meets the grid, which covers x 0 to 20, y 0 to 20",
            "zones",
        ),
        (FOUR, zones(shapely.box(0, 0, 9, 9)).rename(columns={"name": "mean"}), r"already have \['mean'\]", "prefix"),
        (FOUR.expand_dims(time=12), zones(shapely.box(0, 0, 9, 9)), r"further dimensions: time \(12\)", "grid"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(grid, given, sentence, input_):
    with pytest.raises(InputError, match=sentence) as refused:
        zonal_statistics(grid, given, crs=UTM)
    assert refused.value.input == input_


def test_a_grid_without_crs_is_refused():
    with pytest.raises(InputError, match="grid does not state its CRS"):
        zonal_statistics(FOUR, zones(shapely.box(0, 0, 9, 9)))


def test_lakes_on_real_sea_surface_temperature(shared_data):
    surface = xr.open_dataset(shared_data / "coads_sst.nc").SST[7]
    lakes = geopandas.read_file(shared_data / "ne_110m_lakes.geojson")
    result = zonal_statistics(surface, lakes)
    found = result[result["count"] > 0]
    assert len(result) == len(lakes)
    assert found["mean"].between(found["min"] - 1e-5, found["max"] + 1e-5).all()
    assert found["mean"].between(-2, 35).all()


def test_more_zones_than_are_taken_at_once_are_refused(monkeypatch):
    monkeypatch.setattr(module, "ZONES", 3)
    with pytest.raises(InputError, match="there are 4 zones; up to 3 are taken at once") as refused:
        zonal_statistics(FOUR, zones(*[shapely.box(0, 0, 9, 9)] * 4), crs=UTM)
    assert refused.value.input == "zones"


def test_what_was_done_is_told():
    attrs = zonal_statistics(FOUR.assign_attrs(units="m"), zones(shapely.box(0, 0, 9, 9)), ["mean"], crs=UTM).attrs
    assert attrs["units"] == "m"
    assert "zonal-statistics, Moorage" in attrs["method"]
    assert "mean, weights=fraction" in attrs["history"]
