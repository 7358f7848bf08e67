"""Training runs and checks from Python."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skelstream import training
from skelstream.errors import FormatError, OutputError
from skelstream.network.top_down import TopDownConfig
from skelstream.training import TrainingOptions, check, run
from skelstream.training import detected_people as module
from skelstream.training.annotations import Fault
from skelstream.training.crops import CropAugmentation
from skelstream.training.detected_people import NO_PERSON, DetectedPeople
from skelstream.training.events import (
    DetectionProgress,
    Evaluated,
    EvaluationSetDescribed,
    Finished,
    ImagesChecked,
    Interrupted,
    SetDescribed,
    Started,
    StepDone,
)
from skelstream.training.recipe import EvaluationConfig

pytestmark = pytest.mark.slow

OPTIONS = TrainingOptions(device="cpu", workers=0)


@pytest.fixture
def evaluated(recipe, write_set, person):
    """The tiny recipe with an evaluation set of two images of one person."""
    dev = write_set([[person((30, 10))], [person((20, 15))]], "dev")
    evaluation = EvaluationConfig(dev.annotations, dev.images, metric="PCK", size=64)
    return replace(recipe, samples=8, evaluation=evaluation)


def names(events) -> list[str]:
    return [type(event).__name__ for event in events]


def test_a_run_from_beginning_to_end(evaluated, tmp_path: Path) -> None:
    events = list(run(evaluated, tmp_path, tmp_path / "run", replace(OPTIONS, evaluate_every=4)))
    described, started = events[:2]
    assert isinstance(described, SetDescribed) and (described.images, described.people) == (6, 9)
    assert isinstance(started, Started)
    assert (started.device, started.precision, started.origin) == ("cpu", "float32", "random weights")
    steps = ["Evaluated", "CheckpointWritten", "StepDone"] * 2
    assert names(events[2:]) == [*steps, "Finished"]
    assert [e.sample for e in events if isinstance(e, Evaluated)] == [4, 8]
    assert events[-1] == Finished(
        8, tmp_path / "run" / "weights.safetensors", tmp_path / "run" / "best.safetensors"
    )


def test_an_interrupt_saves_and_the_run_resumes(evaluated, tmp_path: Path, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("skelstream.training.runner.interrupts", lambda: nullcontext(lambda: True))
        events = list(run(evaluated, tmp_path, tmp_path / "run", replace(OPTIONS, evaluate_every=0)))
    assert [e.progress.samples for e in events if isinstance(e, StepDone)] == [4]
    assert events[-1] == Interrupted(4, tmp_path / "run" / "last.ckpt")
    options = replace(OPTIONS, evaluate_every=0, resume=True)
    resumed = list(run(evaluated, tmp_path, tmp_path / "run", options))
    assert [e.sample for e in resumed if isinstance(e, Started)] == [4]
    assert isinstance(resumed[-1], Finished) and resumed[-1].best is None
    with pytest.raises(OutputError, match="holds a run"):
        next(run(evaluated, tmp_path, tmp_path / "run", OPTIONS))


def test_options_take_the_place_of_the_recipes_settings(evaluated, tmp_path: Path) -> None:
    *_, last = run(evaluated, tmp_path, tmp_path / "run", replace(OPTIONS, samples=4, evaluate_every=0))
    assert isinstance(last, Finished) and last.sample == 4


def test_detection_runs_before_a_top_down_run_and_once_only(evaluated, tmp_path: Path, monkeypatch) -> None:
    recipe = replace(
        evaluated, network=TopDownConfig(64, 64), augmentation=CropAugmentation(), batch=2, samples=4
    )
    people = DetectedPeople(
        np.array([[22, 12, 75, 80], [100, 2, 125, 50]], np.float32), np.array([0, NO_PERSON])
    )
    monkeypatch.setattr(module, "_detections", lambda config, images, device: [people] * len(images))
    options = replace(OPTIONS, evaluate_every=0)
    monkeypatch.setattr("skelstream.training.session.Session._evaluated", lambda self, stop: iter(()))
    events = list(run(recipe, tmp_path, tmp_path / "run", options))
    assert [e for e in events if isinstance(e, DetectionProgress)] == [
        DetectionProgress(done, 6) for done in range(7)
    ]
    assert isinstance(events[-1], Finished) and (tmp_path / "run" / "detections.npz").is_file()
    again = run(recipe, tmp_path, tmp_path / "run", replace(options, resume=True))
    assert not any(isinstance(event, DetectionProgress) for event in again)


def test_check_describes_all_sets(evaluated, tmp_path: Path) -> None:
    broken = evaluated.sets[0].images / "2.jpg"
    broken.write_bytes(broken.read_bytes()[:200])
    events = list(check(evaluated, tmp_path, 1))
    *progress, described, evaluation = events
    annotations = evaluated.sets[0].annotations
    assert progress == [ImagesChecked(annotations, done, 6) for done in range(1, 7)]
    assert isinstance(described, SetDescribed) and (described.images, described.people) == (5, 7)
    assert [problem.fault for problem in described.left_out] == [Fault.UNREADABLE]
    assert evaluation == EvaluationSetDescribed(evaluated.evaluation.annotations, 2)


def test_a_check_of_a_recipe_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="nowhere: no such recipe file"):
        next(check("nowhere", tmp_path))


def test_the_face_of_the_package() -> None:
    assert set(training.__all__) <= set(dir(training))
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        training.other  # noqa: B018
