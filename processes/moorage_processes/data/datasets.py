"""The datasets of a service by id: what the configuration says of each, and which one a request means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from glob import has_magic
from pathlib import Path
from typing import Any

from moorage.formats import FORMATS, FormatError, Kind

from moorage_processes.errors import InputError
from moorage_processes.extras import is_installed

SUFFIXES = {fmt.suffix: fmt.kind for fmt in FORMATS} | {
    ".zarr": Kind.GRID, ".nc4": Kind.GRID, ".cdf": Kind.GRID, ".tiff": Kind.GRID, ".json": Kind.FEATURES,
    ".geojson": Kind.FEATURES,
    ".fgb": Kind.FEATURES, ".shp": Kind.FEATURES,
}  # fmt: skip


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(type(each) in (int, float) for each in value)  # a bool is an int too


_MEMBERS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "collection": (_is_text, "the id of a dataset"),
    "properties": (_is_texts, "a list of names of variables"),
    "bbox": (_is_numbers, "[west, south, east, north]"),
    "datetime": (_is_text, "an instant or start/end"),
}
"""What the long form of a dataset may hold, and what each member takes."""
SELECTORS = frozenset(_MEMBERS)


@dataclass(frozen=True)
class Dataset:
    """One entry of the configuration's ``datasets:``."""

    id: str
    path: str
    """A file, a Zarr store, a folder or pattern of files that are one grid, or a URL; relative to the configuration."""
    kind: Kind
    variable: str | None = None
    """The variable a bare id stands for, where the data holds several."""
    title: str = ""
    description: str = ""
    crs: str | None = None
    """The CRS where the data itself does not say, as ``EPSG:4326``."""
    id_field: str | None = None
    """The column of features or a table that tells one from another, where it is not their order."""
    time_field: str | None = None
    """The column of features or a table that tells when, where there are several with dates."""
    engine: str | None = None
    chunks: Mapping[str, int] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments of what opens it: ``xarray.open_dataset``, ``geopandas.read_file``, ``pandas.read_csv``."""

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Dataset:
        """Read what :meth:`to_json` wrote."""
        return cls(**{**document, "kind": Kind(document["kind"])})

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for a child process."""
        return asdict(self)


def from_config(section: Mapping[str, Any], base: Path) -> dict[str, Dataset]:
    """Read the configuration's ``datasets:``; relative paths start at *base*.

    Raises
    ------
    ValueError
        naming the dataset and the key that is wrong or missing.
    """
    return {name: _entry(name, values, base) for name, values in section.items()}


def _entry(name: str, values: Mapping[str, Any], base: Path) -> Dataset:
    if isinstance(values, str):
        values = {"path": values}
    if "path" not in values:
        raise ValueError(f"datasets.{name}.path: it is missing; it takes a file, a folder, a pattern or a URL")
    if values.get("chunks") is not None and not is_installed("dask"):
        raise ValueError(f'datasets.{name}.chunks: there is no Dask; pip install "moorage[server,dask]" brings it')
    path = str(values["path"])
    located = path if "://" in path else str(base / path)
    kind = values.get("kind") or SUFFIXES.get(Path(path).suffix.lower()) or _kind_of_folder(path, located)
    if kind is None:
        raise ValueError(f"datasets.{name}: {path} does not tell its kind; add kind: grid, features or table")
    if Kind(kind) is not Kind.GRID and has_magic(path) and not Path(located).exists():
        raise ValueError(f"datasets.{name}.path: {path} is a pattern, which only grids take; name one file")
    return Dataset(id=name, **{**values, "path": located, "kind": Kind(kind)})


def _kind_of_folder(path: str, located: str) -> Kind | None:
    """Folders hold the steps of a grid."""
    return Kind.GRID if path.endswith("/") or ("://" not in path and Path(located).is_dir()) else None


class Datasets:
    """The datasets of a service by id.

    Parameters
    ----------
    entries : id to dataset.
    """

    def __init__(self, entries: Mapping[str, Dataset]) -> None:
        self._entries = dict(entries)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Datasets:
        """Read what :meth:`to_json` wrote."""
        return cls({name: Dataset.from_json(entry) for name, entry in document.items()})

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for a child process."""
        return {name: entry.to_json() for name, entry in self._entries.items()}

    @property
    def entries(self) -> Mapping[str, Dataset]:
        """All of them, by id."""
        return self._entries

    def ids(self, kind: Kind) -> list[str]:
        """The datasets of one kind."""
        return sorted(name for name, entry in self._entries.items() if entry.kind is kind)

    def find(self, reference: str, kind: Kind) -> tuple[Dataset, str | None] | None:
        """The dataset, and the variable, that ``id`` or ``id:variable`` means; None where there is none."""
        for name, variable in ((reference, None), _split(reference)):
            entry = self._entries.get(name)
            if entry is not None and entry.kind is kind:
                return entry, variable or entry.variable
        return None

    def select(self, name: str, selection: Mapping[str, Any], kind: Kind) -> tuple[Dataset, str | None]:
        """The dataset that the long form ``{"collection": id, ...}`` means, for the input *name*."""
        if unknown := set(selection) - SELECTORS:
            raise InputError(f"{name}: unknown {sorted(unknown)}; a collection takes {sorted(SELECTORS)}", input=name)
        for key, value in selection.items():
            fits, words = _MEMBERS[key]
            if not (fits(value) or (value is None and key != "collection")):
                raise InputError(f"{name}: {key}: {str(value)[:80]!r} is not {words}", input=name)
        found = self.find(selection["collection"], kind)
        if found is None:
            raise InputError(self.missing(name, selection["collection"], kind), input=name)
        entry, variable = found
        properties = selection.get("properties") or []
        if len(properties) > 1:
            raise InputError(f"{name}: 'properties' picks one variable here, not {len(properties)}", input=name)
        return entry, properties[0] if properties else variable

    def missing(self, name: str, reference: str, kind: Kind) -> str:
        """The sentence for a dataset that does not exist."""
        known = ", ".join(self.ids(kind)) or "none"
        shown = reference if len(reference) <= 60 else reference[:57] + "..."  # noqa: PLR2004 - fits a line
        return f"{name}: there is no {kind} dataset {shown!r} here; this service has: {known}"


class DatasetUnavailableError(InputError):
    """A dataset that will not open; its text names the dataset and the kind of trouble, and no path.

    Parameters
    ----------
    entry : the dataset.
    trouble : what the library that was to open it raised, or the reason in words.
    """

    def __init__(self, entry: Dataset, trouble: Exception | str) -> None:
        self.reason = trouble if isinstance(trouble, str) else _reason(entry, trouble)
        super().__init__(f"the dataset {entry.id!r} of this service cannot be opened: {self.reason}; tell its operator")


def _reason(entry: Dataset, error: Exception) -> str:
    """Why a file does not open, without a word of where it lies."""
    if "://" not in entry.path and not Path(entry.path).exists() and not has_magic(entry.path):
        return "its file is not there"
    if isinstance(error, PermissionError):
        return "its file may not be read"
    if isinstance(error, FormatError):
        return str(error)
    if isinstance(error, ImportError):
        return f"the package {error.name} that reads it is not installed"
    if "://" in entry.path:
        return "its address does not answer, or with something else"
    return f"its file is broken, or holds no {entry.kind}"


def _split(reference: str) -> tuple[str, str | None]:
    name, _, variable = reference.partition(":")
    return name, variable or None
