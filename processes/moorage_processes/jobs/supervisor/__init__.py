"""The supervisor of one machine: it runs jobs and tells how they go."""
