"""A configuration is read once, checked, and says what is wrong with it."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from importlib.metadata import version
from importlib.resources import files

import pytest
import yaml
from moorage_processes.configuration.configuration import ConfigurationError, read_configuration, shipped
from moorage_processes.configuration.keys import LEVELS, SECTIONS
from moorage_processes.configuration.settings import Settings
from moorage_processes.jobs.retention import Allowance, Retention

SCHEMA = "schemas/config/pygeoapi-config-0.x.yml"
if version("pygeoapi").split(".")[:2] != ["0", "21"]:
    SCHEMA = f"resources/{SCHEMA}"


def test_the_shipped_configuration_needs_nothing_more():
    configuration = read_configuration()
    assert configuration.url == "http://localhost:5000"
    assert configuration.settings.body_size == 64_000_000


def test_each_default_has_one_place_and_is_shown_where_operators_look():
    """The shipped file states no default of ours a second time, and the comments that show them are true."""
    text = shipped("local.yml").read_text()
    assert yaml.safe_load(text)["moorage"] == {"modules": []}
    shown = re.findall(r"^  (?:# )?(\w+: .+?)(?:  +#.*)?$", text.partition("\nmoorage:\n")[2], re.MULTILINE)
    defaults, read = Settings(), [(line, Settings.read(yaml.safe_load(line))) for line in shown]
    examples = {line.partition(":")[0] for line, settings in read if settings != defaults}
    assert examples == {each.name for each in fields(Settings) if getattr(defaults, each.name) is None} | {"retention"}
    named = {line.partition(":")[0] for line in shown}
    assert {each.name for each in fields(Settings)} - named == {"results_options"}


def test_retention_is_read_as_an_operator_writes_it():
    text = "{age: 30 days, size: 100 GB, processes: {mean: {age: 1 day}, max: {size: null}, min: null}}"
    read = Settings.read({"retention": yaml.safe_load(text)}).retention
    processes = {"mean": Allowance(86400), "max": Allowance(), "min": Allowance()}
    assert read == Retention(Allowance(30 * 86400, 10**11), processes)
    assert not Settings.read({"retention": None}).retention.is_limited


def test_the_command_line_lies_over_the_file(tmp_path):
    configuration = read_configuration(None, modules=["a.py"], host="0.0.0.0", port=81, state=tmp_path)
    assert configuration.url == "http://0.0.0.0:81"
    assert configuration.bind == ("0.0.0.0", 81)
    assert configuration.settings.modules == ("a.py",)
    assert configuration.state == tmp_path


def test_a_file_of_datasets_alone_is_enough(tmp_path):
    (tmp_path / "site.yml").write_text("datasets: {sea: sea.nc}\nmoorage: {modules: [flood.py]}\n")
    configuration = read_configuration(tmp_path / "site.yml")
    assert configuration.datasets.to_json()["sea"]["path"] == str(tmp_path / "sea.nc")
    assert configuration.settings.modules == (str(tmp_path / "flood.py"),)


def test_a_key_that_a_file_leaves_out_is_as_shipped_however_deep(tmp_path):
    text = "server: {url: https://here.example.org}\nmetadata: {identification: {title: Ours}}\nlogging:\n"
    (tmp_path / "site.yml").write_text(text)
    read, base = read_configuration(tmp_path / "site.yml").pygeoapi, read_configuration().pygeoapi
    assert read["server"] == base["server"] | {"url": "https://here.example.org"}
    assert read["metadata"]["identification"] == base["metadata"]["identification"] | {"title": "Ours"}
    assert {name: base[name] for name in ("logging", "resources")} == {n: read[n] for n in ("logging", "resources")}


def test_a_url_that_is_stated_is_kept_without_its_slash():
    document = yaml.safe_load(shipped("local.yml").read_text())
    document["server"]["url"] = "https://analysis.example.org/"
    assert read_configuration(document).url == "https://analysis.example.org"


@pytest.mark.parametrize(
    ("text", "key", "right"),
    [
        ("moring: {}", "moring", "did you mean 'moorage'?"),
        ("colour: blue", "colour", "there are datasets, logging, metadata, moorage"),
        *((f"{name}: 7", name, "expected a mapping") for name in ("server", "logging", "metadata", "resources")),
        *((f"{name}: [a]", name, "expected a mapping") for name in ("datasets", "moorage", "pubsub")),
        ("server: {langages: [en-US]}", "server.langages", "did you mean 'languages'?"),
        ("server: {port: 80}", "server.port", "there are admin, api_rules, bind"),
        ("server: {1: a}", "server.1", "quote names"),
        ("server: {bind: localhost}", "server.bind", "expected a mapping"),
        ("server: {bind: {host: 7}}", "server.bind.host", "expected text"),
        ("server: {bind: {hots: localhost}}", "server.bind.hots", "did you mean 'host'?"),
        ("server: {bind: {port: abc}}", "server.bind.port", "expected a whole number, 1 to 65535"),
        ("server: {bind: {port: 99999}}", "server.bind.port", "expected a whole number, 1 to 65535"),
        ("server: {bind: {port: true}}", "server.bind.port", "expected a whole number, 1 to 65535"),
        ("server: {url: 7}", "server.url", "expected a URL"),
        ("server: {url: analysis.example.org}", "server.url", "expected a URL"),
        ("server: {url: 'https://here.example.org:port'}", "server.url", "expected a URL"),
        ("server: {url: 'https://here.example.org/?a=b'}", "server.url", "expected a URL"),
        ("server: {mimetype: 3}", "server.mimetype", "expected a media type"),
        ("server: {encoding: utf-9}", "server.encoding", "expected the name of an encoding"),
        ("server: {languages: []}", "server.languages", "expected a list of languages"),
        ("server: {languages: en-US}", "server.languages", "expected a list of languages"),
        ("server: {languages: [xx-YY]}", "server.languages", "expected a list of languages"),
        ("server: {languages: [7]}", "server.languages", "expected a list of languages"),
        ("server: {language: klingon}", "server.language", "expected a language such as en-US"),
        ("server: {cors: 'yes, please'}", "server.cors", "expected true or false"),
        ("server: {limits: 7}", "server.limits", "expected a mapping"),
        ("server: {limits: {max_items: 0}}", "server.limits.max_items", "expected a whole number, 1 or more"),
        ("server: {limits: {max_itens: 9}}", "server.limits.max_itens", "did you mean 'max_items'?"),
        ("server: {limits: {on_exceed: stop}}", "server.limits.on_exceed", "expected error or throttle"),
        ("server: {map: https://tiles.example.org}", "server.map", "expected a mapping"),
        ("server: {map: {url: 7}}", "server.map.url", "expected text"),
        ("server: {templates: 7}", "server.templates", "expected a mapping"),
        ("server: {templates: {path: /nowhere}}", "server.templates.path", "expected a folder that is there"),
        ("server: {manager: TinyDB}", "server.manager", "expected a mapping"),
        ("server: {api_rules: {strict_slashes: 1}}", "server.api_rules.strict_slashes", "expected true or false"),
        ("logging: {level: LOUD}", "logging.level", "expected CRITICAL, ERROR, WARNING"),
        ("logging: {rotation: {mode: daily}}", "logging.rotation.mode", "expected size or time"),
        ("metadata: {contact: me}", "metadata.contact", "expected a mapping"),
        ("metadata: {identification: {keywords: sea}}", "metadata.identification.keywords", "expected a list"),
        ("resources: {sea: 7}", "resources.sea", "expected a mapping"),
        ("datasets: {sea: {}}", "datasets.sea.path", "it is missing"),
        ("datasets: {sea: 7}", "datasets.sea", "expected a path, or a mapping"),
        ("datasets: {1: sea.nc}", "datasets.1", "quote names"),
        ("datasets: {sea: {path: 7}}", "datasets.sea.path", "expected text"),
        ("datasets: {sea: {path: a.nc, colour: blue}}", "datasets.sea.colour", "there are chunks, crs"),
        ("datasets: {sea: {path: a.nc, tilte: Sea}}", "datasets.sea.tilte", "did you mean 'title'?"),
        ("datasets: {sea: {path: a.bin, kind: grit}}", "datasets.sea.kind", "expected grid, features or table"),
        ("datasets: {sea: {path: a.nc, chunks: 7}}", "datasets.sea.chunks", "expected a mapping"),
        ("datasets: {sea: {path: a.nc, chunks: {time: long}}}", "datasets.sea.chunks.time", "expected a whole number"),
        ("datasets: {sea: sea.bin}", "datasets.sea", "add kind: grid, features or table"),
        ("moorage: {modles: []}", "moorage.modles", "did you mean 'modules'?"),
        ("moorage: {modules: flood.py}", "moorage.modules", "expected a list of text"),
        ("moorage: {modules: [7]}", "moorage.modules", "expected a list of text"),
        ("moorage: {state: 7}", "moorage.state", "expected text"),
        ("moorage: {results: [a]}", "moorage.results", "expected a directory, or a URL such as s3://bucket/prefix"),
        (
            "moorage: {results_options: s3cret}",
            "moorage.results_options",
            "what stands there is not valid; expected a map",
        ),
        ("moorage: {retention: 7}", "moorage.retention", "expected a mapping"),
        (
            "moorage: {retention: {age: a month}}",
            "moorage.retention.age",
            "expected seconds, or an age such as 30 days",
        ),
        ("moorage: {retention: {size: 0}}", "moorage.retention.size", "or a size such as 64 MB"),
        ("moorage: {retention: {days: 3}}", "moorage.retention.days", "there is no such key"),
        (
            "moorage: {retention: {processes: {mean: {age: true}}}}",
            "moorage.retention.processes.mean.age",
            "expected seconds, or an age",
        ),
        ("moorage: {store: jobs}", "moorage.store", "expected a URL such as postgresql+psycopg://"),
        ("moorage: {store: 'mysql://localhost/jobs'}", "moorage.store", "expected a URL such as postgresql+psycopg://"),
        ("moorage: {queue: many}", "moorage.queue", "expected a whole number, 1 or more"),
        ("moorage: {queue: 0}", "moorage.queue", "expected a whole number, 1 or more"),
        ("moorage: {slots: -1}", "moorage.slots", "expected a whole number, 0 or more"),
        ("moorage: {slots: 1.5}", "moorage.slots", "expected a whole number, 0 or more"),
        ("moorage: {drain: -1}", "moorage.drain", "expected a number of seconds, 0 or more"),
        ("moorage: {sync_timeout: 0}", "moorage.sync_timeout", "expected a number of seconds above 0"),
        ("moorage: {sync_timeout: .nan}", "moorage.sync_timeout", "expected a number of seconds above 0"),
        ("moorage: {callback_pause: true}", "moorage.callback_pause", "expected a number of seconds"),
        ("moorage: {callback_attempts: 0}", "moorage.callback_attempts", "expected a whole number, 1 to 1000"),
        ("moorage: {callback_pause: -1}", "moorage.callback_pause", "expected a number of seconds above 0"),
        ("moorage: {callback_timeout: .nan}", "moorage.callback_timeout", "expected a number of seconds above 0"),
        ("moorage: {callback_progress: .inf}", "moorage.callback_progress", "above 0, at most 86400"),
        ("moorage: {site_lease: 0}", "moorage.site_lease", "expected a number of seconds above 0"),
        ("moorage: {nats: 4222}", "moorage.nats", "expected text"),
        ("moorage: {body_size: large}", "moorage.body_size", "such as 64 MB"),
        ("moorage: {installed: 1}", "moorage.installed", "expected true or false"),
        ("moorage: {server_names: ['web:5000']}", "moorage.server_names", "expected a list of names or addresses"),
        ("moorage: {trusted_proxies: ['10.0.0.0/8:80']}", "moorage.trusted_proxies", "expected a list of addresses"),
        ("moorage: {server_names: [10.0.0.0/8]}", "moorage.server_names", "expected a list of names or addresses"),
        ("moorage: {allowed_hosts: example.org}", "moorage.allowed_hosts", "expected a list of hosts"),
    ],
)
def test_a_wrong_value_is_told_in_one_line_that_names_its_key(tmp_path, text, key, right):
    (tmp_path / "site.yml").write_text(text)
    with pytest.raises(ConfigurationError) as error:
        read_configuration(tmp_path / "site.yml")
    told = str(error.value)
    assert told.startswith(f"{key}: ")
    assert right in told
    assert "\n" not in told


def test_a_service_does_not_begin_with_a_wrong_value(tmp_path):
    (tmp_path / "site.yml").write_text("logging: {level: LOUD}")
    command = [sys.executable, "-m", "moorage.cli", "serve", "--config", str(tmp_path / "site.yml")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"logging.level: 'LOUD' is not valid; expected {', '.join(LEVELS[:-1])} or {LEVELS[-1]}\n"


@pytest.mark.parametrize("port", [0, 99999, -1])
def test_a_port_of_the_command_line_is_looked_at_too(port):
    with pytest.raises(
        ConfigurationError, match=f"^server.bind.port: {port} is not valid; expected a whole number, 1 to"
    ):
        read_configuration(port=port)


def test_a_password_in_a_store_is_not_repeated(tmp_path):
    (tmp_path / "site.yml").write_text("moorage: {store: 'postgres:/me:secret@localhost/jobs'}")
    with pytest.raises(ConfigurationError) as error:
        read_configuration(tmp_path / "site.yml")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("host", "is_usable"),
    [
        *((host, True) for host in ("data.example.org", "data.example.org:8443", "localhost", "localhost:80")),
        *((host, True) for host in ("10.1.2.3", "10.1.0.0/16", "::1", "fd00::/8", "bücher.example", "127.2")),
        *((host, True) for host in ("10.1.2.3:80", "10.1.0.0/16:80", "[::1]", "[::1]:80", "[fd00::/8]:80", "127.2:80")),
        *((host, False) for host in ("https://data.example.org", "data.example.org/path", "*.example.org", "a b", "")),
        *((host, False) for host in ("10.1.0.0/99", "10.1.2.3.4", "[::1]:", "[a]:80", "data.example.org:", "a:0")),
        ("Data.example.org", False),
    ],
)
def test_hosts_that_could_never_be_met_are_refused(host, is_usable):
    document = yaml.safe_load(shipped("local.yml").read_text())
    document["moorage"]["allowed_hosts"] = ["data.example.org", host]
    if is_usable:
        assert read_configuration(document).settings.allowed_hosts[1] == host
        return
    with pytest.raises(ConfigurationError, match=r"^moorage\.allowed_hosts: .*expected a list of hosts"):
        read_configuration(document)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[1, 2]", "is not a mapping of sections"),
        (b"server:\n  url: [\n", "is not YAML: .* in line 3, column 1"),
        (b"\xff\xfe\x00", "is not text in UTF-8"),
        (b"a: \x07", "is not YAML: "),
    ],
)
def test_what_is_no_configuration_is_told_in_one_line(tmp_path, content, words):
    (tmp_path / "site.yml").write_bytes(content)
    with pytest.raises(ConfigurationError, match=words) as told:
        read_configuration(tmp_path / "site.yml")
    assert "\n" not in str(told.value)


def test_whatever_pygeoapi_knows_is_taken(tmp_path):
    """Every key of pygeoapi's own schema has a place, so none that it reads is refused here."""
    known = yaml.safe_load((files("pygeoapi") / SCHEMA).read_text())["properties"]
    for section in ("server", "logging", "metadata"):
        assert set(known[section]["properties"]) <= set(SECTIONS.keys[section].keys)
    for name, inner in known["server"]["properties"].items():
        if "properties" in inner and name != "manager":
            assert set(inner["properties"]) <= set(SECTIONS.keys["server"].keys[name].keys)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"nothing\.yml cannot be read"):
        read_configuration(tmp_path / "nothing.yml")
