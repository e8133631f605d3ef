"""The commands of the service: serve, worker, join, publish, invite, doctor, demo."""
