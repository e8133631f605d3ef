"""The page of all methods: `python tests/methods/catalogue_page.py` writes processes/CATALOGUE.md.

It is made from the descriptions of the processes, from what the tests saw (agreement.json) and from what was measured
last (../bench/measured.json).
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from moorage_processes.catalogue.reading import read_catalogue
from moorage_processes.execution.executor import OURS

sys.path.insert(0, str(Path(__file__).parent))

from typing import TYPE_CHECKING

from agreement import Agreement, stored

if TYPE_CHECKING:
    from moorage_processes.catalogue.catalogue import Entry

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "processes" / "CATALOGUE.md"
MEASURED = HERE.parent / "bench" / "measured.json"
LIBRARIES = {
    "area-mean": "numpy",
    "climate-index": "numpy, cf-units",
    "climatology": "numpy",
    "contours": "contourpy",
    "correlation-map": "numpy, scipy",
    "ensemble-statistics": "numpy",
    "eof": "numpy, scipy",
    "interpolate-stations": "scipy, pykrige",
    "percentile": "numpy",
    "point-series": "numpy, pyproj",
    "polygonize": "rasterio",
    "quicklook": "matplotlib",
    "regrid": "scipy.sparse",
    "reproject": "pyproj, scipy, rasterio",
    "subset": "shapely",
    "temporal-resample": "numpy",
    "terrain": "numpy",
    "threshold-exceedance": "numpy",
    "trend": "numpy, scipy",
    "zonal-statistics": "exactextract",
}
"""What each method computes with; a method that is missing here is missing from the page, which a test tells."""
SPEEDS = {
    "monthly climatology": "climatology",
    "anomaly": "climatology",
    "monthly mean": "temporal-resample",
    "trend": "trend",
    "zonal mean": "area-mean",
    "global mean": "area-mean",
    "bilinear regrid": "regrid",
    "90th percentile": "percentile",
    **{name: name for name in LIBRARIES},
}
"""Which method each figure of the bench is of."""
HEAD = """\
# The methods that come with Moorage

Written by `python tests/methods/catalogue_page.py`; a test fails where it is stale. Each is a process of every
service, and an ordinary function of Python: `from moorage_processes.methods.trend import trend`. What each computes,
its formula, its rule for missing data and the choices of definition stand in its docstring, which is its description
at the service.

*within*: the largest difference from the reference that the tests let pass; *seen*: the largest there was when they
were recorded. *Speed*: our time, called through a service, over that of the peer; under 1 is faster. Medians of runs
that alternate, files in memory:
`TMPDIR=/dev/shm python tests/bench/run.py climate zonal-statistics catalogue --json tests/bench/measured.json`.
"""


def page() -> str:
    """The whole page."""
    entries = {name: entry for name, entry in sorted(described().items()) if name in LIBRARIES}
    return "\n".join([HEAD, *_table(entries), "", *_speeds(), "## What they follow", "", *_papers(entries), ""])


def ours() -> list[str]:
    """The methods that a scientist calls: all of ours but the one by which a service is tested."""
    found = {name: str(entry.address and entry.address.module) for name, entry in described().items()}
    return sorted(name for name, module in found.items() if module.startswith(OURS) and name != "echo")


@cache
def described() -> Mapping[str, Entry]:
    """All processes that come with Moorage."""
    return read_catalogue([])


def _table(entries: dict[str, Entry]) -> Iterator[str]:
    agreements = stored().values()
    yield "| process | what it gives | computed with | compared with | within | seen | speed |"
    yield "|---|---|---|---|---|---|---|"
    for name, entry in entries.items():
        rows = [each for each in agreements if each.process == name]
        cells = ["<br>".join(column) for column in zip(*map(_compared, rows), strict=True)] or ["-"] * 3
        title = entry.description["title"]
        yield f"| `{name}` | {title} | {LIBRARIES[name]} | {' | '.join(cells)} | {_speed(name)} |"


def _compared(row: Agreement) -> tuple[str, str, str]:
    return row.reference, f"{row.within:.2g} {row.unit}".strip(), f"{row.seen:.2g} {row.unit}".strip()


def _measured() -> list[dict]:
    return json.loads(MEASURED.read_text()) if MEASURED.exists() else []


def _speed(process: str) -> str:
    own = [row for row in _measured() if SPEEDS.get(row["name"]) == process]
    return "<br>".join(f"{row['ratio']:.2f} ({row['against']})" for row in own) or "-"


def _speeds() -> Iterator[str]:
    rows = _measured()
    if not rows:
        return
    yield "## Speed and memory"
    yield ""
    yield "| what | ours | peer | ratio | target |"
    yield "|---|---|---|---|---|"
    for row in rows:
        peer = "" if row["peer"] is None else f"{row['peer']:.3g} {row['unit']}: {row['against']}"
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
        yield f"| {row['name']} | {row['ours']:.3g} {row['unit']} | {peer} | {ratio} | {row['target']} |"
    yield ""


def _papers(entries: dict[str, Entry]) -> Iterator[str]:
    for name, entry in entries.items():
        module = importlib.import_module(entry.address.module)
        methods = getattr(module, "METHODS", {}).values() or [getattr(module, "METHOD", None)]
        references = "; ".join(method.reference for method in methods if method is not None)
        if references:
            yield f"- `{name}`: {references}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
