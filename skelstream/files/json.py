"""Reading of JSON files, with a one-line error for files that are not JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from skelstream.errors import FormatError
from skelstream.files.inputs import check_is_file
from skelstream.files.text import printable


def parse_json(text: str | bytes, where: str | Path) -> Any:
    """Return the value of a JSON text.

    Args:
        text: the JSON text.
        where: name of the text in error messages.

    Raises:
        FormatError: the text is not JSON.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise FormatError(f"{where}: not JSON of any known kind: lists are nested thousands deep") from None
    except ValueError as error:
        reason = printable(str(error).splitlines()[0])
        raise FormatError(f"{where}: not JSON, or cut short: {reason}") from None


def read_json(path: Path) -> Any:
    """Return the value of a JSON file.

    Raises:
        FormatError: the file cannot be read, or is not JSON.
    """
    check_is_file(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise FormatError(f"{path}: no such file") from None
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror}") from None
    return parse_json(content, path)
