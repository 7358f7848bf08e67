"""Atomic writing: files and folders that appear complete or not at all."""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from skelstream.errors import OutputError
from skelstream.files.locks import claimed


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside ``path`` that replaces it when the block ends without an exception.

    A kill at any moment leaves the old file or the new one; an exception leaves the old file and removes the
    temporary one. Temporary files that a killed process left behind are removed.

    Raises:
        OutputError: the file cannot be written.
    """
    target = _target(path)
    if target.exists() and not target.is_file():
        raise OutputError(f"{path} is not a regular file; choose another output")
    temporary = _beside(target)
    with claimed(target, wait=True) as alone:
        try:
            yield temporary
            _sync(temporary)
            os.replace(temporary, target)
            _sync(target.parent)
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
        finally:
            _remove(_leftovers(target) if alone else [temporary])


@contextmanager
def replacing_folder(path: Path, owns: Callable[[Path], bool]) -> Iterator[Path]:
    """Yield a temporary folder beside ``path`` that replaces it when the block ends without an exception.

    An old folder of that name is set aside until the new one is in place. The files inside are not synced to
    disk one by one: thousands of them would take minutes.

    Args:
        path: the folder.
        owns: predicate that tells whether a file in the old folder belongs to an earlier output of the same kind.

    Raises:
        OutputError: the folder cannot be written, or the old one holds a file of another kind.
    """
    target = _target(path)
    if target.exists() and not target.is_dir():
        raise OutputError(f"{path} is a file, and this format writes a folder; choose another output")
    check_replaceable(path, owns)
    temporary, aside = _beside(target), _beside(target)
    with claimed(target, wait=True) as alone:
        try:
            temporary.mkdir()
            yield temporary
            if target.exists():
                check_replaceable(path, owns)  # again: the work may have taken hours
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
            _remove(_leftovers(target) if alone else [temporary, aside])


def check_replaceable(folder: Path, owns: Callable[[Path], bool]) -> None:
    """Check that an existing folder holds nothing but an earlier output of the same kind, so that it may be replaced.

    Args:
        folder: the folder; it need not exist.
        owns: predicate that tells whether a file in it belongs to such an output.

    Raises:
        OutputError: it holds another file, or a link.
    """
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_symlink() or not (path.is_dir() or (path.is_file() and owns(path))):
            raise OutputError(
                f"{folder}: is not replaced, because it holds {path.relative_to(folder)}, which is no such output;"
                " choose another folder"
            )


def check_writable(path: Path, overwrite: bool) -> None:
    """Check that a file or folder can be written, without leaving anything behind.

    Args:
        path: the file or folder.
        overwrite: whether an existing one may be replaced.

    Raises:
        OutputError: it cannot be written, or it exists and ``overwrite`` is false.
    """
    target = _target(path)
    if target.exists() and not target.is_file() and not target.is_dir():
        raise OutputError(f"{path} is not a regular file; choose another output")
    if not overwrite and target.exists():
        raise OutputError(
            f"{path} exists; choose another name, or replace it with overwrite=True", setting="overwrite"
        )
    probe = _beside(target)
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def _leftovers(target: Path) -> list[Path]:
    """Return the temporary files and folders of this target; while we hold its lock, no other process uses them."""
    with suppress(OSError):
        return list(target.parent.glob(f".{glob.escape(target.name)}.{'[0-9a-f]' * 8}.tmp"))
    return []


def _remove(paths: list[Path]) -> None:
    for path in paths:
        with suppress(OSError):  # an error of the writing itself must not be hidden by one of the cleanup
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _target(path: Path) -> Path:
    """Return the path with links resolved (so that a link stays a link), in a folder that exists."""
    if "\0" in str(path):
        raise OutputError(f"{path!r}: a file's name cannot hold a NUL character")
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        folder = target.parent if path.is_symlink() else path.parent
        raise OutputError(f"cannot write {path}: the folder {folder} does not exist; create it first")
    return target


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{uuid4().hex[:8]}.tmp")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
