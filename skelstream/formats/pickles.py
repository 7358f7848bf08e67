"""Pickles that older NumPy releases read too."""

from __future__ import annotations

import pickle
from typing import IO, Any

import numpy as np


class _Pickler(pickle.Pickler):
    """NumPy 2 pickles arrays by names that NumPy before 1.26 does not know; this spells them by old ones."""

    def reducer_override(self, value: Any) -> Any:
        if type(value) is np.ndarray:
            # A bytearray, so that the array is writable when read.
            return np.ndarray, (value.shape, value.dtype.str, bytearray(np.ascontiguousarray(value).data))
        return NotImplemented


def dump(value: Any, file: IO[bytes]) -> None:
    """Pickle plain Python values and numeric arrays, protocol 4."""
    _Pickler(file, protocol=4).dump(value)
