"""What a person, a screen reader or a crawler finds on a page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urldefrag, urljoin

SPOKEN = ("title", "datetime", "value", "alt", "content", "data-value")
"""Attributes that say something."""
MARKUP = re.compile(r"(?:[*`_#\[\]\s]|(?<!\S)(?:\.\.|-)(?=\s))+")
"""What a page may show in another way than the JSON: spaces, and the marks of Markdown and reST."""


@dataclass
class Page(HTMLParser):
    """A page that was read.

    Parameters
    ----------
    url : where it was found.
    html : its source.
    """

    url: str
    html: str
    words: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    """Where its ``<a>`` lead."""
    tags: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.words += [given[name] for name in SPOKEN if name in given]
        if tag == "a" and "href" in given:
            self.anchors.add(normal(urljoin(self.url, given["href"])))

    def handle_data(self, data: str) -> None:
        if not self.tags or self.tags[-1] not in ("script", "style"):
            self.words.append(data)

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(f"/{tag}")

    @property
    def text(self) -> str:
        """All it says, with single spaces between."""
        return plain(" ".join(self.words))

    def lacks(self, document: Mapping[str, Any]) -> list[str]:
        """What a document says and the page does not."""
        text = self.text
        unsaid = [each for each in said(document) if plain(each) not in text]
        return unsaid + [href for href in led(document) if normal(urljoin(self.url, href)) not in self.anchors]


def normal(href: str) -> str:
    """An address without its fragment and without a slash at its end."""
    return urldefrag(href).url.rstrip("/")


def plain(text: str) -> str:
    """Text as it is compared."""
    return MARKUP.sub(" ", text).strip()


def said(document: Any) -> Iterator[str]:
    """Every text, number and name of an input or output in a document; links are looked for as links."""
    if isinstance(document, dict):
        for name, each in document.items():
            if name in ("inputs", "outputs", "properties") and isinstance(each, dict):
                yield from each
            if name != "links":
                yield from said(each)
    elif isinstance(document, list):
        for each in document:
            yield from said(each)
    elif isinstance(document, str) and document:
        yield document
    elif isinstance(document, int | float) and not isinstance(document, bool):
        yield f"{document:g}" if isinstance(document, float) and document.is_integer() else str(document)


def led(document: Any) -> Iterator[str]:
    """Every address in a document."""
    if isinstance(document, dict):
        for name, each in document.items():
            if name == "href" and isinstance(each, str):
                yield each
            else:
                yield from led(each)
    elif isinstance(document, list):
        for each in document:
            yield from led(each)
