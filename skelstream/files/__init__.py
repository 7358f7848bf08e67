"""Safe reading and writing of files: atomic writes, locks, checked values, JSON, text, and image files in ``image``."""

from skelstream.files.atomic import check_writable, replacing, replacing_folder
from skelstream.files.json import parse_json, read_json
from skelstream.files.locks import claimed
from skelstream.files.text import printable

__all__ = [
    "check_writable",
    "claimed",
    "parse_json",
    "printable",
    "read_json",
    "replacing",
    "replacing_folder",
]
