"""Dose grids and what may be done with them."""
