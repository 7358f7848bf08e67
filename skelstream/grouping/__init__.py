"""Peaks, limb scores and their assembly into people."""
