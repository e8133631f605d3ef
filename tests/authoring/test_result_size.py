"""How much a result may hold: refused before the work begins where it can be known, and before it is written."""

import pytest
from moorage_processes import InputError
from moorage_processes.authoring.result_size import check_room, in_words, room
from moorage_processes.catalogue.reading import read_catalogue
from moorage_processes.execution.executor import Executor
from moorage_processes.execution.request import ExecutionFailed, Request

METHODS = """
import numpy as np
import xarray as xr
from moorage_processes import process

@process
def zeros(cells: int) -> xr.DataArray:
    \"\"\"Give zeros.

    Parameters
    ----------
    cells : how many.
    \"\"\"
    return xr.DataArray(np.broadcast_to(np.float32(0), (cells,)), dims="x")
"""


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 bytes"), (999, "999 bytes"), (10**10, "10 GB"), (2.1e12, "2.1 TB"), (3e18, "3e+03 PB")]
)
def test_sizes_are_told_as_people_write_them(size, words):
    assert in_words(size) == words


def test_a_result_that_is_too_large_is_refused_with_both_sizes():
    with room(10**9), pytest.raises(InputError, match=r"the grid would need 2 TB; this service gives up to 1 GB"):
        check_room((1000, 1000, 500_000), 4, "the grid")
    with room(10**9):
        check_room((1000, 1000, 250), 4, "the grid")


def test_outside_of_a_service_nothing_is_refused():
    check_room((10**9, 10**9), 8, "the grid")


def test_what_any_method_gives_is_looked_at_before_it_is_written(tmp_path):
    (tmp_path / "zeros.py").write_text(METHODS)
    executor = Executor({"catalogue": read_catalogue([str(tmp_path / "zeros.py")]).to_json(), "result_size": 1000})

    def call(cells):
        return executor.execute(Request("zeros", {"cells": cells}, {"result": "application/x-netcdf"}), tmp_path, print)

    assert call(250)[0].file == "result.nc"
    (tmp_path / "result.nc").unlink()
    with pytest.raises(ExecutionFailed, match="the output 'result' would need 4 TB; this service gives up to 1 kB"):
        call(10**12)
    assert not (tmp_path / "result.nc").exists()
