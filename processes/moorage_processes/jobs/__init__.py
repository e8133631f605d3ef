"""The job engine: a store keeps jobs, a supervisor runs them in worker processes that may be killed at any time."""
