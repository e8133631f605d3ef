"""The relay between a hub and its sites: its messages, connection and credentials."""
