"""JSON files of others: parsed, or one line that says why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from skelstream.errors import FormatError
from skelstream.files.text import printable


def parse_json(text: str | bytes, where: str | Path) -> Any:
    """The value that a JSON text holds.

    Args:
        where: what to call the text in an error.

    Raises:
        FormatError: it is not JSON.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise FormatError(f"{where}: not JSON of any known kind: thousands of lists in each other") from None
    except ValueError as error:
        reason = printable(str(error).splitlines()[0])
        raise FormatError(f"{where}: not JSON, or cut short: {reason}") from None


def read_json(path: Path) -> Any:
    """The value that a JSON file holds.

    Raises:
        FormatError: it cannot be read, or is not JSON.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise FormatError(f"{path}: no such file") from None
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror}") from None
    return parse_json(content, path)
