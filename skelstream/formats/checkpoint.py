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
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

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
        """Yield the whole blocks, each with its state, up to the first that is incomplete, damaged or out of order."""
        with open(self.path, "rb") as file:
            for block, state, _ in _blocks(file):
                yield block, state

    def cut(self, blocks: int) -> None:
        """Remove what follows the first ``blocks`` whole blocks."""
        with open(self.path, "r+b") as file:
            _facts(file)
            ends = [file.tell(), *(end for _, _, end in islice(_blocks(file), blocks))]
            file.truncate(ends[-1])


def _facts(file: BinaryIO) -> dict[str, Any]:
    file.seek(0)
    if file.read(len(_HEAD)) != _HEAD:
        raise FormatError(
            "not a checkpoint of this version of skelstream, or damaged; extract the video again"
        )
    return mapping(parse_json(file.readline(_LONGEST_FACTS), "its first line"), "its first line")


def _blocks(file: BinaryIO) -> Iterator[tuple[Block, bytes, int]]:
    """Yield each whole block with its state and its end in the file."""
    joints = len(_skeleton(_facts(file)))
    last = -1
    for payload in _payloads(file):
        try:
            block, state = _unpacked(payload)
            check_block(block, joints, after=last)
        except Exception:  # damaged bytes make zipfile and numpy raise too many exceptions to list
            return
        last = int(block["frame_index"][-1])
        yield block, state, file.tell()


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
        sequence = builder.finish(lambda: (block for block, _ in file.blocks()))
    except (IndexError, ValueError) as error:  # blocks that are whole, and do not fit each other
        raise FormatError("damaged checkpoint; extract the video again") from error
    partial = f"the extraction was interrupted: these are the first {sequence.frames} frames"
    warnings = [*sequence.meta["warnings"], partial]
    return replace(sequence, meta={**sequence.meta, **facts["meta"], "partial": True, "warnings": warnings})


FORMAT = Format("checkpoint", (".checkpoint",), "checkpoint of an interrupted extraction", read=read)
