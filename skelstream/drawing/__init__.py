"""Skeletons drawn on frames, contact sheets and movies."""
