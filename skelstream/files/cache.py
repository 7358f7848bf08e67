"""The user's cache: content that can be made again, kept between runs of the program and checked when it is read."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from skelstream.errors import OutputError
from skelstream.files.atomic import replacing

VARIABLE = "SKELSTREAM_CACHE"
"""Environment variable with the folder of the cache, or one of `NOT_FOLDERS` for no cache."""
OFF = "off"
NOT_FOLDERS = {OFF, "0", "no", "false"}
"""What users write to switch something off, in any case; a folder of such a name is given as ``./0``."""
MODELS_VARIABLE = "SKELSTREAM_MODELS"
"""Environment variable with the folder of fetched networks; by default ``models`` below the cache's."""

_ENDING = ".kept"
_DIGEST = hashlib.sha256().digest_size
_SECONDS_PER_DAY = 86_400

_log = logging.getLogger(__name__)


def user_cache_folder() -> Path:
    """Return the folder for caches of skelstream that the operating system has for this user; it need not exist.

    Raises:
        RuntimeError: the user has no home folder.
    """
    if sys.platform == "win32":
        return _folder("LOCALAPPDATA", "AppData", "Local") / "skelstream" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "skelstream"
    return _folder("XDG_CACHE_HOME", ".cache") / "skelstream"


def _folder(variable: str, *below_home: str) -> Path:
    given = Path(os.environ.get(variable, ""))
    return given if given.is_absolute() else Path.home().joinpath(*below_home)


def cache_folder() -> Path | None:
    """Return the folder of the cache; None if it is switched off, or if the user has no home folder."""
    given = os.environ.get(VARIABLE, "")
    if given.lower() in NOT_FOLDERS:
        return None
    try:
        return Path(given).expanduser() if given else user_cache_folder()
    except RuntimeError:
        return None


def models_folder() -> Path | None:
    """Return the folder of fetched networks, which need not exist; None if neither it nor a cache has a folder.

    Nothing in it is ever removed.
    """
    given = os.environ.get(MODELS_VARIABLE, "")
    if given:
        return Path(given).expanduser()
    folder = cache_folder()
    return None if folder is None else folder / "models"


class Cache:
    """Entries of one kind, each a file in a folder.

    Several processes may use the folder at once: an entry appears complete or not at all, and one that was damaged
    later counts as missing. What has not been read for ``days``, and the longest unread beyond ``limit``, is removed
    at the next write.

    Args:
        folder: the folder; it need not exist.
        limit: total size of the entries in bytes.
        days: days after which an unread entry is removed.
    """

    def __init__(self, folder: Path, limit: int = 1 << 30, days: float = 30):
        self.folder, self._limit, self._days = folder, limit, days

    def read(self, key: str) -> memoryview | None:
        """Return the content under a key; None if there is none, or if it is damaged."""
        path = self._path(key)
        try:
            data = memoryview(path.read_bytes())
        except OSError:
            return None
        if bytes(data[:_DIGEST]) != _digest(key, data[_DIGEST:]):
            _log.info("%s: damaged; it is made anew", path)
            return None
        with suppress(OSError):
            os.utime(path)
        return data[_DIGEST:]

    def write(self, key: str, content: bytes) -> None:
        """Keep content under a key, and remove what is old.

        Args:
            key: a name for the content that no other content has: letters and digits.
            content: the content.

        Raises:
            OutputError: the folder cannot be written.
        """
        path = self._path(key)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with replacing(path) as partial, partial.open("wb") as file:
                file.write(_digest(key, content))
                file.write(content)
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror or error}") from None
        self._remove_old(path)

    def remove(self, key: str) -> None:
        """Remove the content under a key, if there is any."""
        _remove(self._path(key))

    def entries(self) -> dict[Path, os.stat_result]:
        """Return the files of the entries with their sizes and times."""
        return _files(self.folder, f"*{_ENDING}")

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{_ENDING}"

    def _remove_old(self, newest: Path) -> None:
        oldest, total = time.time() - self._days * _SECONDS_PER_DAY, 0
        entries = sorted(self.entries().items(), key=lambda item: (item[0] != newest, -item[1].st_mtime))
        for path, info in entries:
            total += info.st_size
            if path != newest and (total > self._limit or info.st_mtime < oldest):
                _remove(path)
        for path, info in _files(self.folder, f".*{_ENDING}.*").items():  # of processes that were killed
            if info.st_mtime < time.time() - _SECONDS_PER_DAY:
                _remove(path)


def _digest(key: str, content: bytes | memoryview) -> bytes:
    digest = hashlib.sha256(key.encode())
    digest.update(content)
    return digest.digest()


def _files(folder: Path, pattern: str) -> dict[Path, os.stat_result]:
    found = {}
    with suppress(OSError):
        for path in folder.glob(pattern):
            with suppress(OSError):  # another process may have removed it
                found[path] = path.stat()
    return found


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
