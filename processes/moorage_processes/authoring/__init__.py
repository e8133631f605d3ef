"""What an author of methods writes, and how their functions are read."""
