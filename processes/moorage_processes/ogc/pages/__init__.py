"""Every answer as a page for people."""
