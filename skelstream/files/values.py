"""Checks of single values read from files: each returns the value with its type or raises `FormatError`.

``name`` is the name of the value in its file, for instance ``people[2].score``. The caller adds the file's
path.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, NoReturn

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.text import printable

INT32 = 2**31 - 1
"""Largest frame number and track id of a sequence."""

LARGEST = 1_000_000
"""Largest side of an image, and largest distance of a joint from it, in pixels."""

_SHORT = reprlib.Repr()
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = 3
_SHORT.maxlong = _SHORT.maxstring = 30


def refuse(value: object, name: str, expected: str) -> NoReturn:
    """Raise the error of a value that is not as expected.

    Raises:
        FormatError: always.
    """
    try:
        shown = printable(_SHORT.repr(value))
    except ValueError:  # an integer with more digits than Python converts to text
        shown = "a number of thousands of digits"
    raise FormatError(f"{printable(name)} is {shown}, {expected} expected")


def integer(value: object, name: str, low: int = 0, high: int = INT32) -> int:
    """Return a whole number from ``low`` to ``high``; 3.0 counts as 3, true and "3" are refused."""
    whole = None
    if isinstance(value, bool):
        pass
    elif isinstance(value, Integral):
        whole = int(value)
    elif isinstance(value, Real) and math.isfinite(value) and float(value).is_integer():
        whole = int(float(value))
    if whole is not None and low <= whole <= high:
        return whole
    refuse(value, name, f"a whole number from {low} to {high}")


def real(value: object, name: str, low: float = -math.inf, high: float = math.inf) -> float:
    """Return a finite number from ``low`` to ``high``."""
    if isinstance(value, Real) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number) and low <= number <= high:
            return number
    limits = "" if low == -math.inf and high == math.inf else f" from {low:g} to {high:g}"
    refuse(value, name, f"a finite number{limits}")


def boolean(value: object, name: str) -> bool:
    """Return a boolean; 1 and 0 count as true and false."""
    if isinstance(value, bool | Real) and value in (0, 1):
        return bool(value)
    refuse(value, name, "true or false")


def string(value: object, name: str) -> str:
    """Return text without NUL characters, which file names and C libraries do not accept."""
    if isinstance(value, str) and "\0" not in value:
        return value
    refuse(value, name, "text")


def items(value: object, name: str, length: int | None = None) -> list[Any]:
    """Return a list, of ``length`` entries if given."""
    if isinstance(value, list | tuple) and length in (None, len(value)):
        return list(value)
    refuse(value, name, "a list" if length is None else f"a list of {length}")


def mapping(value: object, name: str) -> dict[str, Any]:
    """Return an object of named values."""
    if isinstance(value, Mapping):
        return dict(value)
    refuse(value, name, "an object of named values")


def identifier(value: object, name: str) -> int | str:
    """Return the identifier of an image: a whole number or text."""
    if isinstance(value, str):
        return string(value, name)
    try:
        return integer(value, name, -(2**63), 2**63 - 1)
    except FormatError:
        refuse(value, name, "a whole number or text")


def reals(
    value: object, name: str, shape: tuple[int, ...], missing: bool = False, most: float = math.inf
) -> np.ndarray:
    """Return numbers as a float64 array.

    Args:
        value: list or array of as many numbers as the shape has, in any nesting.
        name: name of the value in its file.
        shape: shape of the result; -1 for any length.
        missing: whether NaN is allowed, for missing numbers; if false, all must be finite.
        most: largest absolute value of a number.
    """
    wanted = "x".join("n" if n < 0 else str(n) for n in shape)
    try:
        array = np.array(value)
        if array.dtype.kind in "iuf" or not array.size:
            array = array.astype(np.float64).reshape(shape)
            wrong = np.isinf(array) if missing else ~np.isfinite(array)
            if not (wrong | (np.abs(array) > most)).any():
                return array
    except (ValueError, TypeError, OverflowError, RecursionError):
        pass
    limit = "" if most == math.inf else f" of at most {most:,}"
    refuse(value, name, f"{wanted} finite numbers{limit}")


def entry(values: Mapping[str, Any], key: str, name: str = "") -> Any:
    """Return the value of a required key; ``name`` is the name of the object, if it has one."""
    if key not in values:
        raise FormatError(f"{printable(name) or 'an entry'} has no {key}")
    return values[key]
