"""How results are drawn for the pages of a service."""
