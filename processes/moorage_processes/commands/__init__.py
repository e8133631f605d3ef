"""The commands of the service: serve, worker, join, publish, doctor, demo."""
