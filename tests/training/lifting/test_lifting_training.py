"""Training of lifting networks: bodies, cameras, errors, runs that resume, and the command."""

import math
from itertools import islice

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from skelstream.cli import app
from skelstream.errors import FormatError, ModelError, OutputError
from skelstream.network.lifting import LiftingConfig
from skelstream.skeleton import COCO17, H36M17
from skelstream.training.lifting import run
from skelstream.training.lifting.bodies import AS_RECORDED, BodyMaker, Variation
from skelstream.training.lifting.cameras import CameraRange, project
from skelstream.training.lifting.keypoint_noise import NO_ERRORS, KeypointErrors, add_errors
from skelstream.training.lifting.loop import LiftingProgress, LiftingTrainer
from skelstream.training.lifting.mocap import read_mocap
from skelstream.training.lifting.recipe import LiftingRecipe

# A standing person in the file's joints: left, up, forward in millimetres.
_STANDING = {
    0: (0, 0, 0), 2: (94, -102, 0), 3: (94, -530, 0), 4: (94, -940, 0), 8: (-94, -102, 0), 9: (-94, -530, 0),
    10: (-94, -940, 0), 14: (0, 116, 0), 15: (0, 232, 0), 17: (0, 320, 0), 18: (0, 408, 0), 19: (0, 497, 0),
    21: (200, 284, 0), 22: (200, 20, 0), 23: (200, -170, 0), 30: (-200, 284, 0), 31: (-200, 20, 0), 32: (-200, -170, 0),
}  # fmt: skip


@pytest.fixture(scope="module")
def mocap(tmp_path_factory):
    clip = np.zeros((90, 38, 3), np.int16)
    for joint, place in _STANDING.items():
        clip[:, joint] = place
    # The left wrist goes forward and back.
    clip[:, 23, 2] = (150 * np.sin(np.arange(90) / 8)).astype(np.int16)
    path = tmp_path_factory.mktemp("mocap") / "mocap.npz"
    np.savez(
        path, **{"train/waving/one": clip, "train/standing/two": clip[:40], "test/waving/three": clip[::-1]}
    )
    return path


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def _bodies(mocap, count=64, variation=AS_RECORDED):
    return BodyMaker(read_mocap(mocap, "train"), 27, 30.0, variation).random(count, _generator())


def test_joints_lie_where_their_names_say(mocap):
    bodies = _bodies(mocap)
    coco = {name: bodies.coco[:, 13, i].mean(0) for i, name in enumerate(COCO17.joints)}
    h36m = {name: bodies.h36m[:, 13, i].mean(0) for i, name in enumerate(H36M17.joints)}
    assert coco["left_hip"][0] > 0 > coco["right_hip"][0]
    assert coco["nose"][2] > coco["left_ear"][2] + 0.08
    assert coco["left_ear"][0] > coco["right_ear"][0]
    assert h36m["head"][1] > h36m["nose"][1] > h36m["neck"][1] > h36m["spine"][1] > 0 > h36m["left_knee"][1]
    assert not h36m["mid_hip"].any()
    # An adult: the trunk's third bone, which the file lacks, is there.
    assert 1.55 < h36m["head"][1] - h36m["left_ankle"][1] < 1.75
    for name in ("left_wrist", "right_knee"):
        torch.testing.assert_close(coco[name], h36m[name])


def test_proportions_vary_and_both_sides_are_alike(mocap):
    h36m = _bodies(mocap, 256, Variation(mixed=0, bent=0, seated=0)).h36m[:, 13]

    def length(a, b):
        return (h36m[:, H36M17.index(a)] - h36m[:, H36M17.index(b)]).norm(dim=-1)

    left, right = length("left_hip", "left_knee"), length("right_hip", "right_knee")
    assert 0.015 < left.std() < 0.05 and (left - right).abs().max() < 0.03


def test_a_camera_in_front_sees_the_left_side_to_the_right(mocap):
    views = project(_bodies(mocap, 400), CameraRange(pitch=(0, 0), roll=0), _generator())
    left, right = (views.keypoints[:, 13, COCO17.index(f"{side}_shoulder"), 0] for side in ("left", "right"))
    facing = views.away[:, 13] < -0.5
    assert facing.any() and (left > right)[facing].all()
    assert (left < right)[views.away[:, 13] > 0.5].all()
    # Down is positive, and the root is in the middle of the image.
    assert (views.keypoints[:, 13, COCO17.index("left_ankle"), 1] > 0.03).all()
    assert not views.poses[:, :, 0].any()


def test_a_camera_from_above_has_the_head_nearer(mocap):
    poses = project(_bodies(mocap), CameraRange(pitch=(40, 0), roll=0), _generator()).poses
    assert (poses[:, 13, H36M17.index("head"), 2] < -0.2).all()


def test_projections_are_those_of_the_poses(mocap):
    """At a distance a pose and its image differ by a scale alone."""
    views = project(_bodies(mocap), CameraRange((500, 501), (0, 0), 0), _generator())
    wrist, hip = COCO17.index("left_wrist"), COCO17.index("left_hip")
    image = views.keypoints[:, 13, wrist] - views.keypoints[:, 13, hip]
    space = views.poses[:, 13, H36M17.index("left_wrist")] - views.poses[:, 13, H36M17.index("left_hip")]
    torch.testing.assert_close(image * 500.5, space[:, :2], atol=5e-3, rtol=1e-2)


def test_errors_have_the_frequency_of_their_settings(mocap):
    views = project(_bodies(mocap, 1500), CameraRange(), _generator())
    torch.testing.assert_close(add_errors(views, NO_ERRORS, _generator()), views.keypoints)
    missed = add_errors(views, KeypointErrors(0, 0, 0.07, 0, 0, 0, 0), _generator())
    no_face = missed[..., 5:, 0].isnan().float().mean()
    assert 0.05 < no_face < 0.09
    exchanged = add_errors(views, KeypointErrors(0, 0, 0, 0.1, 0, 0, 0), _generator())
    changed = (exchanged != views.keypoints).any(-1)[..., COCO17.index("left_ankle")].float().mean()
    assert 0.07 < changed < 0.13
    cut = add_errors(views, KeypointErrors(0, 0, 0, 0, 0, 1, 0), _generator())
    ankles = cut[..., [COCO17.index("left_ankle"), COCO17.index("right_ankle")], 0]
    assert ankles.isnan().all() and cut[..., :11, 0].isfinite().all()


def test_a_resumed_run_has_the_same_weights_as_an_uninterrupted_one(mocap, tmp_path):
    recipe = LiftingRecipe(LiftingConfig(channels=8, dropout=0), steps=6, batch=4)
    train = read_mocap(mocap, "train")
    whole = LiftingTrainer(recipe, train, torch.device("cpu"))
    for _ in whole.steps():
        pass
    assert whole.finished
    first = LiftingTrainer(recipe, train, torch.device("cpu"))
    assert [progress.step for progress in islice(first.steps(), 3)] == [1, 2, 3] and not first.finished
    first.save(tmp_path / "checkpoint.pt")
    second = LiftingTrainer(recipe, train, torch.device("cpu"))
    second.resume(tmp_path / "checkpoint.pt")
    assert [progress.step for progress in second.steps()] == [4, 5, 6]
    for one, other in zip(whole.averaged().parameters(), second.averaged().parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_another_recipes_checkpoint_is_refused(mocap, tmp_path):
    train = read_mocap(mocap, "train")
    one = LiftingTrainer(LiftingRecipe(LiftingConfig(channels=8), batch=4), train, torch.device("cpu"))
    one.save(tmp_path / "checkpoint.pt")
    other = LiftingTrainer(LiftingRecipe(LiftingConfig(channels=8), batch=8), train, torch.device("cpu"))
    with pytest.raises(ModelError, match="other settings"):
        other.resume(tmp_path / "checkpoint.pt")
    (tmp_path / "text.pt").write_text("no checkpoint")
    with pytest.raises(ModelError, match="not a training checkpoint"):
        other.resume(tmp_path / "text.pt")


def test_training_learns(mocap):
    recipe = LiftingRecipe(LiftingConfig(channels=32), variation=AS_RECORDED, steps=60, batch=32, warmup=5)
    trainer = LiftingTrainer(recipe, read_mocap(mocap, "train"), torch.device("cpu"))
    losses = [progress.loss for progress in trainer.steps()]
    assert losses[-1] < 0.6 * losses[0] and math.isfinite(losses[-1])


def test_a_run_from_python_stops_and_resumes(mocap, tmp_path):
    recipe = LiftingRecipe(LiftingConfig(channels=8), steps=4, batch=4)
    started, *_ = events = list(islice(run(mocap, tmp_path / "run", recipe, device="cpu"), 3))
    assert (started.train_clips, started.train_frames, started.test_clips, started.step) == (2, 130, 1, 0)
    assert all(isinstance(event, LiftingProgress) for event in events[1:])
    del events
    with pytest.raises(OutputError, match="holds a run"):
        next(run(mocap, tmp_path / "run", recipe, device="cpu"))
    started, *steps, last = run(mocap, tmp_path / "run", recipe, resume=True, device="cpu")
    assert started.step == 2 and [step.step for step in steps] == [3, 4]
    assert last.weights == tmp_path / "run" / "weights.safetensors" and len(last.figures) == 8


def test_the_command_writes_weights_with_figures(mocap, tmp_path):
    from skelstream.network.model_file import read_header
    from skelstream.processing.lifting.lifter import Lifter

    run = [
        "train-lifting",
        str(mocap),
        "-o",
        str(tmp_path / "run"),
        "--channels",
        "16",
        "--batch",
        "8",
        "--device",
        "cpu",
    ]
    result = CliRunner().invoke(app, [*run, "--steps", "4"])
    assert result.exit_code == 0, result.output
    card = read_header(tmp_path / "run/weights.safetensors").card
    assert set(card["figures"]) == {
        f"{who} {what}" for who in ("clean", "noisy", "mean pose", "held") for what in ("MPJPE", "PA-MPJPE")
    }
    assert "experimental" in card["status"] and Lifter(tmp_path / "run/weights.safetensors", "cpu")
    again = CliRunner().invoke(app, [*run, "--steps", "4"])
    assert again.exit_code == 1 and "--resume" in again.output


@pytest.mark.parametrize(
    "content",
    [{}, {"train/a/b": np.zeros((4, 20, 3), np.int16)}, {"train/a/b": np.zeros((0, 38, 3), np.int16)}],
)
def test_files_that_are_not_motion_capture_are_refused(tmp_path, content):
    np.savez(tmp_path / "other.npz", **content)
    with pytest.raises(FormatError, match="other.npz"):
        read_mocap(tmp_path / "other.npz", "train")
    (tmp_path / "text.npz").write_text("x")
    with pytest.raises(FormatError, match=r"text\.npz"):
        read_mocap(tmp_path / "text.npz", "train")
