"""Arrays in zip files, and files made to fill memory."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from skelstream.errors import FormatError
from skelstream.formats.zipped import read_arrays
from skelstream.training.detected_people import read_detections
from skelstream.training.lifting.mocap import read_mocap

GIGA = 2**30


def header(shape):
    """The head of an ``.npy`` file that promises such an array of bytes."""
    text = f"{{'descr': '|i1', 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def promising(path, name, zeros):
    """An npz with an array that promises gigabytes, and holds none or, compressed, as many zeros as given."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, file.open(f"{name}.npy", "w") as entry:
        entry.write(header((zeros or 4 * GIGA,)))
        for _ in range(0, zeros, 2**24):
            entry.write(bytes(2**24))
    return path


@pytest.mark.parametrize(
    "read",
    [
        lambda path: read_arrays(path, "an npz"),
        lambda path: read_arrays(path.read_bytes(), "an npz"),
        lambda path: read_mocap(path, "train"),
        lambda path: read_detections(path, [1]),
    ],
)
@pytest.mark.parametrize(
    ("zeros", "match"), [(0, "claims 4,294,967,296 bytes"), (2**28 + 2**24, "fill memory")]
)
def test_a_file_that_promises_gigabytes_is_refused(tmp_path, read, zeros, match):
    with pytest.raises(FormatError, match=match):
        read(promising(tmp_path / "a.npz", "train/walk/1", zeros))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04" + bytes(60), np.arange(3).tobytes()])
def test_other_files_are_one_line(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    for read in (lambda path: read_mocap(path, "train"), lambda path: read_detections(path, [1])):
        with pytest.raises(FormatError, match="a.npz: not a") as caught:
            read(tmp_path / "a.npz")
        assert "\n" not in str(caught.value)


def test_arrays_come_back(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.arange(6).reshape(2, 3), b=np.array("text"))
    arrays = read_arrays(tmp_path / "a.npz", "an npz")
    assert arrays["a"].tolist() == [[0, 1, 2], [3, 4, 5]] and arrays["b"].item() == "text"
