"""The job store, as web processes, supervisors and hubs see it."""
