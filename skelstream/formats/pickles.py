"""Pickles of plain values and arrays, written so that older NumPy releases read them, and read without running code."""

from __future__ import annotations

import io
import pickle
from typing import IO, Any

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.text import printable
from skelstream.formats.zipped import check_unpacked


class _Pickler(pickle.Pickler):
    """Pickler of arrays by their old names: those that NumPy 2 uses are unknown to NumPy before 1.26."""

    def reducer_override(self, value: Any) -> Any:
        if type(value) is np.ndarray:
            # A bytearray, so that the array is writable when read.
            return np.ndarray, (value.shape, value.dtype.str, bytearray(np.ascontiguousarray(value).data))
        return NotImplemented


def dump(value: Any, file: IO[bytes]) -> None:
    """Pickle plain Python values and numeric arrays, protocol 4."""
    _Pickler(file, protocol=4).dump(value)


class RowsPickle:
    """Writer of a pickle of a list, or of a dictionary with a list, that writes row by row and keeps no row.

    Args:
        file: file to write to.
    """

    # A pickle is a program for a stack machine with numbered memory. Up to protocol 3 the program of one
    # value can be embedded in that of another: a row leaves only itself on the stack, and the next row may
    # reuse the memory.
    _PROTOCOL = 3

    def __init__(self, file: IO[bytes]):
        self._file = file
        self._put(pickle.PROTO, bytes([self._PROTOCOL]), pickle.EMPTY_LIST)

    def add(self, row: Any) -> None:
        """Add a row of plain Python values and numeric arrays."""
        self._put(self._body(row), pickle.APPEND)

    def finish(self, around: dict[str, Any], name: str) -> None:
        """Complete the file: the list becomes entry ``name`` of ``around``, or stands alone if ``around`` is empty."""
        if around:
            # The stack has the list, then the dictionary; both are stored, to be fetched in the opposite
            # order.
            self._put(self._body(around), pickle.BINPUT, b"\0", pickle.POP, pickle.BINPUT, b"\1", pickle.POP)
            text = name.encode("utf-8")
            key = pickle.BINUNICODE + len(text).to_bytes(4, "little") + text
            self._put(pickle.BINGET, b"\0", key, pickle.BINGET, b"\1", pickle.SETITEM)
        self._put(pickle.STOP)

    def _body(self, value: Any) -> bytes:
        """Return the pickle program of a value, without its beginning and end."""
        content = io.BytesIO()
        _Pickler(content, protocol=self._PROTOCOL).dump(value)
        return content.getvalue()[2:-1]

    def _put(self, *parts: bytes) -> None:
        self._file.write(b"".join(parts))


def load(file: IO[bytes]) -> Any:
    """Unpickle plain Python values and numeric arrays; no code in the file is run.

    Raises:
        FormatError: the file contains anything else, is damaged, or refers to values so often that they would
            fill the memory.
    """
    try:
        value = _Unpickler(file).load()
        check_unpacked(8 * _size(value, {}), file.tell())
        return value
    except FormatError:
        raise
    except Exception as error:
        # Damaged bytes make the unpickler and NumPy raise too many exceptions to list.
        raise FormatError(f"not a pickle, or damaged: {printable(str(error))[:80]}") from None


def _size(value: Any, known: dict[int, int]) -> int:
    """Return the size of a value in units of 8 bytes, with every reference to it counted.

    Raises:
        FormatError: a value contains itself.
    """
    if isinstance(value, np.ndarray):
        return 1 + value.nbytes // 8
    if isinstance(value, str | bytes | bytearray):
        return 1 + len(value) // 8
    if not isinstance(value, list | tuple | dict | set):
        return 1
    if id(value) not in known:
        known[id(value)] = -1
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_size(part, known) for part in parts)
    if known[id(value)] < 0:
        raise FormatError("a value contains itself")
    return known[id(value)]


class _Unpickler(pickle.Unpickler):
    """Unpickler that maps the few names used for arrays to functions that only create arrays, and refuses all others."""

    def find_class(self, module: str, name: str) -> Any:
        known = _NAMES.get((module.replace("numpy._core", "numpy.core"), name))
        if known is None:
            raise FormatError(
                f"contains {printable(f'{module}.{name}')}, which is neither a plain value nor an array"
            )
        return known

    def persistent_load(self, pid: Any) -> Any:
        raise FormatError("refers to objects outside the file")


def _array(shape: Any, dtype: Any, buffer: Any) -> np.ndarray:
    return np.frombuffer(bytes(buffer), np.dtype(str(dtype))).reshape(shape)


class _Dtype:
    """Type of the numbers of an array, without the rest of a dtype's state, which NumPy takes unchecked.

    Attributes:
        dtype: NumPy's type; its byte order follows with the state.
    """

    def __init__(self, code: Any, *_: Any) -> None:
        self.dtype = np.dtype(str(code))
        if self.dtype.kind not in "iufb" or self.dtype.itemsize > 8:
            raise FormatError(f"contains an array of {self.dtype}, not of numbers")

    def __setstate__(self, state: Any) -> None:
        if state[1] in (">", b">"):
            self.dtype = self.dtype.newbyteorder(">")


class _Array(np.ndarray):
    """Pickled array, whose shape, type and content follow as its state."""

    def __setstate__(self, state: Any) -> None:
        *shape, dtype, in_fortran_order, data = state
        super().__setstate__((*shape, dtype.dtype, in_fortran_order, data))


def _from_buffer(buffer: Any, dtype: _Dtype, shape: Any, order: Any = "C") -> np.ndarray:
    return np.frombuffer(bytes(buffer), dtype.dtype).reshape(shape, order="F" if order == "F" else "C")


def _empty(*_: Any) -> np.ndarray:
    """Return the initial state of a pickled array."""
    return np.empty(0, np.uint8).view(_Array)


def _scalar(dtype: _Dtype, data: Any) -> Any:
    if isinstance(data, str):
        data = data.encode("latin1")
    return np.frombuffer(bytes(data), dtype.dtype)[0].item()


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    if encoding != "latin1":
        raise FormatError(f"contains text with encoding {printable(str(encoding))[:20]}, not latin1")
    return str(text).encode("latin1")


_NAMES = {
    ("numpy", "ndarray"): _array,
    ("numpy", "dtype"): _Dtype,
    ("numpy.core.multiarray", "_reconstruct"): _empty,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("_codecs", "encode"): _encode,
    ("collections", "OrderedDict"): dict,
    ("__builtin__", "bytes"): lambda: b"",  # protocol 2 writes no bytes so
    ("builtins", "bytearray"): lambda *data: (
        bytearray(*data) if data and isinstance(data[0], bytes) else bytearray()
    ),
}
