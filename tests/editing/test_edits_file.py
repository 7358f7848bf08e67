from __future__ import annotations

import json

import pytest

from skelstream.editing import Drop, Merge, Name, Split, edited, read_edits, write_edits
from skelstream.errors import FormatError

EDITS = (Split(1, 20), Merge((2, 3)), Name(1, "Anna"), Drop((2,)))


def test_what_is_written_is_read(two_walkers, tmp_path):
    write_edits(tmp_path / "a.json", EDITS, two_walkers)
    file = read_edits(tmp_path / "a.json")
    assert file.edits == EDITS and file.tracks == {1: 29, 2: 14}
    file.check(two_walkers)


def test_edits_for_other_identities_are_refused(two_walkers, tmp_path):
    write_edits(tmp_path / "a.json", EDITS, two_walkers)
    other = edited(two_walkers, [Split(1, 20)])
    with pytest.raises(FormatError, match="track 1 has 15 poses here and had 29 there"):
        read_edits(tmp_path / "a.json").check(other)


def test_a_file_by_hand_needs_no_tracks(two_walkers, tmp_path):
    (tmp_path / "a.json").write_text('{"skelstream_edits": 1, "edits": [{"drop": [2]}]}')
    file = read_edits(tmp_path / "a.json")
    assert file.edits == (Drop((2,)),)
    file.check(two_walkers)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not JSON"),
        ("[]", "the file is"),
        ({}, "skelstream_edits is None"),
        ({"skelstream_edits": 2, "edits": []}, "skelstream_edits is 2"),
        ({"skelstream_edits": 1}, "edits is None"),
        ({"skelstream_edits": 1, "edits": [{"drop": [1]}, {"drop": "1"}]}, r"edits\[1\].drop is '1'"),
        ({"skelstream_edits": 1, "edits": [], "tracks": {"x": 3}}, "an id in tracks is 'x'"),
        ({"skelstream_edits": 1, "edits": [], "tracks": {"1": -3}}, "tracks.1 is -3"),
        ({"skelstream_edits": 1, "edits": [], "tracks": {"9" * 5000: 3}}, "an id in tracks"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path, content, message):
    path = tmp_path / "a.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(FormatError, match=message) as error:
        read_edits(path)
    assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(FormatError, match=r"gone\.json: no such file"):
        read_edits(tmp_path / "gone.json")
