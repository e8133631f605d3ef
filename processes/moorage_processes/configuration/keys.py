"""What a key of a configuration may take, and the keys of all sections but ``moorage:``."""

from __future__ import annotations

import codecs
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import babel
from moorage.formats import Kind

from moorage_processes.authoring.quantities import parse_age, parse_size
from moorage_processes.configuration.validation import KeyRule, Section
from moorage_processes.network.hosts import HIGHEST_PORT, as_network, is_address, is_name, is_usable

DATABASES = frozenset({"sqlite", "postgresql"})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(map(_is_text, value))


def _is_address(value: Any) -> bool:
    return _is_text(value) and is_address(value)


def _is_language(value: Any) -> bool:
    try:
        return isinstance(value, str) and babel.Locale.parse(value.replace("-", "_")) is not None
    except (ValueError, babel.UnknownLocaleError):
        return False


def _is_languages(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_language, value))


def _is_encoding(value: Any) -> bool:
    try:
        return isinstance(value, str) and codecs.lookup(value) is not None
    except LookupError:
        return False


def _is_database(value: Any) -> bool:
    from sqlalchemy.engine import make_url  # noqa: PLC0415 - slow, and only where a store is named
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415 - the same

    try:
        url = make_url(value) if isinstance(value, str) else None
    except (ArgumentError, ValueError):
        return False
    return url is not None and url.get_backend_name() in DATABASES and bool(url.database)


def _is_hosts(value: Any) -> bool:
    return _is_texts(value) and all(map(is_usable, value))


def _is_names(value: Any) -> bool:
    return _is_texts(value) and all(map(is_name, value))


def _is_read_by(parse: Callable[[Any], float]) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        try:
            return parse(value) > 0
        except ValueError:
            return False

    return fits


def one_of(*choices: str) -> KeyRule[str]:
    """One of a few words."""
    return KeyRule(f"{', '.join(choices[:-1])} or {choices[-1]}", lambda value: value in choices)


def whole(least: int, most: float = math.inf) -> KeyRule[int]:
    """A whole number; as text too, where it comes from the environment."""

    def fits(value: Any) -> bool:
        text = str(value)
        return (_is_whole(value) or text.isdecimal()) and least <= int(text) <= most

    words = f"a whole number, {least} or more" if most == math.inf else f"a whole number, {least} to {most}"
    return KeyRule(words, fits, read=int)


def seconds(*, above_zero: bool, most: float = math.inf) -> KeyRule[float]:
    """A number of seconds."""
    words = "a number of seconds above 0" if above_zero else "a number of seconds, 0 or more"
    if most < math.inf:
        words += f", at most {most:g}"

    def fits(value: Any) -> bool:
        return _is_number(value) and (value > 0 if above_zero else value >= 0) and value <= most

    return KeyRule(words, fits, read=float)


ANYTHING: KeyRule[Any] = KeyRule("anything", lambda _: True)
TEXT: KeyRule[str] = KeyRule("text", _is_text)
TEXTS: KeyRule[tuple[str, ...]] = KeyRule("a list of text", _is_texts, read=tuple)
FLAG: KeyRule[bool] = KeyRule("true or false", lambda value: isinstance(value, bool))
NUMBER: KeyRule[float] = KeyRule("a number", _is_number)
PORT = whole(1, HIGHEST_PORT)
ADDRESS: KeyRule[Any] = KeyRule("a URL such as https://analysis.example.org", _is_address)
LANGUAGE: KeyRule[Any] = KeyRule("a language such as en-US", _is_language)
LANGUAGES: KeyRule[Any] = KeyRule("a list of languages such as [en-US, de-DE], at least one", _is_languages)
ENCODING: KeyRule[Any] = KeyRule("the name of an encoding, such as utf-8", _is_encoding)
MEDIA_TYPE: KeyRule[Any] = KeyRule(
    "a media type such as application/json", lambda value: _is_text(value) and "/" in value
)
FOLDER: KeyRule[Any] = KeyRule("a folder that is there", lambda value: _is_text(value) and Path(value).is_dir())
HOSTS: KeyRule[tuple[str, ...]] = KeyRule(
    "a list of hosts (data.example.org), addresses and networks (10.1.0.0/16), each with or without a port "
    "(data.example.org:8443, 10.1.0.0/16:8443, [fd00::/8]:8443)",
    _is_hosts,
    read=tuple,
)
NAMES: KeyRule[tuple[str, ...]] = KeyRule(
    "a list of names or addresses, without a port (web, 10.1.2.3)", _is_names, read=tuple
)
NETWORKS: KeyRule[tuple[str, ...]] = KeyRule(
    "a list of addresses and networks (10.1.0.0/16)",
    lambda value: _is_texts(value) and all(as_network(each) is not None for each in value),
    read=tuple,
)
STORE: KeyRule[str] = KeyRule(
    "a URL such as postgresql+psycopg://moorage@localhost/moorage", _is_database, is_shown=False
)
AGE = KeyRule("seconds, or an age such as 30 days, 12 h or 2 weeks", _is_read_by(parse_age), read=parse_age)
SIZE = KeyRule("a number of bytes, or a size such as 64 MB", _is_read_by(parse_size), read=parse_size)
RESULTS: KeyRule[str] = KeyRule("a directory, or a URL such as s3://bucket/prefix", _is_text)
OPTIONS: KeyRule[Mapping[str, Any]] = KeyRule(
    "a mapping, as fsspec takes it", lambda value: isinstance(value, Mapping), is_shown=False
)
ITS_OWN: Section[Mapping[str, Any]] = Section(names=ANYTHING)
"""A mapping that somebody else reads."""
TRANSLATED: KeyRule[Any] = KeyRule(
    "text, or a mapping of languages to text", lambda value: isinstance(value, str | Mapping)
)
WORDS: KeyRule[Any] = KeyRule(
    "a list of words, or a mapping of languages to lists", lambda value: isinstance(value, list | Mapping)
)
LEVELS = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "NOTSET")

BIND: Section[Mapping[str, Any]] = Section({"host": TEXT, "port": PORT})
SERVER: Section[Mapping[str, Any]] = Section(
    {
        "bind": BIND,
        "url": ADDRESS,
        **dict.fromkeys(("icon", "logo", "locale_dir", "ogc_schemas_location"), TEXT),
        **dict.fromkeys(("admin", "gzip", "cors", "pretty_print"), FLAG),
        "mimetype": MEDIA_TYPE,
        "encoding": ENCODING,
        "language": LANGUAGE,
        "languages": LANGUAGES,
        "limit": whole(1),
        "limits": Section(
            {
                **dict.fromkeys(("max_items", "default_items"), whole(1)),
                **dict.fromkeys(("max_distance_x", "max_distance_y"), NUMBER),
                "max_distance_units": TEXT,
                "on_exceed": one_of("error", "throttle"),
            }
        ),
        "templates": Section({"path": FOLDER, "static": FOLDER}),
        "map": Section({"url": TEXT, "attribution": TEXT}),
        "manager": ITS_OWN,
        "api_rules": Section(
            {"api_version": TEXT, "strict_slashes": FLAG, "url_prefix": ANYTHING, "version_header": ANYTHING}
        ),
    }
)
LOGGING: Section[Mapping[str, Any]] = Section(
    {
        "level": one_of(*LEVELS),
        **dict.fromkeys(("logfile", "logformat", "dateformat"), TEXT),
        "rotation": Section(
            {
                "mode": one_of("size", "time"),
                "when": TEXT,
                **dict.fromkeys(("interval", "max_bytes", "backup_count"), whole(0)),
            }
        ),
    }
)
METADATA: Section[Mapping[str, Any]] = Section(
    {
        "identification": Section(
            {"title": TRANSLATED, "description": TRANSLATED, "keywords": WORDS, "url": TRANSLATED}, names=ANYTHING
        ),
        **dict.fromkeys(("license", "provider", "contact"), ITS_OWN),
    },
    names=ANYTHING,
)
DATASET: Section[Mapping[str, Any]] = Section(
    {
        **dict.fromkeys(("path", "variable", "title", "description", "crs", "id_field", "time_field", "engine"), TEXT),
        "kind": one_of(Kind.GRID, Kind.FEATURES, Kind.TABLE),
        "chunks": Section(names=KeyRule("a whole number of cells", lambda value: _is_whole(value) or value == "auto")),
        "options": ITS_OWN,
    }
)
SECTIONS: Section[Mapping[str, Any]] = Section(
    {
        "server": SERVER,
        "logging": LOGGING,
        "metadata": METADATA,
        "resources": Section(names=ITS_OWN),
        "datasets": Section(names=KeyRule("a path, or a mapping", lambda value: isinstance(value, str | Mapping))),
        "moorage": ITS_OWN,
        "pubsub": ITS_OWN,
    }
)
"""A whole configuration; each dataset, and the section ``moorage:`` (see :mod:`.settings`), is checked apart."""
