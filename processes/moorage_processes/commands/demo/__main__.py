"""``python -m moorage_processes.commands.demo URL DIRECTORY``, the caller's side of ``moorage demo``."""

from __future__ import annotations

import sys
from pathlib import Path

from moorage_processes.commands.demo import run

if __name__ == "__main__":
    run(sys.argv[1], Path(sys.argv[2]))
