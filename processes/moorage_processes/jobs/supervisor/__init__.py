"""The supervisor of one machine: runs jobs and reports their outcomes."""
