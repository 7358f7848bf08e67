"""Videos that lie elsewhere: fetched whole before they are looked at. Needs the extra ``remote``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from skelstream.errors import MissingExtraError, SourceError


@contextmanager
def fetched(path: str) -> Iterator[Path]:
    """A local copy of a video for as long as the block lasts; a video that is local is its own.

    Args:
        path: of a file, or what fsspec reads: ``s3://``, ``gs://``, ``http://``, ``https://`` and others.

    Raises:
        MissingExtraError: fsspec, or what it needs for such a path, is not installed.
        SourceError: it cannot be fetched.
    """
    if "://" not in path:
        yield Path(path)
        return
    with TemporaryDirectory(prefix="skelstream-") as folder:
        copy = Path(folder) / (PurePosixPath(path.split("?")[0]).name or "video")
        try:
            fsspec: Any = import_module("fsspec")
            with fsspec.open(path, "rb") as source, open(copy, "xb") as target:
                shutil.copyfileobj(source, target, 2**20)
        except ImportError as error:
            raise MissingExtraError(f"{path}: {error}; pip install 'skelstream[remote]'") from None
        except FileNotFoundError:
            raise SourceError(f"{path}: is not there, or may not be read; check the name") from None
        except Exception as error:  # each file system has errors of its own
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise SourceError(f"{path}: cannot be fetched ({reason})") from error
        os.utime(copy, (0, 0))  # when it was fetched is no property of the video
        yield copy
