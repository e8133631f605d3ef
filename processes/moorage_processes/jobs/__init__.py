"""Jobs: kept in a store, run by a supervisor in children that may be killed at any instant."""
