"""The frames so far of an extraction that is at work: blocks that are only ever added, each with a checksum.

What a kill leaves behind is at most a block without an end, which does not count.
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
# Before each block: its length and its CRC-32.
_LENGTH, _CRC = 8, 4
_STATE = "state"


class CheckpointFile:
    """A file of blocks.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path):
        self.path = path

    def begin(self, facts: dict[str, Any]) -> None:
        """Makes the file anew.

        Args:
            facts: JSON values that say what it belongs to; ``meta`` is that of the sequence.
        """
        with open(self.path, "wb") as file:
            file.write(_HEAD + json.dumps(facts, sort_keys=True).encode() + b"\n")

    def facts(self) -> dict[str, Any]:
        """What ``begin`` was given.

        Raises:
            FormatError: it is no such file.
        """
        with open(self.path, "rb") as file:
            return _facts(file)

    def add(self, block: Block, state: bytes) -> None:
        """Adds a block, and where the work stood after it; both are on the disk when this returns.

        Raises:
            OSError: they cannot be written; nothing of them is left.
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
        """The whole blocks, each with its state."""
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
        """Removes what a kill left after the last whole block."""
        with open(self.path, "r+b") as file:
            _facts(file)
            end = file.tell()
            for _ in _payloads(file):
                end = file.tell()
            file.truncate(end)


def _facts(file: Any) -> dict[str, Any]:
    if file.read(len(_HEAD)) != _HEAD:
        raise FormatError("no checkpoint of this version of skelstream, or damaged")
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
    """The frames so far.

    Raises:
        FormatError: the file is foreign or damaged.
    """
    file = CheckpointFile(path)
    meta = mapping(file.facts().get("meta"), "meta")
    skeleton = skeleton_named(string(meta.get("skeleton"), "skeleton"))
    builder = SequenceBuilder(skeleton, source=path.name, height=None, width=None)
    try:
        sequence = builder.finish(lambda: (block for block, _ in file.blocks()))
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise FormatError("damaged") from error
    told = f"the work was broken off: these are the first {sequence.frames} frames"
    warnings = [*sequence.meta["warnings"], told]
    return replace(sequence, meta={**sequence.meta, **meta, "partial": True, "warnings": warnings})


FORMAT = Format("checkpoint", (".checkpoint",), "read only: what a killed extraction left", read=read)
