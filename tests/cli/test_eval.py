from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from skelstream.cli import app
from skelstream.estimation.protocol import Provenance
from skelstream.geometry.letterbox import turned
from skelstream.people import People
from skelstream.settings import EstimatorSettings
from skelstream.skeleton import COCO17, OPENPOSE18, convert

# A person 100 pixels wide and 200 high, COCO's joints.
STANDING = np.array(
    [
        [50, 10], [55, 5], [45, 5], [62, 10], [38, 10], [75, 45], [25, 45], [90, 80], [10, 80],
        [99, 115], [1, 115], [68, 115], [32, 115], [70, 160], [30, 160], [70, 199], [30, 199],
    ],
    np.float64,
)  # fmt: skip
PLACES = {1: [(20, 30)], 2: [(200, 100), (400, 100)], 3: [(300, 50)]}


@pytest.fixture
def folder(tmp_path):
    """Write ``set.json`` with four people in three images, the images, and the same poses as results."""
    annotations = []
    for image_id, places in PLACES.items():
        for place in places:
            keypoints = np.concatenate([STANDING + place, np.full((17, 1), 2)], 1).ravel().tolist()
            number = len(annotations) + 1
            annotations.append(
                {
                    "id": number,
                    "image_id": image_id,
                    "category_id": 1,
                    "keypoints": keypoints,
                    "num_keypoints": 17,
                    "area": 10000,
                    "bbox": [*place, 100, 200],
                    "iscrowd": 0,
                }
            )
    images = [{"id": i, "file_name": f"{i}.png", "height": 480, "width": 640} for i in PLACES]
    category = {"id": 1, "name": "person", "keypoints": list(COCO17.joints)}
    data = {"images": images, "annotations": annotations, "categories": [category]}
    (tmp_path / "set.json").write_text(json.dumps(data))
    results = [
        {"image_id": a["image_id"], "category_id": 1, "keypoints": a["keypoints"], "score": 0.9}
        for a in annotations
    ]
    (tmp_path / "perfect.json").write_text(json.dumps(results))
    (tmp_path / "images").mkdir()
    for i in PLACES:
        cv2.imwrite(str(tmp_path / "images" / f"{i}.png"), np.full((480, 640, 3), i, np.uint8))
    return tmp_path


class Unchanged:
    """A stand-in refinement that changes nothing."""

    crops = 0

    def refine(self, image, people):
        self.crops = len(people)
        return people


class FromBrightness:
    """A stand-in estimator: image i has brightness i, and its first person only is found."""

    interrupt_at: int | None = None
    made_with: dict

    def __init__(self, settings):
        type(self).made_with = settings
        self.settings, self.provenance = settings, Provenance("a-net", "c0ffee" * 10, {})
        self.name, self.skeleton, self.torch_threads = "a runtime", OPENPOSE18, None

    def detected(self, images):
        return self.people(images)

    def refinement(self):
        return Unchanged()

    def people(self, images):
        (image,) = images
        number = int(image[0, 0, 0])
        if number == self.interrupt_at:
            raise KeyboardInterrupt
        points = (STANDING + PLACES[number][0])[None]
        keypoints, scores = convert(points, np.ones((1, 17)), COCO17, OPENPOSE18)
        return [People(keypoints, scores, np.ones(1, np.float32), np.zeros((1, 4), np.float32))]


@pytest.fixture
def estimator(monkeypatch):
    monkeypatch.setattr("skelstream.estimation.pose_estimator.PoseEstimator", FromBrightness)
    monkeypatch.setattr(FromBrightness, "interrupt_at", None)
    return FromBrightness


def run(folder, *arguments, images=True):
    given = ["eval", "--annotations", str(folder / "set.json")]
    given += ["--images", str(folder / "images")] * images
    return CliRunner().invoke(app, [*given, "--bootstrap", "20", *map(str, arguments)])


def test_a_results_file_is_scored_without_images_or_a_network(folder):
    done = run(folder, "--results", folder / "perfect.json", "--json", images=False)
    assert done.exit_code == 0, done.output
    data = json.loads(done.stdout)
    assert data["metrics"]["AP"] == pytest.approx(100)
    assert data["protocol"]["estimator"] == "perfect.json"
    assert data["protocol"]["scales"] is data["protocol"]["flip"] is data["protocol"]["boxes"] is None


def test_an_estimator_is_scored_and_all_files_are_written(folder, estimator):
    out, report, worst = (folder / name for name in ("out.json", "report.md", "worst.png"))
    done = run(folder, "--save-results", out, "--report", report, "--worst", worst, "--size", 256, "--json")
    assert done.exit_code == 0, done.output
    data = json.loads(done.stdout)
    assert data["metrics"]["AR"] == pytest.approx(75)  # three of four people
    assert data["people"] == {
        "labelled": 4,
        "estimated": 3,
        "matched": 3,
        "missed": 1,
        "spurious": 0,
        "area_substituted": 0,
    }
    gain = data["refinement"]
    assert gain["detection_ap"] == gain["refined_ap"] == data["metrics"]["AP"]
    assert (gain["images"], gain["crops"]) == (3, 3)
    made = estimator.made_with
    assert made.detection == EstimatorSettings().with_options(size=256).detection
    assert made.refinement.min_joint_score == 0.0 and made.refinement.enabled
    line = data["protocol"]["line"]
    for part in (
        "3 images of set.json",
        "scales: 1 (single)",
        "flip: no",
        "long side 256",
        "a-net",
        "a runtime",
    ):
        assert part in line
    assert "sha256 c0ffeec0ffee" in line and line in report.read_text()
    assert cv2.imread(str(worst)).shape[1] == 1800
    again = run(folder, "--results", out, "--json", images=False)
    assert json.loads(again.stdout)["metrics"] == data["metrics"]


def test_tables_are_printed(folder, estimator):
    done = run(folder)
    assert done.exit_code == 0, done.output
    for words in (
        "Protocol: images: 3 images",
        "COCO keypoints",
        "95 % interval",
        "Errors by kind",
        "left wrist",
    ):
        assert words in done.stdout
    assert "Published" not in done.stdout


def test_limit_evaluates_the_first_images(folder, estimator):
    done = run(folder, "--limit", 1, "--json")
    assert json.loads(done.stdout)["people"]["labelled"] == 1


def test_an_interrupt_scores_the_images_so_far(folder, estimator, monkeypatch):
    monkeypatch.setattr(estimator, "interrupt_at", 3)
    done = run(folder, "--save-results", folder / "out.json", "--json")
    assert done.exit_code == 130
    assert "scored the first 2 of 3 images" in done.stderr
    assert json.loads(done.stdout)["people"]["labelled"] == 3
    assert len(json.loads((folder / "out.json").read_text())) == 2


def test_an_interrupt_before_the_first_image(folder, estimator, monkeypatch):
    monkeypatch.setattr(estimator, "interrupt_at", 1)
    done = run(folder, "--save-results", folder / "out.json")
    assert done.exit_code == 130
    assert not (folder / "out.json").exists()


def test_a_turned_set_is_scored_in_its_own_pixels(folder, estimator, monkeypatch):
    upright = json.loads(run(folder, "--json").stdout)["metrics"]["AP"]
    seen = []

    def people(self, images):
        seen.extend(image.shape for image in images)
        # The stand-in knows the images as they are; a turned one gets the people turned with it.
        back = [np.ascontiguousarray(np.rot90(image, -1)) for image in images]
        found = original(self, back)
        views = [turned(image, 90)[1] for image in back]
        return [
            replace(p, keypoints=view.to_input(p.keypoints)) for p, view in zip(found, views, strict=True)
        ]

    original = estimator.people
    monkeypatch.setattr(estimator, "people", people)
    done = run(folder, "--turn", "90", "--json")
    assert done.exit_code == 0, done.stderr
    data = json.loads(done.stdout)
    assert data["metrics"]["AP"] == pytest.approx(upright) and data["protocol"]["turn"] == 90
    assert seen and all(height != width for height, width, _ in seen)
    refused = run(folder, "--turn", "45")
    assert refused.exit_code == 2 and "give 0, 90, 180 or 270" in refused.stderr


def test_scales_and_flip_reach_the_estimator_and_the_protocol(folder, estimator):
    done = run(folder, "--scales", "0.5,1", "--flip", "--json")
    assert done.exit_code == 0, done.output
    made = estimator.made_with
    assert (made.detection.scales, made.detection.flip, made.refinement.flip) == ((0.5, 1.0), True, True)
    protocol = json.loads(done.stdout)["protocol"]
    assert (protocol["scales"], protocol["flip"]) == ([0.5, 1.0], True)


def test_an_unreadable_image_is_reported_and_counts_as_empty(folder, estimator):
    (folder / "images" / "1.png").write_bytes(b"broken")
    done = run(folder, "--json")
    assert done.exit_code == 0, done.output
    data = json.loads(done.stdout)
    assert data["people"]["missed"] == 2
    assert "1.png" in data["unreadable"][0]
    assert "1 of them unreadable" in data["protocol"]["images"]


def test_no_worst_image_is_written_without_errors(folder):
    done = run(folder, "--results", folder / "perfect.json", "--worst", folder / "worst.png")
    assert done.exit_code == 0, done.output
    assert "not written" in done.stderr and not (folder / "worst.png").exists()


def test_outputs_are_not_replaced_without_overwrite(folder):
    (folder / "report.md").write_text("mine")
    refused = run(folder, "--results", folder / "perfect.json", "--report", folder / "report.md")
    assert refused.exit_code == 1 and "exists" in refused.stderr
    assert (folder / "report.md").read_text() == "mine"
    run(folder, "--results", folder / "perfect.json", "--report", folder / "report.md", "--overwrite")
    assert "Keypoint evaluation" in (folder / "report.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--results", "none.json"], 1, "none.json: no such file"),
        (["--results", "set.json"], 1, "not a COCO results file"),
        (
            ["--save-results", "none/out.json"],
            1,
            "cannot write none/out.json: the folder none does not exist",
        ),
        (["--scales", "1,x"], 2, "--scales"),
        (["--scales", "0"], 2, "--scales"),
        (["--limit", "0"], 2, "--limit"),
        (["--weights", "none.safetensors"], 2, "none.safetensors: no such weights file"),
    ],
)
def test_errors_are_one_line(folder, monkeypatch, arguments, status, message):
    monkeypatch.chdir(folder)
    done = run(folder, *arguments)
    assert done.exit_code == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_images_are_errors(folder, estimator):
    done = run(folder, images=False)
    assert done.exit_code == 2 and "--images" in done.stderr
    (folder / "images" / "2.png").unlink()
    done = run(folder)
    assert done.exit_code == 1 and "1 of the 3 images" in done.stderr


@pytest.mark.parametrize("option", ["--report", "--save-results", "--worst"])
def test_an_output_never_replaces_an_input(folder, option):
    before = (folder / "set.json").read_bytes()
    done = run(folder, option, folder / "set.json", "--overwrite")
    assert done.exit_code == 1 and "would replace the input" in done.stderr
    assert (folder / "set.json").read_bytes() == before
