"""A store in a local or mounted folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from skelstream.batch.store.store import FileInfo, Fingerprint, Log, Store, StoreError
from skelstream.errors import OutputError
from skelstream.files.atomic import replacing
from skelstream.files.locks import claimed


@dataclass(frozen=True)
class FolderStore(Store):
    """A store in a local or mounted folder.

    Attributes:
        folder: the folder.
    """

    folder: Path

    def __str__(self) -> str:
        return str(self.folder)

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def info(self, name: str) -> FileInfo | None:
        path = self.folder / name
        try:
            return FileInfo(path.stat().st_size) if path.is_file() else None
        except OSError:
            return None

    def list_files(self, folder: str) -> dict[str, FileInfo]:
        files, folders = {}, [self.folder / folder]
        while folders:
            try:
                entries = list(os.scandir(folders.pop()))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise StoreError(f"{error.filename}: cannot be read ({error.strerror})") from error
            for entry in entries:
                if entry.is_dir():
                    folders.append(Path(entry.path))
                elif not entry.name.endswith((".lock", ".tmp")):
                    with suppress(FileNotFoundError):  # another process has removed it
                        name = Path(entry.path).relative_to(self.folder).as_posix()
                        files[name] = FileInfo(entry.stat().st_size)
        return files

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def read_lines(self, spans: Mapping[str, tuple[int, int]]) -> Iterator[tuple[str, Iterable[bytes]]]:
        for name, (start, _) in spans.items():
            try:
                with open(self.folder / name, "rb") as file:
                    file.seek(start)
                    yield name, file
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StoreError(f"{error.filename}: cannot be read ({error.strerror})") from error

    def write(self, name: str, content: bytes) -> None:
        with self.writing(name) as path, replacing(path) as temporary:
            temporary.write_bytes(content)

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            (self.folder / name).unlink(missing_ok=True)

    def remove_empty_folders(self, names: Iterable[str]) -> None:
        folders = {above for name in names for above in PurePosixPath(f"{name}x").parents if above.parts}
        for folder in sorted(folders, key=lambda folder: len(folder.parts), reverse=True):
            with suppress(OSError):
                os.rmdir(self.folder / folder)

    @contextmanager
    def local_file(self, name: str) -> Iterator[Path]:
        if not (self.folder / name).is_file():
            raise FileNotFoundError(self.folder / name)
        yield self.folder / name

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        path = self.folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{path.parent}: cannot be created ({error.strerror})") from error
        yield path

    @contextmanager
    def claimed(self, name: str, wait: bool) -> Iterator[bool | None]:
        with self.writing(name) as path, claimed(path, wait) as is_ours:
            yield is_ours

    def log(self, name: str) -> Log:
        return _FileLog(self.folder / name)

    def matches(self, name: str, fingerprint: Fingerprint, info: FileInfo | None = None) -> bool:
        try:
            with open(self.folder / name, "rb") as file:
                if os.fstat(file.fileno()).st_size != fingerprint.size:
                    return False
                return hashlib.file_digest(file, "sha256").hexdigest() == fingerprint.sha256
        except OSError:
            return False

    def confirmed_md5(self, name: str, size: int, md5: str) -> str:
        return ""

    def job_folder(self) -> Path:
        return self.folder / ".batch" / "jobs"


class _FileLog:
    """A log in one file, which is created with its first line."""

    def __init__(self, path: Path):
        self._path, self._handle = path, None

    def append(self, line: bytes) -> None:
        try:
            if self._handle is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                self._handle = os.open(self._path, flags, 0o666)
            size = os.fstat(self._handle).st_size
            try:
                written = os.write(self._handle, line)
                if written < len(line):
                    os.write(self._handle, line[written:])
                os.fsync(self._handle)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(self._handle, size)
                raise
        except OSError as error:
            raise StoreError(f"{self._path}: cannot be written ({error.strerror})") from error

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
