"""Checkpoint file of a running extraction: the frames so far in appended blocks, each with a checksum.

A kill or a power cut leaves an incomplete block or zeros at the end. What follows the last whole block does not count.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.json import parse_json
from skelstream.files.values import mapping, string
from skelstream.formats.format import Format, ReadOptions
from skelstream.formats.zipped import array_header, get_array, put_array
from skelstream.sequences import SequenceBuilder, SkeletonSequence
from skelstream.sequences.builder import Block, check_block
from skelstream.skeleton import Skeleton, skeleton_named

_HEAD = b"skelstream checkpoint 1\n"
# Bytes of the length and the CRC-32 before each block.
_LENGTH, _CRC = 8, 4
_STATE = "state"
_LONGEST_FACTS = 2**24


class StoredBlock(NamedTuple):
    """Block of a checkpoint file.

    Attributes:
        block: arrays by name.
        state: the extraction's state after the block.
        end: end of the block in the file, in bytes.
    """

    block: Block
    state: bytes
    end: int


class CheckpointFile:
    """Checkpoint file; a context manager that closes it.

    Once written to, it stays open: its blocks can be read even after another program removes or renames it.

    Args:
        path: path of the file.
    """

    def __init__(self, path: Path):
        self.path = path
        self._file: io.FileIO | None = None

    def __enter__(self) -> CheckpointFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; it can be used again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def begin(self, facts: dict[str, Any]) -> None:
        """Create the file, replacing an existing one.

        Args:
            facts: JSON values that identify the extraction; ``meta`` is that of the sequence.
        """
        self.close()
        self.path.open("wb").close()
        self._append(_HEAD + json.dumps(facts, sort_keys=True).encode() + b"\n")

    def facts(self) -> dict[str, Any]:
        """Return the facts that ``begin`` wrote.

        Raises:
            FormatError: the file is not a checkpoint.
        """
        with self._reading() as file:
            return _facts(file)

    def add(self, block: Block, state: bytes) -> None:
        """Append a block and the extraction's state after it; both are on disk when this returns.

        Raises:
            OSError: they cannot be written; the file is unchanged.
        """
        content = io.BytesIO()
        with zipfile.ZipFile(content, "x") as file:
            for name, array in {**block, _STATE: np.frombuffer(state, np.uint8)}.items():
                put_array(file, name, array)
        payload = content.getvalue()
        head = len(payload).to_bytes(_LENGTH, "little") + zlib.crc32(payload).to_bytes(_CRC, "little")
        self._append(head + payload)

    def blocks(self) -> Iterator[StoredBlock]:
        """Yield the whole blocks, up to the first that is incomplete, damaged or out of order."""
        with self._reading() as file:
            yield from _blocks(file)

    def cut(self, end: int) -> None:
        """Remove what follows the first ``end`` bytes."""
        self._writable().truncate(end)

    def remove(self) -> None:
        """Remove the file, unless another program put something else in its place."""
        file = self._writable()
        with suppress(OSError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(self.path)):
                self.path.unlink()

    def _append(self, content: bytes) -> None:
        file = self._writable()
        end, rest = file.seek(0, os.SEEK_END), memoryview(content)
        try:
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
        except OSError:
            with suppress(OSError):
                file.truncate(end)
            raise

    def _writable(self) -> io.FileIO:
        if self._file is None:
            self._file = io.FileIO(self.path, "r+")
        return self._file

    def _reading(self) -> BinaryIO:
        return self.path.open("rb") if self._file is None else os.fdopen(os.dup(self._file.fileno()), "rb")


def _facts(file: BinaryIO) -> dict[str, Any]:
    file.seek(0)
    if file.read(len(_HEAD)) != _HEAD:
        raise FormatError(
            "not a checkpoint of this version of skelstream, or damaged; extract the video again"
        )
    return mapping(parse_json(file.readline(_LONGEST_FACTS), "its first line"), "its first line")


def _blocks(file: BinaryIO) -> Iterator[StoredBlock]:
    joints = len(_skeleton(_facts(file)))
    last = -1
    for payload in _payloads(file):
        try:
            block, state = _unpacked(payload)
            check_block(block, joints, after=last)
        except Exception:  # damaged bytes make zipfile and numpy raise too many exceptions to list
            return
        last = int(block["frame_index"][-1])
        yield StoredBlock(block, state, file.tell())


def _payloads(file: BinaryIO) -> Iterator[bytes]:
    while True:
        head = file.read(_LENGTH + _CRC)
        size = int.from_bytes(head[:_LENGTH], "little")
        left = os.fstat(file.fileno()).st_size - file.tell()
        if len(head) < _LENGTH + _CRC or not 0 < size <= left:
            return
        payload = file.read(size)
        if zlib.crc32(payload) != int.from_bytes(head[_LENGTH:], "little"):
            return
        yield payload


def _unpacked(payload: bytes) -> tuple[Block, bytes]:
    with zipfile.ZipFile(io.BytesIO(payload)) as arrays:
        if sum(entry.file_size for entry in arrays.infolist()) > len(payload):
            raise FormatError("claims to contain more than it has")
        for entry in arrays.infolist():
            array_header(arrays, entry)
        block = {entry.filename.removesuffix(".npy"): get_array(arrays, entry) for entry in arrays.infolist()}
    return block, block.pop(_STATE).tobytes()


def _skeleton(facts: dict[str, Any]) -> Skeleton:
    return skeleton_named(string(mapping(facts.get("meta"), "meta").get("skeleton"), "skeleton"))


def read(path: Path, options: ReadOptions) -> SkeletonSequence:
    """Read the frames so far.

    Raises:
        FormatError: the file is not a checkpoint, or damaged.
    """
    file = CheckpointFile(path)
    facts = file.facts()
    builder = SequenceBuilder(_skeleton(facts), source=path.name, height=None, width=None)
    try:
        sequence = builder.finish(lambda: (stored.block for stored in file.blocks()))
    except (IndexError, ValueError) as error:  # blocks that are whole, and do not fit each other
        raise FormatError("damaged checkpoint; extract the video again") from error
    partial = f"the extraction was interrupted: these are the first {sequence.frames} frames"
    warnings = [*sequence.meta["warnings"], partial]
    return replace(sequence, meta={**sequence.meta, **facts["meta"], "partial": True, "warnings": warnings})


FORMAT = Format("checkpoint", (".checkpoint",), "checkpoint of an interrupted extraction", read=read)
