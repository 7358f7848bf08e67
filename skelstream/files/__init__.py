"""Safe reading and writing of files: atomic writes, locks, values from JSON and tables, images, text."""
