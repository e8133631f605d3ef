"""Files of jobs: results, scratch, logs, in a directory or an object store."""
