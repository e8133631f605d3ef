"""The least share of valid values for a result: one rule for all methods."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

MinimumValid = Annotated[float, Field(ge=0, le=1)]
"""Share of the values, 0 to 1, that must be there for a result; 0 takes any one, 1 wants all of them."""
ROUNDING = 1e-9


def needed(minimum_valid: float, size: Any) -> Any:
    """How many of *size* values must be there: the share *minimum_valid* of them, and one at least."""
    return np.maximum(1, np.ceil(minimum_valid * np.asarray(size) - ROUNDING)).astype(np.int64)


def enough(valid: npt.NDArray[Any], size: Any, minimum_valid: float) -> npt.NDArray[np.bool_]:
    """Where *valid* of *size* values, which broadcast, are enough for a result."""
    there: npt.NDArray[np.bool_] = valid >= needed(minimum_valid, size)
    return there
