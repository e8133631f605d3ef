"""Methods that a catalogue describes, imported to be run."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from moorage_processes.authoring.binding import bind
from moorage_processes.catalogue.modules import load_module
from moorage_processes.errors import Refusal, ServingError

if TYPE_CHECKING:
    from moorage_processes.authoring.process import Process
    from moorage_processes.catalogue.catalogue import Entry


@cache
def load_process(entry: Entry) -> Process:
    """Import a method; each process does it once.

    Raises
    ------
    ServingError
        where the method is no longer what it was when the catalogue was read.
    """
    address = entry.address
    if address is None:
        raise LookupError("the method of a site runs there")
    target = getattr(load_module(address), address.name.partition(".")[0], None)
    if target is None:
        place, reason = address.file or address.module, f"{address.name} is no longer there"
        raise ServingError((Refusal(place, 1, address.name, reason, "start the service again"),))
    return bind(target, address, entry.description, entry.limits)
