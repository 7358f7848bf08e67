"""Lifting of 2D poses to 3D."""
