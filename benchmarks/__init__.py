"""Measured figures: accuracy and cost, each printed by one command."""
