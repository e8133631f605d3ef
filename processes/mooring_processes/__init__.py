"""Methods moored beside the data: what the author of a method needs."""

from mooring.values import BBox, Media, Unit

from mooring_processes.errors import InputError
from mooring_processes.process import process
from mooring_processes.progress import progress

__all__ = ["BBox", "InputError", "Media", "Unit", "process", "progress"]
