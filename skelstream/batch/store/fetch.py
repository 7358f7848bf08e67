"""Download of remote videos. Needs the extra ``remote``."""

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
    """Yield a local copy of a remote video, which is deleted after the block; yield a local video itself.

    Args:
        path: local path, or a URL that fsspec reads: ``s3://``, ``gs://``, ``http://``, ``https://`` and
            others.

    Raises:
        MissingExtraError: fsspec, or its package for this kind of URL, is not installed.
        SourceError: the video cannot be downloaded.
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
            raise SourceError(
                f"{path}: does not exist, or access is denied; check the URL and the credentials"
            ) from None
        except Exception as error:  # each file system raises errors of its own
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise SourceError(f"{path}: cannot be downloaded ({reason})") from error
        os.utime(copy, (0, 0))  # the time of the download is no property of the video
        yield copy
