"""Descriptions are kept between starts, and never used once anything they were read from has changed."""

from __future__ import annotations

import os
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from moorage_processes.app import create_app
from moorage_processes.catalogue import description_cache, reading
from moorage_processes.catalogue.loading import load_process
from moorage_processes.catalogue.reading import read_catalogue
from moorage_processes.commands.doctor import examination
from moorage_processes.configuration.configuration import read_configuration
from moorage_processes.errors import ServingError
from support.paths import AUTHOR_MODULES

if TYPE_CHECKING:
    from moorage_processes.catalogue.catalogue import Catalogue

METHODS = AUTHOR_MODULES / "methods_for_tests.py"
FLOOD = """
    import importlib.util, pathlib, pkgutil, sys
    import plugins.usual
    from moorage_processes import process
    import helper
    with open({count!r}, "a") as file:
        file.write("described\\n")
    try:
        import optional
    except ImportError:
        optional = None
    for each in pkgutil.iter_modules([str(pathlib.Path(__file__).with_name("plugins"))], "plugins."):
        importlib.import_module(each.name)
    spec = importlib.util.spec_from_file_location("elsewhere", {elsewhere!r})
    sys.modules["elsewhere"] = elsewhere = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(elsewhere)
    try:
        from space import inside
    except ImportError:
        inside = None

    @process(title=" ".join(map(str, [helper.TITLE, bool(optional), bool(inside)])))
    def flood(x: int) -> int:
        return x
"""


def write(path: Path, text: str) -> Path:
    """A file that is old enough to be told from one that changes while it is read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text))
    return settled(path)


def settled(path: Path) -> Path:
    """The same, once it is old enough."""
    while time.time_ns() - path.stat().st_ctime_ns <= 2 * reading.TICK:
        time.sleep(reading.TICK / 1e9)
    return path


class Author:
    """An author's folder, with a method, a module it imports, and a folder on ``PYTHONPATH``."""

    def __init__(self, folder: Path) -> None:
        self.count = folder / "count.txt"
        self.home, self.path = folder / "home", folder / "path"
        (self.home / "space").mkdir(parents=True)
        self.path.mkdir()
        (self.home / "helper.py").write_text("TITLE = 'first'\n")
        (self.home / "plugins").mkdir()
        (self.home / "plugins" / "usual.py").touch()
        self.elsewhere = folder / "elsewhere" / "other-name.py"
        self.elsewhere.parent.mkdir()
        self.elsewhere.touch()
        places = {"count": str(self.count), "elsewhere": str(self.elsewhere)}
        self.source = write(self.home / "flood.py", FLOOD.format(**places))

    def read(self, **options: bool) -> Catalogue:
        """The catalogue of the method alone."""
        return read_catalogue([str(self.source)], installed=False, **options)

    @property
    def title(self) -> str:
        """The title in the description."""
        return self.read()["flood"].description["title"]

    @property
    def described(self) -> int:
        """How often the method was described."""
        return len(self.count.read_text().splitlines())


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """The user's cache directory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "moorage" / "descriptions"


@pytest.fixture
def author(tmp_path, monkeypatch, home) -> Author:
    made = Author(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(made.path), *sys.path]))
    # Python's own cache takes a file for unchanged that has its size and was written in the same second
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    return made


def test_all_methods_are_described_the_same_with_and_without_it(home):
    fresh, first, second = (read_catalogue([str(METHODS)], cached=each) for each in (False, True, True))
    assert fresh.to_json() == first.to_json() == second.to_json()
    assert len(list(home.iterdir())) == 1


def test_methods_are_described_once_while_nothing_changes(author):
    catalogues = [author.read().to_json() for _ in range(3)]
    assert author.described == 1
    assert author.read(cached=False).to_json() == catalogues[0] == catalogues[1] == catalogues[2]
    assert author.described == 2


def edit(path: Path) -> None:
    write(path, path.read_text().replace("first", "other"))


def edit_unseen(path: Path) -> None:
    before = path.stat()
    edit(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    settled(path)
    assert (path.stat().st_mtime_ns, path.stat().st_size) == (before.st_mtime_ns, before.st_size)


CHANGES: dict[str, tuple[Callable[[Author], object], str]] = {
    "its text": (
        lambda author: write(author.source, author.source.read_text().replace("helper.TITLE", "'edited'")),
        "edited False False",
    ),
    "a module it imports": (lambda author: edit(author.home / "helper.py"), "other False False"),
    "the same with its time set back": (lambda author: edit_unseen(author.home / "helper.py"), "other False False"),
    "a module it loads by itself": (
        lambda author: write(author.elsewhere, "import helper; helper.TITLE = 'loaded'"),
        "loaded False False",
    ),
    "a module that comes before it": (
        lambda author: write(author.path / "helper.py", "TITLE = 'new'"),
        "new False False",
    ),
    "a package that comes before it": (
        lambda author: write(author.path / "helper" / "__init__.py", "TITLE = 'new'"),
        "new False False",
    ),
    "a module that was missing": (lambda author: write(author.home / "optional.py", ""), "first True False"),
    "a module that its package lacked": (
        lambda author: write(author.home / "space" / "inside.py", ""),
        "first False True",
    ),
    "a module that its package finds": (
        lambda author: write(author.home / "plugins" / "new.py", "import helper; helper.TITLE = 'found'"),
        "found False False",
    ),
    "a package that its package finds": (
        lambda author: write(author.home / "plugins" / "new" / "__init__.py", "import helper; helper.TITLE = 'found'"),
        "found False False",
    ),
    "a package in place of a plain folder": (
        lambda author: write(author.home / "space" / "__init__.py", "inside = 1"),
        "first False True",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_method_is_described_again_after_a_change_to(author, name):
    change, title = CHANGES[name]
    assert author.title == author.title == "first False False"
    assert author.described == 1
    change(author)
    assert author.title == author.title == title
    assert author.described == 2


def test_a_method_is_refused_once_a_module_it_imports_is_gone(author):
    assert author.title == "first False False"
    (author.home / "helper.py").unlink()
    for _ in range(2):
        with pytest.raises(ServingError, match="no module 'helper'"):
            author.read()


def test_what_does_not_concern_a_method_changes_nothing(author):
    write(author.home / "other.py", "x = 1")
    assert author.title == "first False False"
    write(author.home / "other.py", "x = 2")
    write(author.home / "results" / "table.csv", "1")
    assert author.title == "first False False"
    assert author.described == 1


def test_what_changes_while_it_is_read_is_read_again(author):
    with author.source.open("a") as file:
        file.write("    pathlib.Path(helper.__file__).write_text('TITLE = 2')\n".replace("    ", "", 1))
    write(author.source, author.source.read_text())
    assert author.title == "first False False"
    assert author.title == "2 False False"


def test_a_refusal_is_not_kept(author, home):
    write(author.home / "helper.py", "TITLE = nothing")
    for _ in range(2):
        with pytest.raises(ServingError, match="NameError"):
            author.read()
    assert not home.exists()


def environment(folder: Path) -> Path:
    """The folder of installed packages of an interpreter of its own, which sees those of this one as well."""
    venv.create(folder, with_pip=False)
    (packages,) = folder.glob("lib/*/site-packages")
    others = [each for each in sys.path if each.endswith("-packages")]
    (packages / "others.pth").write_text(f"import site; [site.addsitedir(each) for each in {others!r}]\n")
    return packages


def test_another_interpreter_and_another_version_of_a_package_describe_again(author, tmp_path, monkeypatch):
    packages = environment(tmp_path / "environment")
    (packages / "flood.pth").write_text(f"{author.home}\n")
    write(packages / "flood-1.0.dist-info" / "METADATA", "Metadata-Version: 2.1\nName: flood\nVersion: 1.0\n")
    write(packages / "flood-1.0.dist-info" / "top_level.txt", "flood\n")

    def version(executable: str) -> str:
        monkeypatch.setattr(sys, "executable", executable)
        (entry,) = read_catalogue(["flood"], installed=False).values()
        return entry.description["version"]

    here, there = sys.executable, str(tmp_path / "environment" / "bin" / "python")
    monkeypatch.chdir(author.home)
    fingerprint = version(here)
    assert fingerprint.startswith("0.0.0+")
    assert [version(each) for each in (there, here, there)] == ["1.0", fingerprint, "1.0"]
    assert author.described == 2
    write(packages / "flood-1.0.dist-info" / "METADATA", "Metadata-Version: 2.1\nName: flood\nVersion: 1.1\n")
    assert version(there) == version(there) == "1.1"
    (packages / "flood-1.0.dist-info").rename(packages / "flood-2.0.dist-info")
    write(packages / "flood-2.0.dist-info" / "METADATA", "Metadata-Version: 2.1\nName: flood\nVersion: 2.0\n")
    assert version(there) == version(there) == "2.0"
    assert author.described == 4
    # an editable install: its file is outside of the installed packages
    edit(author.home / "helper.py")
    version(there)
    assert author.described == 5


@pytest.mark.parametrize("name", ["PYTHONOPTIMIZE", "PYTHONPATH"])
def test_another_environment_of_python_describes_again(author, monkeypatch, name):
    author.read()
    monkeypatch.setenv(name, {"PYTHONOPTIMIZE": "2"}.get(name, os.environ["PYTHONPATH"] + os.pathsep + "/nowhere"))
    author.read()
    assert author.described == 2


def test_only_the_user_can_read_and_write_it(author, home):
    author.read()
    (file,) = home.iterdir()
    assert (home.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut short": lambda file: os.truncate(file, 100),
    "empty": lambda file: os.truncate(file, 0),
    "of another form": lambda file: file.write_text("[]"),
    "without its files": lambda file: file.write_text(file.read_text().replace('"imported"', '"exported"')),
    "of other descriptions": lambda file: file.write_text(file.read_text().replace('"limits"', '"borders"')),
    "binary": lambda file: file.write_bytes(b"\xff\xfe\x00"),
    "open to others": lambda file: file.chmod(0o622),
    "in a directory open to others": lambda file: file.parent.chmod(0o777),
    "a link": lambda file: file.symlink_to(file.rename(file.parents[1] / "elsewhere.json")),
    "a directory": lambda file: (file.unlink(), (file / "x").mkdir(parents=True)),
    "a pipe": lambda file: (file.unlink(), os.mkfifo(file)),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_file_is_not_used_that_is(author, home, name):
    first = author.read().to_json()
    (file,) = home.iterdir()
    DAMAGES[name](file)
    assert author.read().to_json() == first
    assert author.described == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_not_used(author, home):
    author.read()
    (file,) = home.iterdir()
    os.chown(file, 65534, -1)
    author.read()
    assert author.described == 2


def test_methods_are_described_where_nothing_can_be_kept(author, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert author.title == author.title == "first False False"
    assert author.described == 2
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    author.read()
    assert len(list((tmp_path / "user" / ".cache" / "moorage" / "descriptions").iterdir())) == 1


def test_files_that_are_no_longer_used_are_removed(author, home):
    author.read()
    (used,) = home.iterdir()
    for number in range(description_cache.KEPT + 20):
        other = home / f"{number}.json"
        other.touch()
        os.utime(other, (number, number))
    os.utime(used, (0, 0))
    author.read()
    edit(author.home / "helper.py")
    read_catalogue([f"{author.source}:flood"], installed=False)
    kept = list(home.iterdir())
    assert len(kept) == description_cache.KEPT
    assert used in kept
    assert home / "0.json" not in kept


def test_a_method_that_can_no_longer_be_imported_fails_when_it_is_called(tmp_path, home):
    data = tmp_path / "table.csv"
    data.write_text("")
    head = f"from moorage_processes import process\nopen({str(data)!r})\n"
    source = str(write(tmp_path / "needy.py", head + "@process\ndef needy(x: int) -> int:\n    return x\n"))
    before = read_catalogue([source], installed=False)
    data.unlink()
    after = read_catalogue([source], installed=False)
    assert after == before
    with pytest.raises(FileNotFoundError):
        load_process(after["needy"])


@pytest.mark.parametrize(("keep", "described"), [(True, 1), (False, 2)])
def test_the_configuration_turns_it_off(author, tmp_path, keep, described):
    config = tmp_path / "site.yml"
    config.write_text(
        f"moorage: {{modules: [{author.source}], installed: false, description_cache: {str(keep).lower()}}}"
    )
    configuration = read_configuration(config, state=tmp_path / "state")
    for _ in range(2):
        create_app(configuration)
    assert author.described == described
    # the doctor trusts no earlier description
    assert not examination.service(configuration).is_wrong
    assert author.described == described + 1
