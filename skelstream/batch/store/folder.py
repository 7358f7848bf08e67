"""A batch's files in a folder of this machine, or in one that is mounted."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from skelstream.batch.store.store import Found, Log, Mark, Store, StoreError
from skelstream.errors import OutputError
from skelstream.files.atomic import replacing
from skelstream.files.locks import claimed


@dataclass(frozen=True)
class FolderStore(Store):
    """A folder of this machine, or one that is mounted.

    Attributes:
        folder: the folder.
    """

    folder: Path

    def __str__(self) -> str:
        return str(self.folder)

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def find(self, name: str) -> Found | None:
        path = self.folder / name
        try:
            return Found(path.stat().st_size) if path.is_file() else None
        except OSError:
            return None

    def listed(self, folder: str) -> dict[str, Found]:
        found, waiting = {}, [self.folder / folder]
        while waiting:
            try:
                entries = list(os.scandir(waiting.pop()))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise StoreError(f"{error.filename}: cannot be read ({error.strerror})") from error
            for entry in entries:
                if entry.is_dir():
                    waiting.append(Path(entry.path))
                elif not entry.name.endswith((".lock", ".tmp")):
                    with suppress(FileNotFoundError):  # it went meanwhile
                        name = Path(entry.path).relative_to(self.folder).as_posix()
                        found[name] = Found(entry.stat().st_size)
        return found

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def tails(self, starts: Mapping[str, tuple[int, int]]) -> Iterator[tuple[str, Iterable[bytes]]]:
        for name, (start, _) in starts.items():
            try:
                with open(self.folder / name, "rb") as file:
                    file.seek(start)
                    yield name, file
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StoreError(f"{error.filename}: cannot be read ({error.strerror})") from error

    def write(self, name: str, content: bytes) -> None:
        with self.made(name) as path, replacing(path) as temporary:
            temporary.write_bytes(content)

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            (self.folder / name).unlink(missing_ok=True)

    def prune(self, names: Iterable[str]) -> None:
        inner = {PurePosixPath(folder) for folder in {os.path.dirname(name) for name in names} if folder}
        every = inner | {above for folder in inner for above in folder.parents if above.parts}
        for folder in sorted(every, key=lambda folder: len(folder.parts), reverse=True):
            with suppress(OSError):
                os.rmdir(self.folder / folder)

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        if not (self.folder / name).is_file():
            raise FileNotFoundError(self.folder / name)
        yield self.folder / name

    @contextmanager
    def made(self, name: str) -> Iterator[Path]:
        path = self.folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{path.parent}: cannot be made ({error.strerror})") from error
        yield path

    @contextmanager
    def claimed(self, name: str, wait: bool) -> Iterator[bool | None]:
        with self.made(name) as path, claimed(path, wait) as ours:
            yield ours

    def log(self, name: str) -> Log:
        return _FileLog(self.folder / name)

    def whole(self, name: str, mark: Mark, found: Found | None = None) -> bool:
        try:
            with open(self.folder / name, "rb") as file:
                if os.fstat(file.fileno()).st_size != mark.size:
                    return False
                return hashlib.file_digest(file, "sha256").hexdigest() == mark.sha256
        except OSError:
            return False

    def confirmed(self, name: str, size: int, md5: str) -> str:
        return ""

    def jobs(self) -> Path:
        return self.folder / ".batch" / "jobs"


class _FileLog:
    """A file that grows."""

    def __init__(self, path: Path):
        self._path, self._handle = path, None

    def append(self, line: bytes) -> None:
        try:
            if self._handle is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                self._handle = os.open(self._path, flags, 0o666)
            before = os.fstat(self._handle).st_size
            try:
                written = os.write(self._handle, line)
                if written < len(line):
                    os.write(self._handle, line[written:])
                os.fsync(self._handle)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(self._handle, before)
                raise
        except OSError as error:
            raise StoreError(f"cannot write {self._path}: {error.strerror}") from error

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
