"""Where the cells of grids lie and where they end."""
