from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
import torch

from skelstream.errors import ModelError, OutputError
from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.network.model_card import missing_fields
from skelstream.network.model_file import read_header
from skelstream.network.quantised import has_ranges
from skelstream.network.weights import load_network
from skelstream.settings import EstimatorSettings
from skelstream.training.events import CheckpointWritten, Evaluated, Finished, Interrupted, StepDone
from skelstream.training.initial_weights import load_initial_weights
from skelstream.training.loop import Trainer
from skelstream.training.recipe import EvaluationConfig
from skelstream.training.run_folder import RunFolder
from skelstream.training.session import Cadence, Session
from skelstream.training.validation import Validation

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
CADENCE = Cadence(evaluate=8, row=1, checkpoint=1e9)


@pytest.fixture
def evaluated(recipe, write_set, person):
    """The tiny recipe with an evaluation set of three images of one person."""
    dev = write_set([[person((30, 10))], [person((20, 15))], [person((50, 20))]], "dev")
    return replace(recipe, evaluation=EvaluationConfig(dev.annotations, dev.images, metric="PCK", size=64))


def session_in(folder: Path, recipe, resume: bool = False, cadence: Cadence = CADENCE) -> Session:
    files = RunFolder(folder)
    files.prepare(resume)
    trainer = Trainer(recipe, CPU, load_initial_weights(None, recipe.network, recipe.seed), workers=0)
    if resume:
        trainer.resume(files.checkpoint)
    validation = Validation(recipe.evaluation) if recipe.evaluation else None
    return Session(trainer, files, validation, cadence)


def table(path: Path, *without: str) -> list[dict[str, str]]:
    with path.open() as file:
        return [{k: v for k, v in row.items() if k not in without} for row in csv.DictReader(file)]


def kill_at(session: Session, sample: int) -> None:
    """Train until a process that is killed would end: nothing is saved any more."""
    for event in session.events():
        if isinstance(event, StepDone) and event.progress.samples == sample:
            session.trainer.save = lambda path: None
            break


def test_a_run_leaves_its_files(evaluated, tmp_path: Path) -> None:
    session = session_in(tmp_path / "runs" / "a", evaluated)
    events = list(session.events())
    files = session.folder
    assert events[-1] == Finished(16, files.weights, files.best)
    assert [row["samples"] for row in table(files.losses)] == ["4", "8", "12", "16"]
    scores = table(files.scores)
    assert [row["samples"] for row in scores] == ["8", "16"] and all(float(row["PCK"]) >= 0 for row in scores)
    assert [e.sample for e in events if isinstance(e, Evaluated)] == [8, 16]
    assert [e.progress.samples for e in events if isinstance(e, StepDone)] == [4, 8, 12, 16]
    for image in (files.curves, files.image(8), files.image(16)):
        assert cv2.imread(str(image)).std() > 5
    header = read_header(files.weights)
    assert header.config == evaluated.network.to_dict()
    assert has_ranges(load_network(header))  # so that they run in eight bits
    training, figures = header.card["training"], header.card["figures"]
    assert training["samples"] == 16 and training["recipe"] == "tiny"
    assert "random weights" in header.card["data"] and "6 images" in header.card["data"]
    assert "3 images" in figures["protocol"]
    assert figures["PCK"] == pytest.approx(float(scores[1]["PCK"]), abs=0.01)
    assert missing_fields(header.card) == []
    best = read_header(files.best).card
    assert best["figures"]["PCK"] == pytest.approx(max(float(s["PCK"]) for s in scores), abs=0.01)
    # What ships are the averaged weights.
    import safetensors.torch

    for name, tensor in safetensors.torch.load_file(files.weights).items():
        assert torch.equal(tensor, session.trainer.average[name])
    settings = EstimatorSettings().with_options(size=64, device="cpu", runtime="torch", refine=0)
    estimator = PoseEstimator(settings.with_options(weights=str(files.weights)))
    assert estimator.people([cv2.imread(str(files.curves))])


def test_a_killed_run_resumes_with_the_same_result(recipe, tmp_path: Path) -> None:
    whole = session_in(tmp_path / "whole", recipe)
    assert isinstance(list(whole.events())[-1], Finished)
    kill_at(session_in(tmp_path / "killed", recipe), 12)
    killed = RunFolder(tmp_path / "killed")
    assert [row["samples"] for row in table(killed.losses)] == ["4", "8", "12"]
    resumed = session_in(killed.path, recipe, resume=True)
    # The last training checkpoint is that of the evaluation at 8; rows after it are repeated.
    assert resumed.trainer.sample == 8 and [row["samples"] for row in table(killed.losses)] == ["4", "8"]
    list(resumed.events())
    assert table(killed.losses, "speed", "seconds") == table(whole.folder.losses, "speed", "seconds")
    assert table(killed.scores) == table(whole.folder.scores)
    for name, tensor in whole.trainer.average.items():
        assert torch.equal(tensor, resumed.trainer.average[name])


def test_a_stop_saves_and_an_interrupted_evaluation_is_repeated(evaluated, tmp_path: Path) -> None:
    recipe = replace(evaluated, samples=8)
    asked = iter([False, False, True])  # after the first step; then at the second image of the evaluation
    session = session_in(tmp_path / "a", recipe)
    assert list(session.events(lambda: next(asked, True)))[-1] == Interrupted(8, session.folder.checkpoint)
    assert session.trainer.sample == 8 and not table(session.folder.scores)
    again = session_in(tmp_path / "a", recipe, resume=True)
    assert again.trainer.sample == 8
    assert any(isinstance(event, Evaluated) for event in again.events())
    assert [row["samples"] for row in table(again.folder.scores)] == ["8"]


def test_checkpoints_are_written_at_their_interval(recipe, tmp_path: Path) -> None:
    recipe = replace(recipe, samples=8)
    session = session_in(tmp_path / "a", recipe, cadence=Cadence(evaluate=10**9, row=2, checkpoint=0))
    saved = [event.sample for event in session.events() if isinstance(event, CheckpointWritten)]
    assert saved == [4, 8]


def test_a_closed_iterator_saves(recipe, tmp_path: Path) -> None:
    session = session_in(tmp_path / "a", recipe)
    for event in session.events():
        if isinstance(event, StepDone) and event.progress.samples == 12:
            break
    assert session_in(tmp_path / "a", recipe, resume=True).trainer.sample == 12


def test_a_run_can_be_resumed_from_its_first_moment(recipe, tmp_path: Path) -> None:
    kill_at(session_in(tmp_path / "a", recipe), 4)
    assert session_in(tmp_path / "a", recipe, resume=True).trainer.sample == 0


def test_folders_are_not_mixed_up(recipe, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no last.ckpt to resume"):
        RunFolder(tmp_path / "a").prepare(resume=True)
    RunFolder(tmp_path / "a").prepare(resume=False)
    Trainer(recipe, CPU, workers=0).save(RunFolder(tmp_path / "a").checkpoint)
    with pytest.raises(OutputError, match="holds a run; resume it"):
        RunFolder(tmp_path / "a").prepare(resume=False)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot make the folder"):
        RunFolder(tmp_path / "file").prepare(resume=False)


def test_a_loss_that_is_not_finite_ends_the_run(recipe, tmp_path: Path) -> None:
    session = session_in(tmp_path / "a", recipe)
    with torch.no_grad():
        session.trainer.network.paf_stages[0].out.bias.fill_(torch.nan)
    with pytest.raises(
        ModelError, match="no longer a finite number at sample 4: choose a lower learning rate"
    ):
        list(session.events())


def test_the_best_weights_stay_when_later_ones_are_worse(evaluated, tmp_path: Path, monkeypatch) -> None:
    figures = iter([40.0, 50.0, 45.0])
    real = Validation.score

    def graded(self, estimator, stop):
        result = real(self, estimator, stop)
        return replace(result, figures=result.figures | {"PCK": next(figures)})

    monkeypatch.setattr(Validation, "score", graded)
    session = session_in(tmp_path / "a", replace(evaluated, samples=12), cadence=Cadence(evaluate=4))
    list(session.events())
    assert read_header(session.folder.best).card["training"]["samples"] == 8
    assert read_header(session.folder.weights).card["figures"]["PCK"] == 45


def test_a_branch_begins_with_a_copy_of_another_runs_checkpoint(recipe, tmp_path: Path) -> None:
    first = session_in(tmp_path / "a", recipe)
    list(first.events(lambda: first.trainer.sample >= 8))
    (tmp_path / "a" / "detections.npz").write_bytes(b"people")
    branch = RunFolder(tmp_path / "b")
    branch.prepare(False, branch=first.folder.checkpoint)
    assert branch.checkpoint.read_bytes() == first.folder.checkpoint.read_bytes()
    assert branch.detections.read_bytes() == b"people"
    trainer = Trainer(replace(recipe, samples=12), CPU, workers=0)
    trainer.resume(branch.checkpoint)
    assert trainer.sample == 8 and trainer.run(lambda _: None) and trainer.sample == 12
    with pytest.raises(OutputError, match="no such training checkpoint to branch off from"):
        RunFolder(tmp_path / "c").prepare(False, branch=tmp_path / "none.ckpt")
    with pytest.raises(OutputError, match="give one of them"):
        RunFolder(tmp_path / "a").prepare(True, branch=branch.checkpoint)
