"""Which version of a method this is."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points, packages_distributions, version
from pathlib import Path

GROUP = "moorage.processes"
"""Entry points under which installed distributions offer their methods."""
OURS = "moorage_processes.methods."
"""How the modules of the methods begin that come with Moorage."""
AUTHOR = "moorage_author"
"""The package that lone files are imported into."""


@cache
def version_of(module: str) -> str:
    """The version of a module: what it or its package states, else that of the distribution it was installed with.

    A file with neither has 0.0.0 and, behind a plus sign, a fingerprint of its text, so that another text is another
    version.
    """
    top = module.partition(".")[0]
    for name in (module, top):
        stated = getattr(sys.modules.get(name), "__version__", None)
        if isinstance(stated, str):
            return stated
    for entry_point in offered():
        if entry_point.dist is not None and entry_point.module.partition(".")[0] == top:
            return entry_point.dist.version
    if top != AUTHOR and (distributions := distributions_of_packages().get(top)):
        return version(distributions[0])
    file = Path(getattr(sys.modules.get(module), "__file__", None) or "")
    return f"0.0.0+{hashlib.sha256(file.read_bytes()).hexdigest()[:8]}" if file.is_file() else "0.0.0"


@cache
def offered() -> tuple[EntryPoint, ...]:
    """Entry points of all installed methods; found once, since every distribution is read for them."""
    return tuple(entry_points(group=GROUP))


@cache
def distributions_of_packages() -> Mapping[str, list[str]]:
    """Names of the distributions that each top-level package comes from; found once for the same reason."""
    return packages_distributions()
