"""Definitions and dose limits as TOML data; read through ``rtplan.protocol``."""
