"""Grids behind links, opened where they are: Zarr stores, GeoTIFF by ranges, OPeNDAP. Only what is needed is read."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from moorage.formats import FormatError

from moorage_processes.data.decoding import decoded
from moorage_processes.errors import InputError
from moorage_processes.network.range_reader import SILENCE, RangedFile, RangeReader, UnrangedError

if TYPE_CHECKING:
    import xarray as xr

    from moorage_processes.network.fetch import Policy

COMPUTING = 60.0
"""Seconds that an OPeNDAP server may take before it sends anything."""
BUFFER = 1 << 14
"""Bytes of a file that are read at least, since its directory comes in small pieces."""


class RemoteFormat(StrEnum):
    """What lies behind a link."""

    ZARR = "zarr"
    GEOTIFF = "geotiff"
    OPENDAP = "opendap"


MEDIA_TYPES = {
    "application/vnd+zarr": RemoteFormat.ZARR,  # the one in use, though no valid one
    "application/vnd.zarr": RemoteFormat.ZARR,
    "application/zarr": RemoteFormat.ZARR,
    "application/x-zarr": RemoteFormat.ZARR,
    "image/tiff": RemoteFormat.GEOTIFF,
    "image/geotiff": RemoteFormat.GEOTIFF,
    "application/x-opendap": RemoteFormat.OPENDAP,
    "application/x-ogc-dap": RemoteFormat.OPENDAP,
    "application/vnd.opendap.dap2": RemoteFormat.OPENDAP,
}
"""Media types, without their parameters, by which a caller says what is behind a link."""
ENDINGS = {".zarr": RemoteFormat.ZARR, ".tif": RemoteFormat.GEOTIFF, ".tiff": RemoteFormat.GEOTIFF}
ENGINES = {"zarr": RemoteFormat.ZARR, "pydap": RemoteFormat.OPENDAP}
"""Engines of datasets that are opened here rather than by the library itself."""
FORMS = "application/vnd+zarr, image/tiff; application=geotiff, application/x-opendap"


def form_of(href: str, media_type: str | None) -> RemoteFormat | None:
    """What is behind *href*, by its media type or else by how its path ends; None for a file to be fetched whole."""
    stated = (media_type or "").partition(";")[0].strip().lower()
    if stated and stated not in ("application/octet-stream", "binary/octet-stream"):
        return MEDIA_TYPES.get(stated)
    path = urlsplit(href).path.rstrip("/").lower()
    return next((form for ending, form in ENDINGS.items() if path.endswith(ending)), None)


@contextmanager
def linked_dataset(link: RangeReader, form: RemoteFormat, **options: Any) -> Iterator[xr.Dataset]:
    """A Zarr store or what an OPeNDAP server holds, open and lazy while the block lasts.

    Parameters
    ----------
    link : where it is.
    form : which of the two.
    options : further arguments of ``xarray.open_dataset``.
    """
    if form is RemoteFormat.ZARR:
        from moorage_processes.data.remote_zarr import LinkedStore  # noqa: PLC0415 - slow, and only where it is used

        opened = decoded(LinkedStore(link), **{**options, "engine": "zarr"})
    else:
        opened = decoded(_address(link), **{**options, "engine": "pydap", "application": Forwarded(link)})
    with opened:
        yield opened


def _address(link: RangeReader) -> str:
    """What pydap derives its requests from; without a query, and never to be asked for by itself."""
    return link.parts._replace(query="", fragment="").geturl()


class Forwarded:
    """A WSGI application that answers with what is behind a link.

    pydap asks it instead of the network, of which it thus sees nothing else.

    Parameters
    ----------
    link : where that is.
    """

    def __init__(self, link: RangeReader) -> None:
        self._link = link

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """Answer one request."""
        target = quote(str(environ["PATH_INFO"]).encode("latin-1"), safe="/:;,@!$&'()*+=~")
        if not urlsplit(target).path.startswith(quote(self._link.parts.path, safe="/:;,@!$&'()*+=~%")):
            raise InputError(f"{self._link.name}: the OPeNDAP server leads elsewhere", input=self._link.name)
        query = str(environ.get("QUERY_STRING", ""))
        answer = self._link.get(f"{target}?{query}" if query else target)
        if answer.status != 200:  # noqa: PLR2004 - HTTP's word for success
            raise self._link.unexpected(answer)
        kept = ("content-type", "content-description", "xdods-server", "xopendap-server", "content-encoding")
        headers = [(name, text) for name, text in answer.headers.items() if name.lower() in kept[:4]]
        start_response("200 OK", [*headers, ("Content-Length", str(len(answer.content)))])
        return [answer.content]


@contextmanager
def linked_geotiff(link: RangeReader, type_name: str) -> Iterator[xr.DataArray | xr.Dataset]:
    """A GeoTIFF, open and lazy while the block lasts, as it would be had it been fetched.

    Raises
    ------
    UnrangedError
        where its host gives it only whole.
    """
    from moorage.formats.tiles import opened_geotiff  # noqa: PLC0415 - slow, and only where it is used

    def explain(error: Exception) -> Exception:
        return link.trouble or InputError(
            f"{link.name}: the GeoTIFF is broken ({type(error).__name__})", input=link.name
        )

    content = RangedFile(link)
    with opened_geotiff(lambda: io.BufferedReader(content.again(), BUFFER), content.size, type_name, explain) as grid:
        yield grid


@contextmanager
def opened(
    href: str, form: RemoteFormat, policy: Policy, name: str, type_name: str
) -> Iterator[xr.DataArray | xr.Dataset]:
    """What the input *name* finds behind a link, open and lazy while the block lasts.

    Parameters
    ----------
    href : where it is; what follows ``#`` is the variable that a DataArray takes.
    form : what it is.
    policy : whether it may be read from, and how much of it.
    name : the input.
    type_name : what it takes.

    Raises
    ------
    InputError
        where it does not open.
    UnrangedError
        where it is to be fetched whole.
    """
    link = RangeReader(
        href, policy, name, silence=min(policy.seconds, COMPUTING if form is RemoteFormat.OPENDAP else SILENCE)
    )
    with closing(link), ExitStack() as stack:
        yield _entered(stack, link, form, type_name)


def _entered(stack: ExitStack, link: RangeReader, form: RemoteFormat, type_name: str) -> xr.DataArray | xr.Dataset:
    from moorage.formats.grids import settled  # noqa: PLC0415 - slow, and only where it is used

    try:
        if form is RemoteFormat.GEOTIFF:
            return stack.enter_context(linked_geotiff(link, type_name))
        return settled(stack.enter_context(linked_dataset(link, form)))
    except (InputError, UnrangedError):
        raise
    except ImportError as error:
        reason = f"the package {error.name} that reads it is not installed here"
        raise InputError(f"{link.name}: the link cannot be opened: {reason}", input=link.name) from error
    except Exception as error:  # libraries meet a broken store with OSError, KeyError, TypeError and more
        reason = str(error) if isinstance(error, FormatError) else f"it is no {form}, or a broken one"
        raise link.trouble or InputError(
            f"{link.name}: the link cannot be opened: {reason}", input=link.name
        ) from error
