"""Arrays in zip files, reproducible to the byte, and a check against files made to fill memory."""

from __future__ import annotations

import io
import math
import zipfile
from pathlib import Path

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.text import printable

# Compression makes skeletons a few times smaller; a file that grows more than this when unpacked was made to
# do so.
_RATIO, _HARMLESS = 100, 2**28

# Zip entries need a date; with a fixed one, equal content gives equal bytes.
_DATE = (1980, 1, 1, 0, 0, 0)

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def put_array(file: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    """Add ``<name>.npy`` to a zip file, uncompressed and without pickle."""
    with file.open(zipfile.ZipInfo(f"{name}.npy", _DATE), "w", force_zip64=True) as entry:
        np.lib.format.write_array(entry, array, allow_pickle=False)


def array_header(file: zipfile.ZipFile, entry: zipfile.ZipInfo) -> tuple[tuple[int, ...], np.dtype]:
    """Return shape and dtype of an array in a zip file, without reading the array.

    Raises:
        FormatError: it contains Python objects, claims more bytes than it has, or has an unknown version.
    """
    name = entry.filename.removesuffix(".npy")
    with file.open(entry) as stream:
        version = np.lib.format.read_magic(stream)
        if version not in _HEADERS:
            raise FormatError(f"{name} has version {version} of NumPy's format")
        shape, _, dtype = _HEADERS[version](stream)
    size = math.prod(shape) * dtype.itemsize
    if dtype.hasobject or size > entry.file_size:
        raise FormatError(f"{name} claims {size:,} bytes and has {entry.file_size:,}")
    return shape, dtype


def get_array(file: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    """Read an array from a zip file, after its ``array_header`` was checked."""
    with file.open(entry) as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def read_arrays(content: Path | bytes, what: str, prefix: str = "") -> dict[str, np.ndarray]:
    """Return the arrays of an npz file, after a check that they are in proportion to its size.

    Args:
        content: the file, or its bytes.
        what: kind of file in error messages.
        prefix: beginning of the names of the arrays to read.

    Raises:
        FormatError: it is no npz file, is damaged, or claims more than it has.
        OSError: the file cannot be read.
    """
    packed = content.stat().st_size if isinstance(content, Path) else len(content)
    try:
        with zipfile.ZipFile(content if isinstance(content, Path) else io.BytesIO(content)) as file:
            entries = [entry for entry in file.infolist() if entry.filename.startswith(prefix)]
            headers = [array_header(file, entry) for entry in entries]
            check_unpacked(sum(math.prod(shape) * dtype.itemsize for shape, dtype in headers), packed)
            return {entry.filename.removesuffix(".npy"): get_array(file, entry) for entry in entries}
    except (FormatError, OSError):
        raise
    except Exception as error:
        # Damaged bytes make zipfile, zlib and numpy raise too many exceptions to list.
        raise FormatError(f"not {what}, or damaged ({printable(str(error))[:100]})") from None


def check_unpacked(size: int, packed: int) -> None:
    """Check, before memory is allocated, that a file's content is not out of proportion to its size.

    Args:
        size: size of the content in bytes.
        packed: size of the file in bytes.

    Raises:
        FormatError: the content exceeds 256 MiB and is more than 100 times the file's size.
    """
    if size > max(_HARMLESS, _RATIO * packed):
        raise FormatError(f"damaged, or made to fill memory: {packed:,} bytes claim to contain {size:,}")
