"""The page's rules of editing are those of ``skelstream.editing``: the script runs in node."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import skelstream.viewer
from skelstream.editing import Drop, Edit, Merge, Name, Split, Swap, edited
from skelstream.errors import FormatError

SCRIPT = Path(skelstream.viewer.__file__).parent / "page" / "edits.js"
PROGRAM = """
const { cases, first } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const done = cases.map((edits) => {
  try {
    const { ids, names } = applyEdits(edits, first);
    return { ids: Array.from(ids), names: Object.fromEntries(names) };
  } catch (error) { return { error: error.message }; }
});
console.log(JSON.stringify(done));
"""


def random_edit(choice: random.Random) -> Edit:
    one, other = choice.sample(range(1, 7), 2)
    frame = choice.randrange(0, 20)
    return choice.choice(
        [Merge((one, other)), Split(one, frame), Swap((one, other), frame), Name(one, "N"), Drop((one,))]
    )


def test_the_script_makes_of_edits_what_python_makes(make_walkers, make_figure):
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine")

    def present(i):
        return {track: make_figure(20 * track, 40, 100) for track in (1, 2, 4, 5) if (i // 5) % track == 0}

    sequence = make_walkers(np.arange(20) / 10, present)
    row_ids = sequence.track_ids[sequence.track_of_row()]
    choice = random.Random(0)
    cases = [[random_edit(choice) for _ in range(choice.randrange(1, 6))] for _ in range(500)]
    asked = {
        "cases": [[edit.to_json() for edit in edits] for edits in cases],
        "first": {
            "ids": row_ids.tolist(),
            "frames": sequence.frame_index[sequence.frame].tolist(),
            "names": {"4": "D"},
        },
    }
    program = SCRIPT.read_text("utf-8") + PROGRAM
    done = subprocess.run([node, "-e", program], input=json.dumps(asked), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    possible = 0
    named = edited(sequence, [Name(4, "D")])
    for edits, answer in zip(cases, json.loads(done.stdout), strict=True):
        try:
            wanted = edited(named, edits)
        except FormatError:
            assert "error" in answer, edits
            continue
        possible += 1
        tracks: dict[int, list[int]] = {}
        for row, one in enumerate(answer["ids"]):
            if one >= 0:
                tracks.setdefault(one, []).append(int(sequence.frame[row]))
        assert {k: sorted(v) for k, v in tracks.items()} == {t.id: t.frame.tolist() for t in wanted}, edits
        assert answer["names"] == wanted.meta.get("names", {}), edits
    assert 50 < possible < 450
