"""What a docstring says: numpydoc, Google or reST."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import docstring_parser
from docstring_parser import Docstring, DocstringParam, DocstringReturns

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT_SECTIONS = ("notes", "references")
LAID_OUT = re.compile(r"^(\s|[-*+|] |>>> |\.\. (?!\[)|\d+\. )", re.MULTILINE)
"""Beginnings of lines that are a list, a table, code or a directive."""
TYPE_WORD = re.compile(
    r"int(eger)?|float(ing)?|number|bool(ean)?|str(ing)?|text|bytes|list|tuple|dict|set|array([-_]like)?|scalar|sequence|"
    r"iterable|mapping|callable|object|date|datetime|time|timedelta|path|none|of|or|and|with|shape|optional",
    re.IGNORECASE,
)
"""Words that numpydoc's place for a type is made of, beside names such as ``xr.DataArray``."""
UNIT_WORD = re.compile(
    r"1|%|‰|°[CNE]?|(da|[hkMGTcdmuµnp])?(m|g|s|K|Pa|J|W|N|V|A|C|S|T|B|Hz|mol|l|L|bar|sr|rad|Bq|Sv)|a|d|h|min|ha|"
    r"(day|hour|minute|second|month|year|degree|meter|metre|kilometer|kilometre)s?|yr|deg[CFK]?|degrees?_(north|east|Celsius)|"
    r"[Cc]elsius|[Kk]elvin|dimensionless|psu|ppmv?|ppbv?|ppt|dBZ?|DU|kt|knots?|ft|feet|inch|miles?"
)
"""One factor of a unit, without its exponent."""


@dataclass(frozen=True)
class Explanation:
    """What an author says about a function or class."""

    title: str = ""
    """The first sentence, without its full stop."""
    description: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    returns: str = ""
    """What comes back, where it has no names."""
    returned: Mapping[str, str] = field(default_factory=dict)
    """What comes back, by name."""


def read_docstring(documented: object) -> Explanation:
    """Read the docstring of a function or class; what is not there stays empty."""
    text = inspect.getdoc(documented) or ""
    if isinstance(documented, type) and text.startswith(f"{documented.__name__}("):
        text = ""  # the signature that dataclasses and named tuples write themselves
    parsed = docstring_parser.parse(text)
    title, long = _summary(parsed)
    sections = [each.description for each in parsed.meta if each.args[0] in KEPT_SECTIONS and each.description]
    unnamed = [_told(each) for each in parsed.many_returns if not each.return_name]
    return Explanation(
        title=title,
        description=flowing("\n\n".join(filter(None, (long, *sections)))),
        parameters={name: _told(each) for each in parsed.params for name in _names(each)},
        returns="\n".join(unnamed),
        returned={each.return_name: _told(each) for each in parsed.many_returns if each.return_name},
    )


def flowing(text: str) -> str:
    """Each paragraph on one line, for pages and terminals of any width; lists and indented lines stay as they are."""
    paragraphs = re.split(r"\n\s*\n", text)
    return "\n\n".join(each if LAID_OUT.search(each) else " ".join(each.split()) for each in paragraphs)


def unit_in(text: str) -> str | None:
    """The unit in the first brackets of a description, as in ``discharge [m3 s-1]``, where it is clearly one."""
    found = re.search(r"\[([^\[\]]+)\]", text)
    if found is None:
        return None
    factors = (re.sub(r"[\^*]{0,2}[-+]?\d+$", "", part) or part for part in re.split(r"[ /·]+", found[1].strip()))
    return found[1].strip() if all(UNIT_WORD.fullmatch(factor) for factor in factors) else None


def _summary(parsed: Docstring) -> tuple[str, str]:
    """The first paragraph, and the rest."""
    first, rest = parsed.short_description or "", parsed.long_description or ""
    if not parsed.blank_after_short_description and rest:
        more, _, rest = rest.partition("\n\n")
        first = f"{first} {' '.join(more.split())}"
    return first.removesuffix("."), rest.strip()


def _names(parameter: DocstringParam) -> list[str]:
    """Names that share one description: ``a, b : int``."""
    return [name.strip().lstrip("*") for name in parameter.arg_name.split(",")]


def _told(each: DocstringParam | DocstringReturns) -> str:
    """What is said beside a name. Where numpydoc expects a type, many write the description at once."""
    header, body = (each.type_name or "").strip(), (each.description or "").strip()
    if not header or _is_type(header) or (body and " " not in header):
        return flowing(body)
    return flowing(f"{header}\n{body}".strip())


def _is_type(header: str) -> bool:
    if header.startswith("{"):
        return True
    bare = re.sub(r"\(.*?\)|\[.*\]|\{.*\}|default.*", " ", header)
    return all(
        TYPE_WORD.fullmatch(word) or "." in word[:-1] or re.search(r"[a-z][A-Z]", word)
        for word in re.findall(r"[^\s,|]+", bare)
    )
