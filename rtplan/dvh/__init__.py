"""Dose-volume histograms: engine, curve, metrics."""
