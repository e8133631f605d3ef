"""``python -m mooring_processes.demo URL DIRECTORY``, the caller's side of ``mooring demo``."""

from __future__ import annotations

import sys
from pathlib import Path

from mooring_processes.demo import run

if __name__ == "__main__":
    run(sys.argv[1], Path(sys.argv[2]))
