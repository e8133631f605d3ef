"""What ``import moorage`` gives, and what it does not take."""

from __future__ import annotations

import subprocess
import sys

import moorage

HEAVY = {"numpy", "xarray", "pandas", "requests", "owslib", "moorage_processes"}


def test_importing_it_imports_nothing_heavy():
    listing = "import sys, moorage; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


def test_connecting_imports_no_data_libraries():
    listing = "import sys; from moorage import connect; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    assert not (HEAVY - {"requests", "owslib"}) & set(done.stdout.split())


def test_everything_it_names_is_there_and_told():
    for name in moorage.__all__:
        assert getattr(moorage, name).__doc__
        assert name in dir(moorage)


def test_what_it_does_not_have_is_told():
    assert not hasattr(moorage, "anything")
