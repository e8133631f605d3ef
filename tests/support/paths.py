"""Where the project, its tests and the author modules of the tests lie."""

from pathlib import Path

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
AUTHOR_MODULES = TESTS / "support" / "author_modules"
"""Modules of methods as an author would write them, given to services by path."""
