"""Methods that take and give what Python's own users write: arrays, paths, figures, dicts, generators, nothing."""

import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from moorage_processes import Media, process, progress
from numpy.typing import NDArray


@process
def doubled(numbers: np.ndarray) -> np.ndarray:
    """Twice the numbers."""
    return np.asarray(numbers * 2)


@process
def kind_of_array(numbers: NDArray[np.float64]) -> str:
    """The type of the values as they come."""
    return f"{numbers.dtype} {numbers.shape}"


@process
def moments() -> np.ndarray:
    """Dates, one of which is missing."""
    return np.array(["2000-01-01", "NaT"], "datetime64[D]")


@process
def objects() -> np.ndarray:
    """What cannot travel."""
    return np.array([{}], object)


@process
def count_lines(table: Annotated[Path, Media("text/csv")]) -> dict:
    """Lines of a file, and how its name ends."""
    return {"lines": len(table.read_text().splitlines()), "suffix": table.suffix}


@process
def any_file(file: Path | None = None) -> int:
    """The size of a file."""
    return 0 if file is None else file.stat().st_size


class Files(NamedTuple):
    """Files from three places.

    Parameters
    ----------
    made : written for this call.
    kept : one that the institute keeps.
    linked : a link to that.
    """

    made: Annotated[Path, Media("text/csv")]
    kept: Path
    linked: Path


@process
def files(kept: str) -> Files:
    """Files written here, and one that must stay."""
    folder = Path(tempfile.mkdtemp())
    made, linked = folder / "made.csv", folder / "linked.txt"
    program = "import sys, tempfile, pathlib; pathlib.Path(sys.argv[1]).write_text(tempfile.gettempdir())"
    subprocess.run([sys.executable, "-c", program, str(made)], check=True)
    linked.symlink_to(kept)
    return Files(made, Path(kept), linked)


@process
def no_file(where: str) -> Path:
    """A path where no file is."""
    return Path(where)


@process
def plot(height: float = 1.0) -> Figure:
    """A drawing of one line."""
    figure = Figure(figsize=(2, 1), dpi=50)
    figure.subplots().plot([0, 1], [0, height])
    return figure


@process
def plot_with_pyplot() -> Figure:
    """A drawing made as in a notebook."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    axes.plot([0, 1])
    return figure


@process
def open_figures() -> int:
    """How many figures pyplot still holds."""
    import matplotlib.pyplot as plt

    return len(plt.get_fignums())


@process
def anything(given: dict, more: list) -> list:
    """Whatever came."""
    return [given, more, None]


@process
def nested(parts: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Whatever came, by name."""
    return {name: [part[name] for part in parts] for name in parts[0]}


@process
def nothing(word: str = "done") -> None:
    """Say a word in the log."""
    print(word)


@process
def not_nothing() -> None:
    """Return something all the same."""
    return 1


@process
def melted(steps: int = 4) -> Generator[float | tuple[float, str], None, float]:
    """Tell progress by yielding it."""
    for step in range(steps):
        yield step / steps, f"year {step}"
        with progress.part(step / steps, (step + 1) / steps):
            progress(0.5, "half a year")
    yield 1.0
    return float(steps)


@process
class Glacier:
    """A glacier.

    Parameters
    ----------
    area : how large it is [km2].
    """

    def __init__(self, area: float) -> None:
        self.area = area

    def melt(self, years: int = 1) -> float:
        """What is left [km2]."""
        return self.area / 2**years

    def shrink(self, by: float) -> Generator[float, None, float]:
        """What is left, after telling progress."""
        yield 0.5
        return self.area - by

    @staticmethod
    def unit() -> str:
        """The unit of areas."""
        return "km2"
