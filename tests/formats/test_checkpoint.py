from __future__ import annotations

import numpy as np
import pytest

from skelstream.errors import FormatError
from skelstream.formats import load
from skelstream.formats.checkpoint import CheckpointFile
from skelstream.sequences import SequenceBuilder
from skelstream.skeleton import OPENPOSE18
from skelstream.tracking.tracked import TrackedPeople


@pytest.fixture
def file(tmp_path):
    """Three blocks of a frame each."""
    builder = SequenceBuilder(OPENPOSE18, source="a.mp4", height=64, width=96)
    with CheckpointFile(tmp_path / "a.checkpoint") as file:
        file.begin({"meta": builder.meta})
        for i in range(3):
            builder.add(TrackedPeople.failed(i, i / 10, 18))
            file.add(builder.take_block(), bytes([i]))
        yield file


def test_blocks_are_one_sequence(file):
    sequence = load(file.path)
    assert sequence.frame_index.tolist() == [0, 1, 2] and sequence.meta["source"] == "a.mp4"
    assert sequence.meta["partial"] is True and "first 3 frames" in sequence.meta["warnings"][-1]
    assert [stored.state for stored in file.blocks()] == [b"\0", b"\1", b"\2"]


def test_a_file_that_another_program_removes_can_still_be_read(file):
    file.path.unlink()
    assert len(list(file.blocks())) == 3


def test_every_cut_leaves_whole_blocks(file):
    content, last = file.path.read_bytes(), list(file.blocks())[-1].block
    ends = [len(content)]
    for cut in range(len(content) - 1, len(content) * 2 // 3, -97):
        file.path.write_bytes(content[:cut])
        assert len(list(file.blocks())) in (1, 2)
        file.cut(list(file.blocks())[-1].end)
        ends.append(file.path.stat().st_size)
    assert len(set(ends)) <= 3
    file.add(last, b"more")
    assert list(file.blocks())[-1].state == b"more"


def test_a_changed_byte_ends_it(file):
    content = bytearray(file.path.read_bytes())
    content[-100] ^= 1
    file.path.write_bytes(content)
    assert len(list(file.blocks())) == 2


def test_zeros_and_repeated_blocks_at_the_end_do_not_count(file):
    content, facts = file.path.read_bytes(), file.facts()
    file.path.write_bytes(content + bytes(4096))
    assert len(list(file.blocks())) == 3 and load(file.path).frames == 3
    block, state, end = list(file.blocks())[-1]
    file.cut(end)
    assert file.path.read_bytes() == content
    file.add(block, state)
    assert len(list(file.blocks())) == 3
    file.begin(facts)
    assert not list(file.blocks())


@pytest.mark.parametrize(
    "planted",
    [
        {"frame_index": np.array([], np.int32)},
        {"frame_index": np.array([2**31 - 1, -5], np.int32)},
        {"scores": np.zeros((0, 17), np.float32)},
        {"track": np.zeros(0, np.float64)},
        {"boxes": np.zeros(3, np.float32)},
        {"confirmed": np.array("x")},
        {"more": np.zeros(1)},
    ],
)
def test_planted_blocks_do_not_count(file, planted):
    block, state, end = list(file.blocks())[-1]
    later = {**block, "frame_index": np.array([3], np.int32), "frame_time": np.array([3.0])}
    file.add({**later, **planted}, state)
    assert load(file.path).frames == 3
    file.cut(end)
    file.add(later, state)
    assert load(file.path).frames == 4


@pytest.mark.parametrize(
    "meta", [None, [], {"skeleton": 3}, {"skeleton": "none"}, {"skeleton": "openpose18", "fps": []}]
)
def test_planted_facts_are_refused(tmp_path, meta):
    with CheckpointFile(tmp_path / "b.checkpoint") as file:
        file.begin({"meta": meta})
    with pytest.raises(FormatError, match="b.checkpoint"):
        load(tmp_path / "b.checkpoint")


@pytest.mark.parametrize(
    "content", [b"", b"skelstream checkpoint 1\n", b"skelstream checkpoint 1\n{}\n", b"PK"]
)
def test_rubbish_is_refused(tmp_path, content):
    (tmp_path / "b.checkpoint").write_bytes(content)
    with pytest.raises(FormatError, match="b.checkpoint"):
        load(tmp_path / "b.checkpoint")
