"""Environment variables for processes that run authors' code: an allow-list, so that no secret reaches a method."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

USUAL = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "COLUMNS", "LINES"),
    *("LANG", "LANGUAGE", "LC_*", "TZ", "TZDIR", "TMPDIR", "TEMP", "TMP"),
    *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_DATA_DIRS"),
    # interpreter and libraries
    *("PYTHON*", "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "LD_LIBRARY_PATH", "LD_PRELOAD"),
    *("MALLOC_*", "COVERAGE_*", "COV_CORE_*"),
    # threads and devices
    *("OMP_*", "OPENBLAS_*", "GOTO_*", "MKL_*", "BLIS_*", "VECLIB_*", "NUMEXPR_*", "NUMBA_*", "KMP_*", "TBB_*"),
    *("CUDA_VISIBLE_DEVICES", "CUDA_HOME", "NVIDIA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"),
    # data of libraries
    *("PROJ_DATA", "PROJ_LIB", "GDAL_DATA", "GDAL_DRIVER_PATH", "GDAL_CACHEMAX", "GDAL_NUM_THREADS"),
    *("HDF5_PLUGIN_PATH", "HDF5_USE_FILE_LOCKING", "UDUNITS2_XML_PATH", "ESMFMKFILE"),
    *("ECCODES_DIR", "ECCODES_DEFINITION_PATH", "ECCODES_SAMPLES_PATH", "GISBASE", "R_HOME", "JAVA_HOME"),
    *("MPLBACKEND", "MPLCONFIGDIR", "MATPLOTLIBRC", "FONTCONFIG_PATH", "FONTCONFIG_FILE", "QT_QPA_PLATFORM"),
    # where a Dask cluster is, and the certificates it takes; not how a gateway is entered
    *("DASK_CONFIG", "DASK_ROOT_CONFIG", "DASK_TEMPORARY_DIRECTORY", "DASK_NUM_WORKERS"),
    *("DASK_ARRAY__*", "DASK_DATAFRAME__*", "DASK_DISTRIBUTED__*", "DASK_OPTIMIZATION__*"),
    # the way out
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"),
)
"""Patterns of names that methods and their libraries need."""
STORES = ("AWS_*", "BOTO_*", "FSSPEC_*", "GOOGLE_*", "GCLOUD_*", "GCSFS_*", "AZURE_*", "OSS_*", "OCI_*")
"""Patterns of names by which the tools of object stores find credentials and addresses."""
PASSWORD = re.compile(r"://[^/\s]*@")
"""A URL with a user and perhaps a password, as that of a proxy may be."""


def clean_environment(more: Iterable[str] = ()) -> dict[str, str]:
    """The variables of this process that a method may see.

    Parameters
    ----------
    more : names that the operator adds, or patterns such as ``CDSAPI_*``.
    """
    added = tuple(more)
    return {
        name: value
        for name, value in os.environ.items()
        if _matches(name, added) or (_matches(name, USUAL) and not PASSWORD.search(value))
    }


def store_credentials() -> dict[str, str]:
    """The variables of this process that the tools of object stores look up."""
    return {name: value for name, value in os.environ.items() if _matches(name, STORES)}


@contextlib.contextmanager
def lent(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables while the block lasts."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
