"""Checkpoint file of a running extraction: the frames so far in appended blocks, each with a checksum.

A kill leaves at most one incomplete block at the end, which is ignored.
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
from typing import Any

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.json import parse_json
from skelstream.files.values import mapping, string
from skelstream.formats.format import Format, ReadOptions
from skelstream.formats.zipped import put_array
from skelstream.sequences import SequenceBuilder, SkeletonSequence
from skelstream.sequences.builder import Block
from skelstream.skeleton import skeleton_named

_HEAD = b"skelstream checkpoint 1\n"
# Bytes of the length and the CRC-32 before each block.
_LENGTH, _CRC = 8, 4
_STATE = "state"


class CheckpointFile:
    """Checkpoint file.

    Args:
        path: path of the file.
    """

    def __init__(self, path: Path):
        self.path = path

    def begin(self, facts: dict[str, Any]) -> None:
        """Create the file, replacing an existing one.

        Args:
            facts: JSON values that identify the extraction; ``meta`` is that of the sequence.
        """
        with open(self.path, "wb") as file:
            file.write(_HEAD + json.dumps(facts, sort_keys=True).encode() + b"\n")

    def facts(self) -> dict[str, Any]:
        """Return the facts that ``begin`` wrote.

        Raises:
            FormatError: the file is not a checkpoint.
        """
        with open(self.path, "rb") as file:
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
        with open(self.path, "r+b", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            head = len(payload).to_bytes(_LENGTH, "little") + zlib.crc32(payload).to_bytes(_CRC, "little")
            rest = memoryview(head + payload)
            try:
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
            except OSError:
                with suppress(OSError):
                    file.truncate(end)
                raise

    def blocks(self) -> Iterator[tuple[Block, bytes]]:
        """Yield the complete blocks, each with its state."""
        with open(self.path, "rb") as file:
            _facts(file)
            for payload in _payloads(file):
                with zipfile.ZipFile(io.BytesIO(payload)) as arrays:
                    block = {}
                    for entry in arrays.infolist():
                        with arrays.open(entry) as stream:
                            array = np.lib.format.read_array(stream, allow_pickle=False)
                        block[entry.filename.removesuffix(".npy")] = array
                state = block.pop(_STATE)
                yield block, state.tobytes()

    def cut(self) -> None:
        """Remove an incomplete block at the end of the file."""
        with open(self.path, "r+b") as file:
            _facts(file)
            end = file.tell()
            for _ in _payloads(file):
                end = file.tell()
            file.truncate(end)


def _facts(file: Any) -> dict[str, Any]:
    if file.read(len(_HEAD)) != _HEAD:
        raise FormatError(
            "not a checkpoint of this version of skelstream, or damaged; extract the video again"
        )
    return mapping(parse_json(file.readline(), "its first line"), "its first line")


def _payloads(file: Any) -> Iterator[bytes]:
    while True:
        head = file.read(_LENGTH + _CRC)
        size = int.from_bytes(head[:_LENGTH], "little")
        if len(head) < _LENGTH + _CRC or size > os.fstat(file.fileno()).st_size:
            return
        payload = file.read(size)
        if len(payload) < size or zlib.crc32(payload) != int.from_bytes(head[_LENGTH:], "little"):
            return
        yield payload


def read(path: Path, options: ReadOptions) -> SkeletonSequence:
    """Read the frames so far.

    Raises:
        FormatError: the file is not a checkpoint, or damaged.
    """
    file = CheckpointFile(path)
    meta = mapping(file.facts().get("meta"), "meta")
    skeleton = skeleton_named(string(meta.get("skeleton"), "skeleton"))
    builder = SequenceBuilder(skeleton, source=path.name, height=None, width=None)
    try:
        sequence = builder.finish(lambda: (block for block, _ in file.blocks()))
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise FormatError("damaged checkpoint; extract the video again") from error
    partial = f"the extraction was interrupted: these are the first {sequence.frames} frames"
    warnings = [*sequence.meta["warnings"], partial]
    return replace(sequence, meta={**sequence.meta, **meta, "partial": True, "warnings": warnings})


FORMAT = Format("checkpoint", (".checkpoint",), "checkpoint of an interrupted extraction", read=read)
