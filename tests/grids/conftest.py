"""Fields to compute with, and the independent programs they are compared with."""

from support.field_fixtures import agrees, counted, lonlat_grid, tool, utm_grid  # noqa: F401 - fixtures
