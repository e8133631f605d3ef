"""What was sent comes back: the process by which a service is tested."""

from __future__ import annotations

import time
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from moorage_processes import BBox, Media, Unit, process, progress

LONGEST = 5.0
"""Seconds; a caller who only tests a service holds a place in it no longer."""
STEP = 0.1
"""Seconds between two reports of progress."""


class Echo(NamedTuple):
    """What was sent, as it arrived; what was not sent is left out.

    Parameters
    ----------
    message : the message, as often as asked.
    numbers : the numbers.
    bounds : the box.
    mixed : the text or object.
    """

    message: str
    numbers: list[int] | None = None
    bounds: BBox | None = None
    mixed: str | dict[str, Any] | None = None


@process
def echo(
    message: str,
    pause: Annotated[float, Field(ge=0, le=LONGEST), Unit("s")] = 0.0,
    count: Annotated[int, Field(ge=1, le=1000)] = 1,
    numbers: list[int] | None = None,
    bounds: BBox | None = None,
    mixed: str | dict[str, Any] | None = None,
    image: Annotated[bytes, Media("image/tiff; application=geotiff")] | None = None,
) -> Echo:
    """Give back what was sent, after a pause.

    Parameters
    ----------
    message : any text.
    pause : time to wait before the answer, with progress reported meanwhile.
    count : how often the message is repeated.
    numbers : whole numbers.
    bounds : a box on the Earth.
    mixed : a text or an object.
    image : a GeoTIFF; its size is written to the job's log.

    Returns
    -------
    The message, numbers, box, and text or object.
    """
    if image is not None:
        print(f"image: {len(image)} bytes")  # noqa: T201 - the job's log keeps what a method prints
    steps = max(1, round(pause / STEP))
    for _ in progress.track(range(steps), "waiting"):
        time.sleep(pause / steps)
    return Echo(message * count, numbers, bounds, mixed)
