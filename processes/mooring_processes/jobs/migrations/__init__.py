"""The tables of the store through the versions of Mooring, one step a file, run by Alembic."""
