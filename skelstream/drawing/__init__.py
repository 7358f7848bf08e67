"""Skeletons on frames, contact sheets and terminal pictures."""
