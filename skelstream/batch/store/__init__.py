"""Stores: the files of a batch in a folder, or on a file system that fsspec reaches."""
