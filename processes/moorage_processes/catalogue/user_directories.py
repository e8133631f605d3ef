"""The user's own folders, as the XDG Base Directory Specification names them."""

from __future__ import annotations

import os
from pathlib import Path


def user_directory(variable: str, usual: str) -> Path:
    """The folder of Moorage in one of the user's.

    Parameters
    ----------
    variable : the environment variable that may name that, such as ``XDG_CACHE_HOME``.
    usual : where it is otherwise, below the home directory.
    """
    stated = Path(os.environ.get(variable) or "~")
    # the specification says to ignore paths that are not absolute
    return (stated if stated.is_absolute() else Path.home() / usual) / "moorage"
