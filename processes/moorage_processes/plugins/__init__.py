"""Plugins that any pygeoapi loads: processor, manager, providers."""
