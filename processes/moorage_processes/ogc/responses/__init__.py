"""Responses: results, ranges, status documents, headers."""
