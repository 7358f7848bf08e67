"""Pixels in and out: files, cameras, URLs and image folders to frames."""
