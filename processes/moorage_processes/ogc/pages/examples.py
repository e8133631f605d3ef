"""Inputs for a first try of a process, of the data that the service has and that suit it."""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moorage.formats import Kind, formats_of, kind_of

from moorage_processes.authoring.process import EXAMPLE
from moorage_processes.execution.inputs import PATH_TYPE
from moorage_processes.ogc.collections.cache import layer_of
from moorage_processes.ogc.descriptions import metadata, type_of
from moorage_processes.ogc.pages.derived import Box, Scene, derived, middle
from moorage_processes.ogc.pages.grid_facts import facts_of
from moorage_processes.ogc.pages.needs import FeatureNeeds, GridNeeds, named_alike, words_of
from moorage_processes.ogc.pages.schema_values import BOX, geometry, value_of

if TYPE_CHECKING:
    from moorage_processes.data.datasets import Dataset, Datasets
    from moorage_processes.ogc.pages.grid_facts import GridFacts, Variable

DATA = (Kind.GRID, Kind.FEATURES, Kind.TABLE)
NUMBERS = [1.0, 2.0, 3.0]
SEVERAL = 2
"""How many of the data an input is shown with that takes more than one: with one alone there is nothing to compare."""
ALIKE = re.compile(r"the grid of \*\w+\*")
"""How an input says that its data must fit those of another."""


Fit = tuple["Dataset", "GridFacts", "Variable"]


@dataclass(frozen=True)
class YourFile:
    """A file that the caller has."""

    name: str


def examples(inputs: Mapping[str, Mapping[str, Any]], datasets: Datasets) -> dict[str, Any]:
    """A value for each input that must be given, or that the author wants shown.

    Parameters
    ----------
    inputs : their descriptions.
    datasets : what they may name.
    """
    wanted = {name: each for name, each in inputs.items() if each.get("minOccurs", 1) > 0 or _shown(each) is not None}
    # the others follow from the grids: features lie in them, thresholds between their values
    order = sorted(wanted, key=lambda name: kind_of(type_of(wanted[name])) is not Kind.GRID)
    order.sort(key=lambda name: kind_of(type_of(wanted[name])) not in DATA)
    example, values = Example(datasets), {}
    for name in order:
        value = example.value(name, wanted[name])
        if value is not None:
            values[name] = value
    return {name: values[name] for name in wanted if name in values}


def _shown(described: Mapping[str, Any]) -> str | None:
    """What the author says that an example gives for an input, as JSON; empty where it is to follow from the data."""
    return metadata(described, EXAMPLE)


def _plain(name: str, described: Mapping[str, Any], kind: Kind) -> Any:
    """A value for what can be no dataset."""
    if kind is Kind.ARRAY:
        return NUMBERS
    if kind is Kind.BYTES and type_of(described) == PATH_TYPE:
        media_type = described["schema"].get("contentMediaType", "").partition(";")[0]
        return YourFile(f"{name}{mimetypes.guess_extension(media_type) or ''}")
    return value_of(described["schema"], name)


class Example:
    """One call in the making.

    Parameters
    ----------
    datasets : what its inputs may name.
    """

    def __init__(self, datasets: Datasets) -> None:
        self._datasets = datasets
        self._scene = Scene()

    def value(self, name: str, described: Mapping[str, Any]) -> Any:
        """A value for an input; None where it may be left out and nothing suits."""
        kind, said = kind_of(type_of(described)), _shown(described)
        if said:
            return json.loads(said)
        if kind in DATA:
            return self._data(name, described, kind)
        value = derived(name, described, self._scene)
        if value is None:
            if described.get("minOccurs", 1) == 0:
                return None
            value = _plain(name, described, kind)
        if isinstance(value, dict) and kind is Kind.VALUE and "bbox" not in value:
            value = {"value": value}
        return self._times(described, [value])

    def _data(self, name: str, described: Mapping[str, Any], kind: Kind) -> Any:
        choose = {Kind.GRID: self._grids, Kind.FEATURES: self._features, Kind.TABLE: self._table}[kind]
        return self._times(described, choose(name, described))

    def _times(self, described: Mapping[str, Any], values: list[Any]) -> Any:
        """As many values as an input takes, the last again where there are too few."""
        if not _is_many(described):
            return values[0]
        several = SEVERAL if kind_of(type_of(described)) in DATA else 1
        count = max(several, described.get("minOccurs", 1))
        return [values[min(at, len(values) - 1)] for at in range(count)]

    # grids

    def _grids(self, name: str, described: Mapping[str, Any]) -> list[Any]:
        needs = GridNeeds.of(name, described)
        fits = sorted(self._fitting(needs), key=lambda fit: needs.likes(fit[0], fit[2]), reverse=True)
        if not fits:
            return [self._unknown(needs.text, Kind.GRID) or _your_file(name, Kind.GRID)]
        if ALIKE.search(described.get("description", "")):
            chosen = self._beside(fits)[:1]
        else:
            groups = [_alike(fit, fits) for fit in fits]
            # where several are wanted, those of which there are several
            several = [group for group in groups if len(group) >= SEVERAL] if _is_many(described) else []
            chosen = [*several, *groups][0]
        if self._scene.grid is None:
            entry, grid, variable = chosen[0]
            self._scene = Scene(entry, variable, grid)
        return [_reference(entry, grid, variable, needs) for entry, grid, variable in chosen]

    def _beside(self, fits: list[Fit]) -> list[Fit]:
        """Other variables on the grid that the example is about, before that one itself."""
        here = [fit for fit in fits if fit[0] is self._scene.entry and _is_as_large(fit[2], self._scene.variable)]
        return sorted(here, key=lambda fit: fit[2] is self._scene.variable) or fits

    def _fitting(self, needs: GridNeeds) -> Iterator[Fit]:
        for dataset in self._datasets.ids(Kind.GRID):
            entry = self._datasets.entries[dataset]
            grid = facts_of(entry).found if entry.path else None
            if grid is not None:
                yield from ((entry, grid, each) for each in grid.variables if needs.takes(each))

    def _unknown(self, text: str, kind: Kind) -> str | None:
        """A dataset of which only its site knows what it holds."""
        ids = [each for each in self._datasets.ids(kind) if not self._datasets.entries[each].path]
        return max(ids, key=lambda each: named_alike(words_of(text), self._datasets.entries[each]), default=None)

    # features and tables

    def _features(self, name: str, described: Mapping[str, Any]) -> list[Any]:
        needs, box = FeatureNeeds.of(name, described), self._scene.box
        place = box or self._anywhere()
        fits = []
        for dataset in self._datasets.ids(Kind.FEATURES):
            entry = self._datasets.entries[dataset]
            layer = layer_of(entry).found if entry.path else None
            if layer is not None and needs.takes(layer, box):
                fits.append((entry, layer))
        if not fits and self._scene.grid is None:
            self._scene = Scene(place=middle(place))
        if not fits:
            return [self._unknown(needs.text, Kind.FEATURES) or _collection(needs, place)]
        entry, layer = max(fits, key=lambda fit: named_alike(words_of(needs.text), fit[0]))
        if self._scene.grid is None:
            self._scene = Scene(entry, layer=layer)
        return [entry.id]

    def _anywhere(self) -> Box:
        """A place that the service has a grid of, if it has one."""
        entries = [self._datasets.entries[each] for each in self._datasets.ids(Kind.GRID)]
        grids = [grid for entry in entries if entry.path and (grid := facts_of(entry).found) is not None]
        return next((grid.bbox for grid in grids if grid.bbox is not None), BOX)

    def _table(self, name: str, described: Mapping[str, Any]) -> list[Any]:
        del name, described
        ids = self._datasets.ids(Kind.TABLE)
        return [ids[0] if ids else {"value": [{"name": "a", "value": 1.0}, {"name": "b", "value": 2.0}]}]


def _is_many(described: Mapping[str, Any]) -> bool:
    most = described.get("maxOccurs", 1)
    return bool(most == "unbounded" or most > 1)


def _alike(one: Fit, fits: list[Fit]) -> list[Fit]:
    """A variable, and others of its dataset with the same unit on the same axes."""
    others = [fit for fit in fits if fit is not one and fit[0] is one[0] and _is_as_large(fit[2], one[2])]
    return [one, *(fit for fit in others if fit[2].unit.lower() == one[2].unit.lower())]


def _is_as_large(one: Variable, other: Variable | None) -> bool:
    return other is not None and (one.cells, one.count, one.is_map) == (other.cells, other.count, other.is_map)


def _reference(entry: Dataset, grid: GridFacts, variable: Variable, needs: GridNeeds) -> Any:
    """How a request names a variable: one map of it where the input takes no more."""
    is_only = needs.takes_all or entry.variable is not None or len(grid.variables) == 1
    if needs.is_flat and variable.count > 1:
        properties = {} if is_only else {"properties": [variable.name]}
        return {"collection": entry.id, **properties, "datetime": variable.times[0]}
    return entry.id if is_only else f"{entry.id}:{variable.name}"


def _your_file(name: str, kind: Kind) -> YourFile:
    return YourFile(f"{name}{formats_of(kind, writable=False)[0].suffix}")


def _collection(needs: FeatureNeeds, box: Box) -> dict[str, Any]:
    """Features made up for the place that an example is about."""
    west, south, east, north = middle(box)
    corners = [[west, south], [east, south], [east, north], [west, north]]
    if needs.shape == "Point":
        shapes = [{"type": "Point", "coordinates": each} for each in corners]
    else:
        shapes = [geometry(needs.shape or "Polygon", [*corners, corners[0]])]
    told = [{"name": name, "value": value} for name, value in zip("abcd", (1.5, 2.0, 3.5, 2.5), strict=True)]
    wanted = ("name", "value") if needs.has_numbers else ("name",)
    features = [
        {"type": "Feature", "properties": {key: each[key] for key in wanted}, "geometry": shape}
        for each, shape in zip(told, shapes, strict=False)
    ]
    return {"type": "FeatureCollection", "features": features}
