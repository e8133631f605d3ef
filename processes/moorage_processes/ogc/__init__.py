"""The standard: URIs, requests, results, routes, errors; and the plugins for pygeoapi."""
