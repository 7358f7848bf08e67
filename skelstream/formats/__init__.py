"""Reading and writing of skeleton sequences, one module per format."""

from skelstream.formats.format import Format, Sample, WriteOptions
from skelstream.formats.jsonl import frame_line, lines
from skelstream.formats.labels import Labels, labelled, labels_of_folders, read_labels
from skelstream.formats.registry import (
    FORMATS,
    check_free,
    choose,
    is_folder,
    load,
    read,
    save,
    save_dataset,
)

__all__ = [
    "FORMATS",
    "Format",
    "Labels",
    "Sample",
    "WriteOptions",
    "check_free",
    "choose",
    "frame_line",
    "is_folder",
    "labelled",
    "labels_of_folders",
    "lines",
    "load",
    "read",
    "read_labels",
    "save",
    "save_dataset",
]
