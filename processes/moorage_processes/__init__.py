"""Methods moored beside the data: what the author of a method needs."""

from moorage.values import BBox, Media, Unit

from moorage_processes.errors import InputError
from moorage_processes.process import process
from moorage_processes.progress import progress

__all__ = ["BBox", "InputError", "Media", "Unit", "process", "progress"]
