"""Datasets and inputs, opened where they are."""
