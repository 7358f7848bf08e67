"""Arrays in a zip whose bytes depend on their content alone."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from skelstream.errors import FormatError

# Skeletons become a few times smaller when they are compressed; what becomes this much larger was made to.
_RATIO, _HARMLESS = 100, 2**28

# Zip entries need a date; a fixed one makes equal content equal bytes.
_DATE = (1980, 1, 1, 0, 0, 0)


def put_array(file: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    """Add ``<name>.npy``, uncompressed, without pickle."""
    with file.open(zipfile.ZipInfo(f"{name}.npy", _DATE), "w", force_zip64=True) as entry:
        np.lib.format.write_array(entry, array, allow_pickle=False)


def check_unpacked(size: int, path: Path) -> None:
    """Refuse a file whose content is out of proportion to it, before memory is asked for.

    Args:
        size: of the content in bytes.

    Raises:
        FormatError: it is.
    """
    packed = path.stat().st_size
    if size > max(_HARMLESS, _RATIO * packed):
        raise FormatError(f"damaged, or made to fill memory: {packed:,} bytes claim to hold {size:,}")
