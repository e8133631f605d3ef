"""What was found about one thing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What was found about one thing, as one line."""

    about: str
    words: str
    remedy: str = ""
    """What would be right; empty where nothing is wrong."""

    @property
    def is_wrong(self) -> bool:
        """Whether a service would fail by it."""
        return bool(self.remedy)

    def __str__(self) -> str:
        mark, remedy = ("WRONG", f"; {self.remedy}") if self.is_wrong else ("ok", "")
        return f"{mark:5}  {self.about}: " + " ".join(f"{self.words}{remedy}".split())
