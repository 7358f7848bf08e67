"""Arrays in a zip whose bytes depend on their content alone."""

from __future__ import annotations

import zipfile

import numpy as np

# Zip entries need a date; a fixed one makes equal content equal bytes.
_DATE = (1980, 1, 1, 0, 0, 0)


def put_array(file: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    """Add ``<name>.npy``, uncompressed, without pickle."""
    with file.open(zipfile.ZipInfo(f"{name}.npy", _DATE), "w", force_zip64=True) as entry:
        np.lib.format.write_array(entry, array, allow_pickle=False)
