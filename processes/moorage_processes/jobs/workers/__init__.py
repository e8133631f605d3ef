"""Worker processes: forked, watched, killed."""
