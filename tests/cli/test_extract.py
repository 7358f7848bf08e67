from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

import skelstream.estimation.pose_estimator
from skelstream.cli import app
from skelstream.cli.progress import ClipProgress, FrameProgress
from skelstream.formats import load
from skelstream.video import VideoWriter


@pytest.fixture
def extract(bars, monkeypatch):
    monkeypatch.setattr(skelstream.estimation.pose_estimator, "PoseEstimator", lambda *a, **k: bars())

    def run(*arguments):
        return CliRunner().invoke(app, ["extract", *map(str, arguments)])

    return run


def test_a_file_a_sheet_and_a_summary(extract, walk, tmp_path):
    result = extract(walk, "-o", tmp_path / "out.npz", "--sheet", tmp_path / "sheet.png")
    assert result.exit_code == 0, result.output
    assert len(load(tmp_path / "out.npz").track_ids) == 2
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")
    for word in ("frames", "40", "tracks", "decode", "detection", "grouping", "tracking", "out.npz"):
        assert word in result.stderr
    assert result.stdout == ""


def test_quiet_prints_nothing(extract, walk, tmp_path):
    result = extract(walk, "-o", tmp_path / "out.npz", "--quiet")
    assert result.exit_code == 0 and result.output == ""


def test_json_lines_on_standard_output(extract, walk):
    result = extract(walk, "-o", "-", "--end", 1)
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["frame"] for row in rows] == list(range(20))
    assert [len(row["people"]) for row in rows] == [1] * 10 + [2] * 10


def test_empty_frames_have_a_line(extract, tmp_path, draw_bars):
    path = tmp_path / "mostly_empty.mp4"
    with VideoWriter(path, 64, 160, fps=10) as writer:
        for i in range(9):
            writer.write(draw_bars(*[50] * (i == 4)), i / 10)
    rows = [json.loads(line) for line in extract(path, "-o", "-").stdout.splitlines()]
    assert [row["frame"] for row in rows] == list(range(9))
    assert [len(row["people"]) for row in rows] == [0] * 4 + [1] + [0] * 4


def test_the_default_output_is_named_after_the_source(extract, walk, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert extract(walk).exit_code == 0
    assert (tmp_path / "walk.npz").exists()


def test_a_folder_of_results_continues(extract, walk, tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"nothing")
    first = extract(walk, tmp_path / "broken.mp4", "-o", tmp_path / "out")
    assert first.exit_code == 1
    assert "broken.mp4" in first.stderr and "1 extracted, 0 done before, 1 failed" in first.stderr
    second = extract(walk, tmp_path / "broken.mp4", "-o", tmp_path / "out")
    assert "0 extracted, 1 done before, 1 failed" in second.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["missing.mp4"], 1, "missing.mp4 does not exist"),
        (["missing.mp4", "-o", "x.unknown"], 1, "x.unknown"),
        (["a.mp4", "b.mp4"], 2, "need a folder as output"),
        (["a.mp4", "--every", "0"], 2, "--every"),
        (["a.mp4", "--format", "foo"], 2, "unknown format 'foo'"),
        (["a.mp4", "--format", "kinetics", "-o", "b.json"], 2, "give a name without .json (--output)"),
        (["a.mp4", "--skeleton", "foo"], 2, "or holistic543 (--skeleton)"),
        (["a.mp4", "--region", "1,2"], 2, "100,0,500,480 or 25%,0,75%,100% (--region)"),
        (["a.mp4", "--region", "9,9,1,1"], 2, "region 9,9,1,1 is empty"),
        (["a.mp4", "--start", "5", "--end", "1"], 2, "give seconds after the start (--end)"),
        (["a.mp4", "-o", "-", "--sheet", "a.png"], 2, "takes JSON lines"),
        (["a.mp4", "-o", "-", "--format", "csv"], 2, "takes JSON lines"),
    ],
)
def test_errors_are_one_line_with_an_exit_status(extract, tmp_path, monkeypatch, arguments, status, words):
    monkeypatch.chdir(tmp_path)
    result = extract(*arguments)
    assert result.exit_code == status and words in result.stderr.replace("\n", " ")
    assert "Traceback" not in result.output and list(tmp_path.iterdir()) == []


def test_an_existing_file_is_not_replaced(extract, walk, tmp_path):
    (tmp_path / "out.npz").write_bytes(b"precious")
    result = extract(walk, "-o", tmp_path / "out.npz")
    assert result.exit_code == 1 and "--overwrite" in result.stderr
    assert (tmp_path / "out.npz").read_bytes() == b"precious"


def test_debug_shows_the_traceback(extract):
    result = extract("missing.mp4", "--debug")
    assert type(result.exception).__name__ == "SourceError"


def test_other_formats_and_joints(extract, walk, tmp_path):
    result = extract(walk, "-o", tmp_path / "json", "--format", "openpose")
    assert result.exit_code == 0 and len(list((tmp_path / "json").glob("*_keypoints.json"))) == 40, (
        result.output
    )
    assert (
        extract(walk, "-o", tmp_path / "c.npz", "--skeleton", "coco17", "--fill", 0.5, "--smooth").exit_code
        == 0
    )
    sequence = load(tmp_path / "c.npz")
    assert sequence.skeleton.name == "coco17" and sequence.raw is not None


def test_a_stream_is_smoothed(extract, walk):
    plain, smooth = (
        [
            json.loads(line)["people"][0]["keypoints"][0][0]
            for line in extract(walk, "-o", "-", *more).stdout.splitlines()
        ]
        for more in ([], ["--smooth"])
    )
    assert plain != smooth and abs(plain[20] - smooth[20]) < 8
    assert extract(walk, "-o", "-", "--fill", 1).exit_code == 2


def test_few_images_have_the_same_people_with_and_without_tracking(extract, tmp_path, draw_bars):
    with VideoWriter(tmp_path / "ten.mp4", 64, 160, fps=10, quality=5) as writer:
        for i in range(100):
            writer.write(draw_bars(30, 120) if i >= 20 else draw_bars(), i / 10)
    rows = {}
    for every in (15, 16, 30):
        result = extract(tmp_path / "ten.mp4", "-o", tmp_path / f"{every}.npz", "--every", every, "-q")
        found = load(tmp_path / f"{every}.npz")
        rows[every] = len(found.frame)
        assert ("not followed" in result.stderr) == (every > 15) == bool(found.meta["warnings"])
    assert rows == {15: 10, 16: 10, 30: 6}


@pytest.mark.parametrize(
    ("options", "tracks"),
    [
        ([], 2),
        (["--no-tracking"], 60),
        (["--min-observations", 25], 1),
        (["--tracker", "sort"], 2),
        (["--max-interval", 0.01], 60),
    ],
)
def test_settings_reach_the_tracker(extract, walk, tmp_path, options, tracks):
    assert extract(walk, "-o", tmp_path / "out.npz", "-q", *options).exit_code == 0
    assert len(load(tmp_path / "out.npz")) == tracks


def test_wrong_settings_of_the_tracker_are_errors(extract, walk, tmp_path):
    for options in (
        ["--tracker", "magic"],
        ["--no-tracking", "--max-lost", 2],
        ["--no-tracking", "--no-linking"],
    ):
        assert extract(walk, "-o", tmp_path / "out.npz", *options).exit_code == 2


def test_a_folder_of_images_keeps_its_times_and_names(extract, tmp_path, draw_bars):
    import cv2

    (tmp_path / "frames").mkdir()
    for number in (1, 2, 3, 6, 7):
        cv2.imwrite(str(tmp_path / "frames" / f"img_{number:05}.png"), draw_bars(20 + number))
    result = extract(tmp_path / "frames", "-o", tmp_path / "out.npz", "--rate", 25)
    assert result.exit_code == 0 and "2 of 7 images are missing" in result.stderr.replace("\n", " ")
    found = load(tmp_path / "out.npz")
    assert found.frame_index.tolist() == [1, 2, 3, 6, 7]
    assert found.frame_time == pytest.approx([0, 0.04, 0.08, 0.2, 0.24])
    assert found.meta["images"][3] == "img_00006.png" and found.track_start.tolist() == [0, 5]


def test_one_source_into_a_folder(extract, walk, tmp_path):
    (tmp_path / "d").mkdir()
    result = extract(walk, "-o", f"{tmp_path}/d/")
    assert result.exit_code == 0, result.output
    assert "1 extracted" in result.stderr and load(tmp_path / "d" / "walk.npz").frames == 40


def test_the_sheet_cannot_replace_the_output(extract, walk, tmp_path):
    assert extract(walk, "-o", tmp_path / "a.npz", "--sheet", tmp_path / "a.npz").exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["walk.mp4"]


def test_the_sheet_does_not_replace_the_video(extract, walk, tmp_path):
    video = tmp_path / "walk.mp4"
    video.write_bytes(walk.read_bytes())
    result = extract(video, "-o", tmp_path / "a.npz", "--sheet", video, "--overwrite")
    assert result.exit_code == 1 and "walk.mp4 would replace the input" in result.stderr
    assert video.read_bytes() == walk.read_bytes() and not (tmp_path / "a.npz").exists()


@pytest.mark.parametrize("name", ["output", "sheet", "source"])
def test_a_name_that_the_file_system_rejects(extract, walk, tmp_path, name):
    long = tmp_path / f"{'x' * 300}.npz"
    arguments = {
        "output": [walk, "-o", long],
        "sheet": [walk, "-o", tmp_path / "a.npz", "--sheet", long],
        "source": [long, walk, "-o", tmp_path / "out"],
    }[name]
    result = extract(*arguments)
    assert result.exit_code == 1 and "File name too long" in result.stderr
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_a_result_of_another_source_names_the_option_that_replaces_it(extract, walk, tmp_path):
    (tmp_path / "out").mkdir()
    assert extract(walk, "-o", tmp_path / "out" / "walk.npz").exit_code == 0
    (tmp_path / "b").mkdir()
    other = tmp_path / "b" / "walk.mp4"
    other.write_bytes(walk.read_bytes())
    result = extract(other, "-o", f"{tmp_path}/out/")
    assert result.exit_code == 1 and "or replace it with --overwrite" in result.stderr


def test_the_summary_says_what_its_counts_are_and_what_to_do_next(extract, walk, tmp_path):
    out = tmp_path / "my walk.npz"
    result = extract(walk, "-o", out)
    rows = {line.split()[0]: line for line in result.stderr.splitlines() if line.strip()}
    assert "60 in these tracks, 1.5 per frame" in rows["poses"]
    assert "stages run at the same time" in " ".join(result.stderr.split())
    assert f"see it in a browser: skelstream view '{out}'" in result.stderr
    written_only = extract(walk, "-o", tmp_path / "array", "--format", "stgcn")
    assert written_only.exit_code == 0 and "skelstream view" not in written_only.stderr


@pytest.mark.parametrize("many", [False, True])
def test_a_slow_runtime_is_mentioned_once(extract, walk, tmp_path, monkeypatch, many):
    monkeypatch.setattr("skelstream.runtimes.registry.faster_runtime", lambda *_: "OpenVINO is faster")
    target = ["-o", f"{tmp_path}/out/"] if many else ["-o", tmp_path / "a.npz"]
    assert extract(walk, *target).stderr.count("OpenVINO is faster") == 1


def test_progress_says_that_networks_are_loaded(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    for sources in (1, 3):
        with FrameProgress("clip.mp4", quiet=False, sources=sources):
            pass
        assert "loading the networks" in capsys.readouterr().err
    with ClipProgress("extracting", 5, quiet=False, waiting="loading the networks"):
        pass
    assert "loading the networks" in capsys.readouterr().err


def test_tracks_that_a_format_leaves_out_are_told(extract, walk, tmp_path, monkeypatch):
    monkeypatch.setattr("skelstream.formats.pyskl._PERSONS", 1)
    for arguments in (["-o", tmp_path / "a", "-f", "pyskl"], ["-o", f"{tmp_path}/out/", "-f", "pyskl"]):
        result = extract(walk, *arguments)
        assert result.exit_code == 0
        assert "walk: 1 of 2 tracks kept" in result.stderr and "--persons 2 to keep all" in result.stderr
