"""Methods see the variables that they need, and no secret of the service."""

from __future__ import annotations

import os

import pytest
from moorage_processes.catalogue.environment import clean_environment, lent, store_credentials
from moorage_processes.catalogue.reading import read_catalogue
from support.engines import started, value

SECRETS = (
    *("AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "MOORAGE_TOKEN", "MOORAGE_STORE", "GITHUB_TOKEN", "CDSAPI_KEY"),
    *("DASK_GATEWAY__AUTH__KWARGS__PASSWORD", "GDAL_HTTP_USERPWD", "SLURM_JWT", "SSH_AUTH_SOCK", "FSSPEC_S3_SECRET"),
)
NEEDED = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TMPDIR"),
    *("PROJ_DATA", "GDAL_DATA", "SSL_CERT_FILE", "DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY"),
)


@pytest.fixture
def surroundings(monkeypatch):
    """An environment of secrets and of what methods need."""
    for name in os.environ:
        monkeypatch.delenv(name)
    for name in (*SECRETS, *NEEDED):
        monkeypatch.setenv(name, f"of {name}")


def test_what_methods_need_stays_and_secrets_go(surroundings):
    assert clean_environment() == {name: f"of {name}" for name in NEEDED}


def test_the_operator_adds_names_and_patterns(surroundings):
    added = set(clean_environment(["CDSAPI_*", "PGPASSWORD"])) - set(clean_environment())
    assert added == {"CDSAPI_KEY", "PGPASSWORD"}


@pytest.mark.parametrize(
    ("proxy", "is_seen"), [("http://proxy.example.org:3128", True), ("http://me:s3cret@proxy.example.org", False)]
)
def test_a_proxy_with_a_password_is_a_secret(surroundings, monkeypatch, proxy, is_seen):
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    assert ("HTTPS_PROXY" in clean_environment()) is is_seen


def test_credentials_of_stores_are_lent_for_a_while(surroundings, monkeypatch):
    found = store_credentials()
    assert set(found) == {"AWS_SECRET_ACCESS_KEY", "FSSPEC_S3_SECRET"}
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    before = dict(os.environ)
    with lent(found):
        assert found.items() <= os.environ.items()
    assert dict(os.environ) == before


def test_a_method_sees_no_secret_in_its_process_in_those_it_starts_and_in_the_one_it_came_from(tmp_path, monkeypatch):
    for name in SECRETS:
        monkeypatch.setenv(name, "s3cret")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    with started(tmp_path / "state", environment=("CDSAPI_*",)) as under_test:
        seen = value(under_test.call("environment"))
    assert [each for each in seen if "s3cret" in each] == ["CDSAPI_KEY=s3cret"]
    assert "OMP_NUM_THREADS=3" in seen


def test_modules_are_described_in_the_same_environment(tmp_path, monkeypatch):
    file = tmp_path / "curious.py"
    file.write_text(
        "import os\n"
        "from moorage_processes import process\n\n"
        "assert 'PGPASSWORD' not in os.environ\n"
        "def seen() -> str:\n"
        '    return "x"\n'
        "seen.__doc__ = f\"It sees {os.environ['CDSAPI_KEY']}.\"\n"
        "seen = process(seen)\n"
    )
    monkeypatch.setenv("PGPASSWORD", "s3cret")
    monkeypatch.setenv("CDSAPI_KEY", "what it needs")
    found = read_catalogue([str(file)], installed=False, cached=False, environment=["CDSAPI_KEY"])
    assert "what it needs" in found["seen"].description["title"]
