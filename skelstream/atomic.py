"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from skelstream.errors import OutputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside ``path`` that takes its name once the block has ended well.

    A kill at any moment leaves the old file or the new one; an exception leaves the old one and no trace.

    Raises:
        OutputError: the file cannot be written.
    """
    target = _target(path)
    if target.exists() and not target.is_file():
        raise OutputError(f"{path} is not a regular file; choose another output")
    temporary = _beside(target)
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, target)
        _sync(target.parent)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """The same for a folder; an old folder of that name is set aside until the new one is in place.

    Its files are not forced to the disk one by one: thousands of them would take minutes.

    Raises:
        OutputError: the folder cannot be written.
    """
    target = _target(path)
    if target.exists() and not target.is_dir():
        raise OutputError(f"{path} is a file, and this format writes a folder; choose another output")
    temporary, aside = _beside(target), _beside(target)
    try:
        temporary.mkdir()
        yield temporary
        if target.exists():
            os.replace(target, aside)
        try:
            os.replace(temporary, target)
        except OSError:
            if aside.exists():
                os.replace(aside, target)
            raise
        _sync(target.parent)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(aside, ignore_errors=True)


def _target(path: Path) -> Path:
    """Where the file really is (a link stays a link), in a folder that exists."""
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise OutputError(f"cannot write {path}: the folder {target.parent} does not exist; create it first")
    return target


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{uuid4().hex[:8]}.tmp")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
