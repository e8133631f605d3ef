"""What a GeoPackage may hold to be read: plain tables. A database can also hold programs, which are not run."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from moorage.formats import FormatError
from moorage.formats.crs import CrsError, known

if TYPE_CHECKING:
    from pathlib import Path

SIGN = b"SQLite format 3\0"
IDS = (b"GPKG", b"GP10", b"GP11")
"""What stands at byte 68 of a GeoPackage, and of no other SQLite database."""
IDS_AT = 68
INDEX = re.compile(r"CREATE VIRTUAL TABLE .* USING (rtree|fts[345])\b", re.IGNORECASE | re.DOTALL)
"""Virtual tables that index what the file itself holds; others show files elsewhere."""
READ = "gpkg_contents", "gpkg_geometry_columns"
"""Tables of tables that GDAL reads."""
UNSTATED = frozenset({"undefined", "", "None"})
"""What the standard has where a CRS is not defined, or not in this way."""
COMPUTED = 2
"""From here on the column ``hidden`` of ``pragma_table_xinfo`` tells columns that are computed when they are read."""


def check_contents(path: Path) -> None:
    """Refuse what is not a GeoPackage, and one whose features are not simply there to be read.

    Triggers are left alone: they run when something is written, and nothing is.

    Raises
    ------
    FormatError
        naming the table that is none.
    """
    with path.open("rb") as file:
        head = file.read(IDS_AT + 4)
    if not (head.startswith(SIGN) and head[IDS_AT:].startswith(IDS)):
        raise FormatError("the file is not a GeoPackage: an SQLite database with its sign at byte 68")
    # immutable: no other file is looked for beside it
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
        database.execute("PRAGMA trusted_schema = OFF")
        plain = set(_plain_tables(database))
        registered = {name for table in READ for name in _registered(database, table, plain)}
        for name in sorted(registered):
            if name.lower() not in plain:
                raise FormatError(f"{name!r} is not a table of the GeoPackage; views are not run: send a table")
            if database.execute("SELECT 1 FROM pragma_table_xinfo(?) WHERE hidden >= ?", (name, COMPUTED)).fetchone():
                raise FormatError(f"{name!r} has computed columns, which are not run; send them as plain columns")
        _check_definitions(database)


def _plain_tables(database: sqlite3.Connection) -> list[str]:
    """The names of tables, in lower case.

    Raises
    ------
    FormatError
        where a table shows what lies in other files, or a view stands for a table of the standard.
    """
    plain = []
    for kind, name, sql in database.execute("SELECT type, name, sql FROM sqlite_master").fetchall():
        is_virtual = re.match(r"\s*CREATE\s+VIRTUAL\b", str(sql), re.IGNORECASE) is not None
        if is_virtual and not INDEX.match(str(sql)):
            raise FormatError(f"{name!r} is a virtual table, which is not read; send a GeoPackage of plain tables")
        if kind == "view" and str(name).lower().startswith("gpkg"):
            raise FormatError(f"{name!r} is a view, which is not run; send a GeoPackage of plain tables")
        if kind == "table" and not is_virtual:
            plain.append(str(name).lower())
    return plain


def _registered(database: sqlite3.Connection, table: str, plain: set[str]) -> list[str]:
    if table not in plain:
        raise FormatError(f"the GeoPackage has no table {table!r}; it is broken, or no GeoPackage")
    return [str(name) for (name,) in database.execute(f"SELECT table_name FROM {table}")]  # noqa: S608 - of two words


def _check_definitions(database: sqlite3.Connection) -> None:
    """Refuse definitions of CRS that name files, before GDAL sees one: it opens them."""
    cursor = database.execute("SELECT * FROM gpkg_spatial_ref_sys")
    places = [number for number, column in enumerate(cursor.description) if column[0].lower().startswith("definition")]
    for row in cursor:
        for text in {str(row[place]) for place in places} - UNSTATED:
            try:
                known(text)
            except CrsError as error:
                raise CrsError(f"the coordinate reference system {error}") from error
