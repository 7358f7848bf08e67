"""Shards: files that hold the results of many clips, their layout, formats and packing."""
