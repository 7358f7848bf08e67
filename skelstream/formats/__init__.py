"""Reading and writing skeleton sequences: one module a format."""
