"""Values of other types and ranges than they should have: each is named in one line, none becomes another
value."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest

from skelstream.errors import FormatError
from skelstream.formats import load, save
from skelstream.sequences.sequence import ARRAYS

from .conftest import asymmetric, build, load_tracked

HUGE = 10**400
INTEGERS = ("3", True, 1.5, -1, 2**31, 10**30, HUGE, None, [1], float("nan"))
NUMBERS = ("3", True, HUGE, None, [1], float("nan"), float("inf"))


@pytest.fixture
def small():
    return build({i: {1: asymmetric(100 + i, 200, 0.5)} for i in range(3)})


def refuses(path, words, **options):
    with pytest.raises(FormatError, match=words) as caught:
        load(path, **options)
    message = str(caught.value)
    assert message.startswith(str(path)) and message.count(str(path)) == 1
    assert message.isprintable() and len(message) < len(str(path)) + 200


def put(place, value):
    """Sets ``people.0.box`` and the like."""

    def change(line):
        *way, last = [int(step) if step.isdecimal() else step for step in place.split(".")]
        for step in way:
            line = line[step]
        line[last] = value

    return change


BAD_LINES = [
    *(("frame", value) for value in INTEGERS), *(("time", value) for value in NUMBERS),
    *(("ok", value) for value in ("false", "true", 2, "", [], None)),
    *(("size", value) for value in ([1], 5, "640x480", [480, "640"], [0, 640], [480, -640], [480, 10**9], {})),
    *(("skeleton", value) for value in (3, None, ["coco17"], "smurf")),
    *(("people", value) for value in (3, "x", None, [5], {})),
    *(("people.0.id", value) for value in ("1", True, 1.5, -1, 2**31, [1])),
    *(("people.0.confirmed", value) for value in ("false", 2, None)),
    *(("people.0.score", value) for value in (*NUMBERS, 1.5, -0.1)),
    *(("people.0.box", value) for value in (3, [1, 2, 3], ["a"] * 4, [1, 2, 3, float("nan")], [1, 2, 3, HUGE], [1e9] * 4)),
    *(("people.0.keypoints", value) for value in (3, [], [[1, 2, 3]] * 17, [5] * 18)),
    *(("people.0.keypoints.4", value) for value in (3, [1, 2], "abc", ["1", "2", "3"], [1e38, 1, 1], [1, float("inf"), 1])),
]  # fmt: skip


@pytest.mark.parametrize(("place", "value"), BAD_LINES)
def test_json_lines(small, tmp_path, place, value):
    path = tmp_path / "a.jsonl"
    save(small, path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    put(place, value)(lines[1])
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    refuses(path, r"a.jsonl: (line 2: |a position)")


def test_json_lines_that_contradict_each_other(small, tmp_path):
    path = tmp_path / "a.jsonl"
    save(small, path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for change, words in (
        (lambda: lines[1].update(size=[480, 641]), "several sizes"),
        (
            lambda: lines[1].update(size=None, people=lines[0]["people"] * 2),
            "frame 1: two people have the same id",
        ),
        (lambda: lines[1].update(people=[], frame=0), "is not later than frame 0"),
    ):
        change()
        path.write_text("\n".join(map(json.dumps, lines)))
        refuses(path, words)


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_that_not_everyone_has_an_id_is_noted(small, tmp_path, name):
    path, said = tmp_path / name, []
    save(small, path)
    text, track = path.read_text(), small.track_ids[0]
    path.write_text(text.replace(f'"id":{track},', "", 1).replace(f",640,{track},", ",640,,", 1))
    assert path.read_text() != text
    assert load_tracked(path, note=said.append).frames == 3
    assert "some people have no id: all people are tracked again" in " ".join(said)


def test_other_ends_of_lines_are_text(small, tmp_path):
    save(small, tmp_path / "a.jsonl")
    text = (tmp_path / "a.jsonl").read_text()
    (tmp_path / "a.jsonl").write_text(
        text.replace('{"frame"', '{"by":"\u2028\x85","frame"').replace("\n", "\r\n")
    )
    assert load(tmp_path / "a.jsonl").frames == 3


BAD_CELLS = [
    *(("frame", cell) for cell in ("1.5", "-1", "2147483648", "1e30", "inf", "nan", "x")),
    *(("time", cell) for cell in ("inf", "", "x", "1e300")),
    *(("ok", cell) for cell in ("2", "0.5", "false", "-1")),
    *(("height", cell) for cell in ("0", "-5", "1e9", "480.5", "481")),
    *(("track_id", cell) for cell in ("2147483648", "1.5", "-1", "inf")),
    *(("x0", cell) for cell in ("1e38", "inf")),
    *(("nose_x", cell) for cell in ("1e38", "inf", "-1e7", "x")),
]


@pytest.mark.parametrize(("column", "cell"), BAD_CELLS)
def test_csv(small, tmp_path, column, cell):
    path = tmp_path / "a.csv"
    save(small, path)
    header, *lines = [line.split(",") for line in path.read_text().splitlines()]
    lines[1][header.index(column)] = cell
    path.write_text("\n".join(",".join(line) for line in [header, *lines]) + "\n")
    refuses(path, f"a.csv: .*({column}|lines? |position|frame)")


def test_a_column_twice(small, tmp_path):
    path = tmp_path / "a.csv"
    save(small, path)
    path.write_text(path.read_text().replace("neck_x", "nose_x", 1))
    refuses(path, "has the column nose_x twice")


@pytest.mark.parametrize(
    ("column", "value"), [("frame", 2**31), ("track_id", 2**40), ("ok", 3), ("height", -1)]
)
def test_parquet(small, tmp_path, column, value):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"
    save(small, path)
    table = pq.read_table(path)
    values = [value if i == 1 else v for i, v in enumerate(table[column].to_pylist())]
    table = table.set_column(table.column_names.index(column), column, pa.array(values, pa.int64()))
    pq.write_table(table, path)
    refuses(path, f"column {column} has the value -?[0-9.e+]+, a whole number")


@pytest.mark.slow
def test_a_parquet_file_that_unpacks_to_gigabytes(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"
    rows = pa.table({"frame": pa.nulls(10**8, pa.int8()), "nose_x": pa.nulls(10**8, pa.int8())})
    pq.write_table(rows, path)
    refuses(path, "made to fill memory")


BAD_FILES = [
    *(("people", value) for value in (3, None, [5], {})),
    *(("people.0.pose_keypoints_2d", value) for value in (3, "x", [], [1, 2], [1] * 53 + ["1"], [1] * 53 + [HUGE], [1e9] * 54)),
    *(("people.0.person_id", value) for value in ("x", [2**31], [-2], [1.5], [[1]], True)),
]  # fmt: skip


@pytest.mark.parametrize(("place", "value"), BAD_FILES)
def test_openpose(small, tmp_path, place, value):
    folder = tmp_path / "json"
    save(small, folder, "openpose")
    file = folder / "walk_000000000001_keypoints.json"
    content = json.loads(file.read_text())
    put(place, value)(content)
    file.write_text(json.dumps(content))
    refuses(folder, "walk_000000000001_keypoints.json: |a position")


@pytest.mark.parametrize("number", ["2147483648", "1" * 200])
def test_openpose_file_names(small, tmp_path, number):
    folder = tmp_path / "json"
    save(small, folder, "openpose")
    (folder / "walk_000000000002_keypoints.json").rename(folder / f"walk_{number}_keypoints.json")
    refuses(folder, "the number of walk_[12]+")


def edited(sequence, path, meta=(), **arrays):
    """The sequence's file with other facts or arrays."""
    facts = {**sequence.meta, "version": 1, **dict(meta)}
    stored = {name: getattr(sequence, name) for name in ARRAYS} | arrays
    np.savez(path, **stored, meta=np.array(json.dumps(facts)))


BAD_FACTS = [
    *(("height", value) for value in ("480", 1.5, -1, 0, True, [480], HUGE, 10**9)),
    *(("width", value) for value in ("640", {}, 1e999)),
    *(("fps", value) for value in ("30", -1, [], float("nan"), HUGE)),
    *(("rotation", value) for value in ("90", 1.5, HUGE, [])),
    *(("source", value) for value in (5, ["a.mp4"], "a\0b.mp4", {})),
    *(("model", value) for value in (5, [1])),
    *(("weights_sha256", value) for value in (5, {"a": 1})),
    *(("skeleton", value) for value in (5, None, ["openpose18"], "smurf")),
    *(("joints", value) for value in (5, "nose", [1] * 18, ["nose"])),
    *(("limbs", value) for value in (5, [1], [[1, 2, 3]], [["a", "b"]], [[0, HUGE]])),
    *(("flip_pairs", value) for value in (5, [None])),
    *(("versions", value) for value in (5, ["a"], {"torch": 2})),
    *(("settings", value) for value in (5, [1], "x")),
    *(("images", value) for value in (5, [1], ["a.jpg"])),
    *(("warnings", value) for value in ("x", [[]])),
    *(("unheard", value) for value in (float("nan"), {"a": [1e999]})),
]


@pytest.mark.parametrize(("name", "value"), BAD_FACTS)
def test_meta(small, tmp_path, name, value):
    edited(small, tmp_path / "a.npz", [(name, value)])
    refuses(tmp_path / "a.npz", f"meta's {name}|unknown joint set|meta's joints|a version of|meta's version")


def test_whole_numbers_may_be_written_with_a_point(small, tmp_path):
    edited(small, tmp_path / "a.npz", {"height": 480.0, "unheard": [1]}.items())
    sequence = load(tmp_path / "a.npz")
    assert (
        sequence.size == (480, 640) and isinstance(sequence.size[0], int) and sequence.meta["unheard"] == [1]
    )


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"frame_index": np.array([0, 1, 2**31])}, "frame_index must lie in"),
        ({"frame_index": np.array([0, 1, 2**63], np.uint64)}, "frame_index must lie in"),
        ({"frame_index": np.array([-3, 0, 1])}, "frame_index must increase, from 0"),
        ({"track_ids": np.array([2**31])}, "track_ids must lie in"),
        ({"track_ids": np.array([-5])}, "track_ids must be unique and not negative"),
        ({"frame": np.array([0, 1, 2**32])}, "frame must lie in"),
        ({"keypoints": np.full((3, 18, 2), 1e38, np.float32)}, "keypoints must be finite and lie within"),
        ({"keypoints": np.full((3, 18, 2), 1e300)}, "keypoints must be finite and lie within"),
        ({"boxes": np.full((3, 4), -1e9)}, "boxes must be finite and lie within"),
        ({"scores": np.full((3, 18), 1e300)}, "scores must lie in 0 to 1"),
        ({"frame_time": np.array([0, 1, 1e300])}, "frame_time must be finite"),
        ({"frame_ok": np.array(["a", "b", "c"])}, "frame_ok has dtype"),
        ({"keypoints": np.zeros((3, 17, 2), np.float32)}, "scores has shape .*, but V is 17"),
        ({"boxes": np.zeros((2, 4), np.float32)}, "boxes has shape .*, but N is 3"),
        ({"boxes": np.zeros(4, np.float32)}, "boxes has shape .*, expected"),
    ],
)
def test_arrays(small, tmp_path, arrays, words):
    edited(small, tmp_path / "a.npz", **arrays)
    refuses(tmp_path / "a.npz", words)


def zeros(path, name, shape, dtype="<f4"):
    """Adds an array of zeros that takes next to no room."""
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file,
        file.open(f"{name}.npy", "w", force_zip64=True) as stream,
    ):
        np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
        for _ in range(int(np.prod(shape)) * 4 // 2**20):
            stream.write(bytes(2**20))


@pytest.mark.slow
def test_a_file_that_unpacks_to_much_more_is_refused_before(small, tmp_path):
    path = tmp_path / "a.npz"
    arrays = {name: getattr(small, name) for name in ARRAYS if name != "keypoints"}
    np.savez_compressed(path, **arrays, meta=np.array(json.dumps({**small.meta, "version": 1})))
    zeros(path, "keypoints", (2**19, 256, 2))
    assert path.stat().st_size < 2e6
    refuses(path, "made to fill memory: [0-9,]* bytes claim to contain 1,073,")


def test_a_header_that_claims_more_than_there_is(small, tmp_path):
    path = tmp_path / "a.npz"
    arrays = {name: getattr(small, name) for name in ARRAYS if name != "keypoints"}
    np.savez(path, **arrays, meta=np.array(json.dumps({**small.meta, "version": 1})))
    with zipfile.ZipFile(path, "a") as file, file.open("keypoints.npy", "w") as stream:
        np.lib.format.write_array_header_1_0(
            stream, {"descr": "<f4", "fortran_order": False, "shape": (2**40, 18, 2)}
        )
    refuses(path, "keypoints claims .* bytes and has")


def test_a_clean_part_that_is_incomplete(small, tmp_path):
    edited(small, tmp_path / "a.npz", clean_keypoints=small.keypoints)
    refuses(tmp_path / "a.npz", "clean_keypoints but no clean_scores")


def test_packed_files_are_read(small, tmp_path):
    arrays = {name: getattr(small, name) for name in ARRAYS}
    np.savez_compressed(tmp_path / "a.npz", **arrays, meta=np.array(json.dumps({**small.meta, "version": 1})))
    assert load(tmp_path / "a.npz").equals(small)
