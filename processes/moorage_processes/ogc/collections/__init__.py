"""Datasets as collections: what they hold, and the part of it that a request asks for."""
