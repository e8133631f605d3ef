"""A process of an unmodified pygeoapi that returns a file's bytes, as its documentation shows."""

import os

from pygeoapi.process.base import BaseProcessor

METADATA = {
    "version": "1.0.0",
    "id": "array",
    "title": "Array",
    "description": "The bytes of a file.",
    "jobControlOptions": ["sync-execute", "async-execute"],
    "inputs": {},
    "outputs": {"array": {"schema": {"type": "string", "contentMediaType": "application/x-netcdf"}}},
}


class Array(BaseProcessor):
    """The bytes of the file named by the environment."""

    def __init__(self, processor_def):
        super().__init__(processor_def, METADATA)
        self.supports_outputs = True

    def execute(self, data, outputs=None):
        with open(os.environ["BENCH_ARRAY"], "rb") as file:
            return "application/x-netcdf", file.read()
