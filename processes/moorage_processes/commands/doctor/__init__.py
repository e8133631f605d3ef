"""What stands in the way of a service: its configuration and all that it needs, looked at without changing anything."""
