"""Process id to description, read in a child process."""
