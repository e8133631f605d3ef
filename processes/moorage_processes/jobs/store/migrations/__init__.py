"""The tables of the store through the versions of Moorage, one step a file, run by Alembic."""
