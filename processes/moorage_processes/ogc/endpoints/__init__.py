"""One module for each resource of the standard, one method for each of its operations."""
