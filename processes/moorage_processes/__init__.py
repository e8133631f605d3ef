"""Methods moored beside the data: what the author of a method needs."""

from moorage.values import BBox, Media, Unit

from moorage_processes.authoring.decorator import process
from moorage_processes.authoring.progress import progress
from moorage_processes.errors import InputError

__all__ = ["BBox", "InputError", "Media", "Unit", "process", "progress"]
