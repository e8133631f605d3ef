"""The links of one page of a list: itself, itself as HTML, and where the list goes on."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from moorage_processes.ogc import vocabulary as ogc

PLACE = ("offset", "after")
"""Query parameters that say where in a list a page begins."""


def page_links(url: str, arguments: Mapping[str, str], following: Mapping[str, object] | None) -> list[dict[str, str]]:
    """Links of a page, which keep what the list was asked for.

    Parameters
    ----------
    url : of the list.
    arguments : the query of this page.
    following : what the query of the next page has in place of this one's ``offset`` and ``after``; None at the end.
    """
    kept = {name: value for name, value in arguments.items() if name != "f"}

    def link(rel: str, title: str, query: Mapping[str, object], media_type: str = ogc.JSON) -> dict[str, str]:
        form = "html" if media_type == ogc.HTML else "json"
        return {"rel": rel, "type": media_type, "href": f"{url}?{urlencode({**query, 'f': form})}", "title": title}

    links = [
        link("self", "This page as JSON", kept),
        link("alternate", "This page as HTML", kept, ogc.HTML),
    ]
    begin = {name: value for name, value in kept.items() if name not in PLACE}
    if following is not None:
        links.append(link("next", "The next page", {**begin, **following}))
    if kept.keys() & set(PLACE):
        links.append(link("first", "The first page", begin))
    return links
