"""Where percentiles lie among values in order."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from moorage_processes.cf.missing import ROUNDING

Numbers = npt.NDArray[np.float64]
Counts = npt.NDArray[np.integer]
Percentage = Annotated[float, Field(ge=0, le=100)]
Definition = Literal["linear", "inverted_cdf", "hazen", "weibull", "median_unbiased"]
PLOTTING: dict[Definition, float] = {"linear": 1.0, "hazen": 0.5, "weibull": 0.0, "median_unbiased": 1 / 3}
"""The constant of each continuous definition: value k of n is the quantile (k - a) / (n + 1 - 2 a)."""


class Ranks(NamedTuple):
    """The two values between which a percentile lies, the smallest being 1, and how much of the way it is."""

    below: npt.NDArray[np.intp]
    above: npt.NDArray[np.intp]
    share: Numbers

    def between(self, lower: Numbers, upper: Numbers) -> Numbers:
        """The percentile, of the values at :attr:`below` and :attr:`above`."""
        with np.errstate(invalid="ignore"):  # of values that are infinite
            mixed = lower * (1 - self.share) + upper * self.share
        return np.where((self.share == 0) | (lower == upper), lower, mixed)


def ranks_of(valid: Counts, percentiles: Numbers, definition: Definition) -> Ranks:
    """Where percentiles lie.

    Parameters
    ----------
    valid : how many values there are; where there is none, the first is named.
    percentiles : 0 to 100, broadcast with *valid*.
    definition : by Hyndman and Fan (1996), doi:10.1080/00031305.1996.10473566: type 7, 1, 5, 6 or 8.
    """
    most = np.maximum(valid, 1)
    if definition == "inverted_cdf":
        rank = np.ceil(valid * percentiles / 100 - ROUNDING)
    else:
        a = PLOTTING[definition]
        rank = a + (valid + 1 - 2 * a) * percentiles / 100
    rank = np.clip(rank, 1, most)
    below = np.floor(rank).astype(np.intp)
    return Ranks(below, np.minimum(below + 1, most), rank - below)
