"""A CRS that a caller states as an input of a method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage.formats.crs import CrsError, known

from moorage_processes.errors import InputError

if TYPE_CHECKING:
    from pyproj import CRS


def given_crs(given: str, name: str, *, about: str | None = None) -> CRS:
    """The CRS that the input *name* states; nothing that the text names is opened.

    Parameters
    ----------
    given : a code, WKT, PROJJSON or parameters of PROJ.
    name : the input, for messages.
    about : the input in words, where the CRS is a part of it.

    Raises
    ------
    InputError
        where it is not known, or its definition names a file.
    """
    try:
        return known(given)
    except CrsError as error:
        raise InputError(f"{about or name} {error}", input=name) from error
