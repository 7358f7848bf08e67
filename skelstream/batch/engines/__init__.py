"""Engines: what extracts the clips of a batch, one module each."""
