"""Definitions of oligometastatic disease and dose limits: model, loading, evaluation."""
