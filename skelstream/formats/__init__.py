"""Reading and writing skeleton sequences: one module a format."""

from skelstream.formats.format import Format, Sample
from skelstream.formats.registry import FORMATS, load, save, save_dataset

__all__ = ["FORMATS", "Format", "Sample", "load", "save", "save_dataset"]
