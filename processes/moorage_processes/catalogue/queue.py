"""The queues of jobs: that of this service, and one for each site, called like the site."""

from __future__ import annotations

LOCAL = "local"
"""The queue of jobs that run here."""
