"""Yield the horizontal steps of a block one by one, in double precision, with a mask of missing values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from moorage_processes.grids.horizontal import Numbers
    from moorage_processes.methods.streaming.blocks import Floats


class Step(NamedTuple):
    """The values on the rows and columns of one moment."""

    number: int
    """Which step of the block it is."""
    values: Numbers
    """Rows and columns; 0 where missing. The next step overwrites them."""
    there: Numbers | None
    """1 where a value is there and 0 where none is; None where all are there. The next step may overwrite it."""
    same_gaps: bool
    """Whether the gaps are those of the step before."""


def steps(block: Floats) -> Iterator[Step]:
    """The steps of a block of (steps, rows, columns), which is overwritten.

    A step at a time stays in the caches of a processor: what reads it in double precision then takes a third of the
    time that it takes for the whole block.
    """
    shape = block.shape[1:]
    values, there = np.empty(shape), np.empty(shape)
    missing: npt.NDArray[np.bool_] | None = None
    for number, step in enumerate(block):
        gaps = np.isnan(step)
        has_gaps = bool(gaps.any())
        same_gaps = has_gaps and missing is not None and np.array_equal(gaps, missing)
        if has_gaps:
            # a mask of bits (none where missing, all elsewhere) takes a tenth of the time of numpy.copyto and where
            bits = step.view(f"i{step.dtype.itemsize}")
            np.bitwise_and(bits, gaps.view(np.int8) - np.int8(1), out=bits)
        if has_gaps and not same_gaps:
            np.logical_not(gaps, out=there, casting="unsafe")
        np.copyto(values, step)
        missing = gaps if has_gaps else None
        yield Step(number, values, there if has_gaps else None, same_gaps=same_gaps)
