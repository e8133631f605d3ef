"""Authors' modules: found by the name given on the command line, imported alike in every process."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType

from moorage_processes.authoring.process import ImportPath
from moorage_processes.authoring.version import AUTHOR
from moorage_processes.catalogue.snapshot import SnapshotLoader
from moorage_processes.errors import Refusal, ServingError

OURS = (Path(__file__).parent, Path(__file__).parents[1] / "authoring")
"""Folders of what runs while an author's module is imported, and is none of theirs."""


def locate(source: str) -> ImportPath:
    """Where a source is found: ``flood.py``, ``package.module``, or one function of either, ``flood.py:flood_days``.

    Raises
    ------
    ServingError
        where there is no such file.
    """
    place, _, name = source.rpartition(":") if re.search(r":[A-Za-z_][\w.]*$", source) else (source, "", "")
    if not place.endswith(".py"):
        if not re.fullmatch(r"\w+(\.\w+)*", place):
            reason = "it is neither a Python file nor the name of a module"
            raise ServingError((Refusal(source, 1, source, reason, "write flood.py or package.module"),))
        return ImportPath(str(Path.cwd()), None, place, name)
    file = Path(place).expanduser().absolute()
    if not file.is_file():
        raise ServingError((Refusal(str(file), 1, source, "there is no such file", "check its path"),))
    root, parts = file.parent, [file.stem]
    while (root / "__init__.py").exists():
        parts.insert(0, root.name)
        root = root.parent
    if len(parts) == 1:
        return ImportPath(str(root), str(file), f"{AUTHOR}.{re.sub(r'[^0-9A-Za-z_]', '_', file.stem)}", name)
    if parts[-1] == "__init__":
        parts.pop()
    return ImportPath(str(root), str(file), ".".join(parts), name)


def load_module(address: ImportPath) -> ModuleType:
    """Import the module of an address; whatever it raises is raised here.

    Raises
    ------
    ServingError
        where another file has its name.
    """
    if address.root is not None and address.root not in sys.path:
        # at the end, so that an author's calendar.py does not take the place of the standard library's
        sys.path.append(address.root)
    if address.file is None:
        return importlib.import_module(address.module)
    if address.module.startswith(f"{AUTHOR}.") and address.module not in sys.modules:
        return _load_file(address.module, address.file)
    module = importlib.import_module(address.module)
    if module.__file__ is None or not Path(module.__file__).samefile(address.file):
        reason = f"{module.__file__ or module.__name__} has the same name"
        raise ServingError((Refusal(address.file, 1, address.module, reason, "rename one of the two"),))
    return module


def _load_file(name: str, file: str) -> ModuleType:
    package = sys.modules.setdefault(AUTHOR, ModuleType(AUTHOR, "Files that belong to no package."))
    package.__path__ = []
    loader = SnapshotLoader(name, file) if file in SnapshotLoader.texts else None
    spec = importlib.util.spec_from_file_location(name, file, loader=loader)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def import_refusal(error: BaseException, address: ImportPath) -> Refusal:
    """Why a module cannot be imported, with the author's own line where there is one."""
    subject = address.file or address.module
    file, line = _author_line(error, address)
    if isinstance(error, SyntaxError) and error.filename:
        reason = f"it is not valid Python: {error.msg}"
        return Refusal(error.filename, error.lineno or 1, subject, reason, "mend that line")
    if isinstance(error, ModuleNotFoundError) and error.name:
        reason = f"there is no module {error.name!r}"
        remedy = "check the name, and that it is installed where the service runs"
        return Refusal(file, line, subject, reason, remedy)
    words = str(error) or "without a word"
    reason = f"importing it fails with {type(error).__name__}: {words}"
    return Refusal(file, line, subject, reason, "mend it until Python can import it")


def _author_line(error: BaseException, address: ImportPath) -> tuple[str, int]:
    """The last line of the author's own that was reached."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    theirs = [frame for frame in frames if Path(frame.filename).parent not in OURS]
    home = address.module.partition(".")[0]
    for frame in reversed(theirs):
        if frame.filename == address.file or home in Path(frame.filename).parts:
            return frame.filename, frame.lineno or 1
    return address.file or address.module, 1
