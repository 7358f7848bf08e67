"""Tracks to skeleton sequences: storage, gap filling, smoothing, windows."""
