"""The catalogue is read in a process of its own, which survives whatever authors' modules do."""

from __future__ import annotations

import importlib.metadata
import json
import os
import pickle
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from textwrap import dedent

import pytest
from moorage_processes.authoring import version
from moorage_processes.authoring.process import ImportPath
from moorage_processes.catalogue import discovery
from moorage_processes.catalogue.catalogue import Catalogue, Entry
from moorage_processes.catalogue.loading import load_process
from moorage_processes.catalogue.reading import begin_reading, describe_here, read_catalogue
from moorage_processes.errors import ServingError
from support.programs import processes_with

HEAD = "from moorage_processes import process\n"
ECHO = "moorage_processes.methods.echo"
ONE = HEAD + "@process\ndef one(x: int) -> int:\n    return x\n"


def write(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text))
    return str(path)


def read(*sources: str) -> Catalogue:
    return read_catalogue(sources, installed=False)


def refusals(*sources: str) -> list[str]:
    with pytest.raises(ServingError) as refused:
        read(*sources)
    return [str(each) for each in refused.value.refusals]


def test_our_own_methods_enter_by_the_door_that_is_open_to_all():
    catalogue = read_catalogue([])
    assert {"echo", "terrain", "zonal-statistics", "climatology"} <= set(catalogue)
    assert catalogue["echo"].address == ImportPath(None, None, "moorage_processes.methods.echo", "echo")
    assert catalogue["terrain"].description["version"] == catalogue["echo"].description["version"] != "0.0.0"


def test_echo_is_described_as_the_conformance_suite_wants_it():
    described = read_catalogue([])["echo"].description
    inputs = described["inputs"]
    assert next(iter(inputs)) == "message"
    assert [name for name, each in inputs.items() if each["minOccurs"]] == ["message"]
    assert inputs["message"]["schema"] == {"type": "string"}
    assert inputs["numbers"]["schema"] == {"type": "array", "items": {"type": "integer"}}
    assert inputs["bounds"]["schema"]["allOf"][0] == {"format": "ogc-bbox"}
    assert inputs["mixed"]["schema"] == {"oneOf": [{"type": "string"}, {"type": "object"}]}
    assert inputs["image"]["schema"] == {
        "type": "string",
        "format": "byte",
        "contentMediaType": "image/tiff; application=geotiff",
    }
    assert described["outputs"]["message"]["schema"] == {"type": "string"}


def test_a_catalogue_is_plain_json_and_never_changes(tmp_path):
    catalogue = read(write(tmp_path / "flood.py", ONE))
    again = Catalogue.from_json(json.loads(json.dumps(catalogue.to_json())))
    assert again == catalogue
    assert pickle.loads(pickle.dumps(catalogue)) == catalogue  # noqa: S301 - our own
    with pytest.raises(TypeError):
        catalogue["two"] = catalogue["one"]
    with pytest.raises(KeyError):
        catalogue["two"]


def test_describing_imports_no_method_here(tmp_path):
    read(write(tmp_path / "quiet_here.py", ONE))
    assert "moorage_author.quiet_here" not in sys.modules


NOISY = """
    import os, sys, atexit, subprocess, threading, time
    from moorage_processes import process
    print("from Python")
    sys.stdout.write("more")
    os.write(1, b"from C\\n")
    subprocess.run(["echo", "from a child"], check=True)
    atexit.register(print, "at the end")
    threading.Thread(target=time.sleep, args=(3600,)).start()

    @process
    def noisy(x: int) -> int:
        return x
"""


def test_what_modules_print_disturbs_nothing(tmp_path, capfd):
    assert list(read(write(tmp_path / "noisy.py", NOISY))) == ["noisy"]
    printed = capfd.readouterr()
    assert printed.out == ""
    for words in ("from Python", "more", "from C", "from a child"):
        assert words in printed.err


def test_standard_input_is_closed_to_modules(tmp_path):
    (told,) = refusals(write(tmp_path / "asks.py", "name = input()\n"))
    assert "EOFError" in told


def test_a_lone_file_does_not_take_the_place_of_the_standard_library(tmp_path):
    write(tmp_path / "calendar.py", "raise RuntimeError('this is not the calendar')")
    write(tmp_path / "helper.py", "FACTOR = 3\n")
    source = write(tmp_path / "uses.py", "import calendar, helper\n" + ONE + "    assert calendar.month_name\n")
    catalogue = read(source)
    assert catalogue["one"].address == ImportPath(str(tmp_path), source, "moorage_author.uses", "one")


def test_a_file_inside_a_package_is_imported_by_its_dotted_name(tmp_path):
    write(tmp_path / "sealevel" / "__init__.py", "")
    write(tmp_path / "sealevel" / "sub" / "__init__.py", "FACTOR = 2\n")
    source = write(
        tmp_path / "sealevel" / "sub" / "trend.py", "from sealevel.sub import FACTOR\nfrom . import FACTOR\n" + ONE
    )
    assert read(source)["one"].address == ImportPath(str(tmp_path), source, "sealevel.sub.trend", "one")


def test_a_module_or_one_function_of_it_can_be_named(tmp_path, monkeypatch):
    write(tmp_path / "tides" / "__init__.py", "from tides.height import height\nfrom tides.flow import flow\n")
    for name in ("height", "flow"):
        write(tmp_path / "tides" / f"{name}.py", ONE.replace("def one", f"def {name}"))
    monkeypatch.chdir(tmp_path)
    assert list(read("tides.height")) == ["height"]
    assert list(read("tides")) == ["height", "flow"]
    assert list(read("tides:flow")) == ["flow"]
    assert list(read("tides/flow.py:flow")) == ["flow"]
    assert list(read("tides", "tides.flow", "tides.height")) == ["height", "flow"]


def test_what_a_module_only_imports_is_not_served_twice(tmp_path):
    first = write(tmp_path / "first.py", ONE)
    second = write(tmp_path / "second.py", "from first import one\n" + ONE.replace("one", "two"))
    assert list(read(first, second)) == ["one", "two"]


CLASS = """
    from moorage_processes import process

    @process
    class Sea:
        def __init__(self, a: int) -> None:
            self.a = a

        def up(self, b: int) -> int:
            return self.a + b

        def down(self, b: int) -> int:
            return self.a - b
"""


def test_methods_of_a_class_are_found_again(tmp_path):
    source = write(tmp_path / "sea_class.py", CLASS)
    catalogue = read(source)
    assert list(catalogue) == ["sea-up", "sea-down"]
    assert list(read(f"{source}:Sea.down")) == ["sea-down"]
    down = load_process(catalogue["sea-down"])
    assert down.call({"a": 5, "b": 2}) == {"result": 3}
    assert load_process(catalogue["sea-down"]) is down


def test_a_loaded_method_can_be_pickled_by_its_name(tmp_path):
    loaded = load_process(read(write(tmp_path / "pickled.py", ONE))["one"])
    function = loaded.function.function
    assert pickle.loads(pickle.dumps(function)) is function  # noqa: S301 - our own


def test_a_process_loads_what_another_was_told(tmp_path):
    entry = read(write(tmp_path / "told.py", ONE))["one"]
    code = (
        "import json, sys; from moorage_processes.catalogue.catalogue import Entry; "
        "from moorage_processes.catalogue.loading import load_process;"
        "entry = Entry.from_json(json.loads(sys.argv[1])); print(load_process(entry).call({'x': 7}))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, json.dumps(entry.to_json())], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "{'result': 7}"


def test_one_function_is_described_here(tmp_path):
    source = write(tmp_path / "here_two.py", ONE + ONE.replace("def one", "def two"))
    entry = describe_here(f"{source}:two")
    assert isinstance(entry, Entry)
    assert entry.id == "two"
    with pytest.raises(ServingError, match="it means 2 processes: one, two; name one"):
        describe_here(source)


def test_all_that_stands_against_all_sources_is_told_at_once(tmp_path):
    text = HEAD + "@process\ndef a(x) -> int:\n    return x\n\n@process\ndef b(x: tuple = ()) -> int:\n    return 1\n"
    told = refusals(
        write(tmp_path / "bad.py", text),
        write(tmp_path / "missing_import.py", "import numpy\nimport no_such_library\n"),
        str(tmp_path / "nowhere.py"),
        write(tmp_path / "good.py", ONE),
    )
    assert len(told) == 4
    text = "\n".join(told)
    assert f"{tmp_path}/bad.py:3: a: the input 'x' has no type; write one, as in x: float" in text
    assert f"{tmp_path}/bad.py:7: b: the input 'x': tuple cannot travel; say of what, as in tuple[float, float]" in text
    assert f"{tmp_path}/missing_import.py:2:" in text
    assert "there is no module 'no_such_library'" in text
    assert "nowhere.py: there is no such file; check its path" in text


BROKEN = [
    ("import sys\n\nsys.exit(3)\n", ":3:", "SystemExit: 3"),
    ("x = 1\n1 / 0\n", ":2:", "ZeroDivisionError: division by zero"),
    ("x = (\n", ":1:", "it is not valid Python"),
    ("def f(:\n", ":1:", "it is not valid Python"),
    ("from moorage_processes import nothing\n", ":1:", "ImportError"),
    (HEAD + "@process(memory='much')\ndef f() -> int: ...\n", ":2:", "'much' is not a size"),
    ("import xarray\nxarray.open_dataset('none.nc')\n", ":2:", "FileNotFoundError"),
    ("import os\n\nos.kill(os.getpid(), 11)\n", ":1:", "ended Python by signal SIGSEGV"),
    ("import os\nos._exit(4)\n", ":1:", "ended Python with status 4"),
    ("x = 1\n", ":1:", "no decorated function"),
]


@pytest.mark.parametrize(("text", "line", "words"), BROKEN, ids=lambda each: each[-30:])
def test_a_module_that_cannot_be_imported_is_told_with_its_line(tmp_path, text, line, words):
    source = write(tmp_path / "broken.py", text)
    (told,) = refusals(source)
    assert told.startswith(source + line)
    assert words in told


def test_an_unknown_module_or_name_is_told(tmp_path):
    (told,) = refusals("no_such_package.module")
    assert "there is no module 'no_such_package'" in told
    source = write(tmp_path / "named.py", ONE)
    (told,) = refusals(f"{source}:two")
    assert "it has no 'two'" in told
    (told,) = refusals(write(tmp_path / "bare.py", "def f(x: int) -> int:\n    return x\n") + ":f")
    assert "it is not decorated; write @process above it" in told


def test_a_decorated_method_of_a_class_that_is_not_is_told(tmp_path):
    text = CLASS.replace("    @process\n", "").replace("        def up", "        @process\n        def up")
    (told,) = refusals(write(tmp_path / "half.py", text))
    assert ": Sea: it is not decorated; write @process above it" in told


@pytest.mark.parametrize("source", ["./flood", "../flood.py/x", "flood module", ""])
def test_what_is_neither_file_nor_module_is_told(source):
    (told,) = refusals(source)
    assert "neither a Python file nor the name of a module; write flood.py or package.module" in told


def test_two_functions_with_one_id_are_refused(tmp_path):
    first, second = write(tmp_path / "a.py", ONE), write(tmp_path / "b.py", ONE)
    (told,) = refusals(first, second)
    assert told.startswith(f"{second}:3: one: the id 'one' is taken by one in {first}")
    assert '@process(id="...")' in told


def test_an_id_that_the_client_needs_is_refused(tmp_path):
    (told,) = refusals(write(tmp_path / "a.py", ONE.replace("def one", "def jobs")))
    assert "'jobs' is a word of the client's own" in told


def test_two_files_of_one_name_are_refused(tmp_path):
    first = write(tmp_path / "x" / "flood.py", ONE)
    second = write(tmp_path / "y" / "flood.py", ONE.replace("one", "two"))
    (told,) = refusals(first, second)
    assert f"{first} has the same name; rename one" in told


def test_a_package_with_the_name_of_an_installed_one_is_refused(tmp_path):
    write(tmp_path / "jsonschema" / "__init__.py", "")
    (told,) = refusals(write(tmp_path / "jsonschema" / "validators.py", ONE))
    assert told.startswith(f"{tmp_path}/jsonschema/validators.py:1: jsonschema.validators: ")
    assert "has the same name; rename one of the two" in told


def test_a_version_is_stated_or_a_fingerprint(tmp_path):
    source = tmp_path / "versioned.py"
    write(source, ONE)
    first = read(str(source))["one"].description["version"]
    assert first.startswith("0.0.0+")
    assert read(str(source))["one"].description["version"] == first
    write(source, ONE + "# changed\n")
    assert read(str(source))["one"].description["version"] != first
    write(source, "__version__ = '1.4'\n" + ONE)
    assert read(str(source))["one"].description["version"] == "1.4"
    write(source, ONE.replace("@process", "@process(version='2')"))
    assert read(str(source))["one"].description["version"] == "2"


def test_a_method_that_is_gone_is_told(tmp_path):
    entry = read(write(tmp_path / "gone.py", ONE))["one"]
    write(tmp_path / "gone.py", ONE.replace("one", "other"))
    with pytest.raises(ServingError, match="no longer there; start the service again"):
        load_process(entry)


def test_the_authors_package_imports_little():
    code = (
        "import sys; from moorage_processes import process, progress, InputError, BBox, Unit, Media;"
        "print([name for name in ('numpy', 'xarray', 'shapely', 'pandas', 'flask', 'pygeoapi') if name in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert said.stdout.strip() == "[]"


def test_methods_of_others_are_offered_without_those_of_moorage(monkeypatch):
    entries = [EntryPoint(name, module, version.GROUP) for name, module in (("echo", ECHO), ("flood", "flood.daily"))]
    monkeypatch.setattr(discovery, "offered", lambda: tuple(entries))
    for ours, others, expected in (
        (True, True, [ECHO, "flood.daily"]),
        (False, True, ["flood.daily"]),
        (True, False, [ECHO]),
        (False, False, []),
    ):
        assert [each.module for each in discovery.installed_sources(ours=ours, others=others)] == expected


def test_methods_of_moorage_are_left_out_where_they_are_not_wanted():
    assert "terrain" not in read_catalogue([], builtin=False)
    assert "echo" in read_catalogue([ECHO], builtin=False)


def test_installed_distributions_are_read_once_for_all_modules(monkeypatch):
    scans = []
    distributions = importlib.metadata.distributions
    monkeypatch.setattr(
        importlib.metadata, "distributions", lambda **asked: scans.append(asked) or distributions(**asked)
    )
    for each in (version.version_of, version.offered, version.distributions_of_packages):
        each.cache_clear()
    for module in (
        "moorage_processes.methods.echo",
        "moorage_processes.methods.trend",
        "docstring_parser.numpydoc",
        "docstring_parser.rest",
    ):
        assert version.version_of(module)[0].isdecimal()
    # one for the entry points, one for the packages that no entry point names
    assert len(scans) == 2


PAUSING = """
    from moorage_processes import process
    open(__file__ + ".begun", "w").close()
    open(__file__ + ".go").read()

    @process
    def one(x: int) -> int:
        return x
"""


def pausing(path: Path) -> str:
    """A module whose import says that it has begun, and waits, at two named pipes beside it."""
    source = write(path, PAUSING)
    for end in ("begun", "go"):
        os.mkfifo(f"{source}.{end}")
    return source


def test_a_catalogue_is_read_while_something_else_is_done(tmp_path):
    source = pausing(tmp_path / "pausing.py")
    with begin_reading([source], installed=False) as pending:
        Path(f"{source}.begun").read_bytes()
        Path(f"{source}.go").write_bytes(b"")
        assert list(pending.result()) == ["one"]


def test_a_catalogue_that_is_no_longer_wanted_leaves_no_child(tmp_path):
    source = pausing(tmp_path / "pausing.py")
    with begin_reading([source], installed=False):
        Path(f"{source}.begun").read_bytes()
        assert len(processes_with(source)) == 1
    assert not processes_with(source)
