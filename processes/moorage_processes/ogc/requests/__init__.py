"""Requests: execute requests, inputs, query parameters, content negotiation."""
