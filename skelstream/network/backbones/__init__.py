"""Backbones: feature extractors of the networks."""
