"""The files of a batch, in a folder or in what fsspec reaches."""
