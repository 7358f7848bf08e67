"""Reading of TOML files, with a one-line error for files that are not TOML."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from skelstream.errors import FormatError
from skelstream.files.inputs import check_is_file
from skelstream.files.text import printable


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file.

    Raises:
        FormatError: the file cannot be read, or is not TOML.
    """
    check_is_file(path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})") from None
    except RecursionError:
        raise FormatError(f"{path}: not TOML of any known kind: lists are nested thousands deep") from None
    except ValueError as error:
        raise FormatError(f"{path}: not TOML ({printable(str(error).splitlines()[0])})") from None
