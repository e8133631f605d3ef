"""OGC API - Processes over HTTP: routes, requests, responses, pages, problems."""
