from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
import torch

from skelstream.errors import ModelError, OutputError
from skelstream.estimation.pose_estimator import EstimatorSettings, PoseEstimator
from skelstream.network.model_card import missing_fields
from skelstream.network.model_file import read_header
from skelstream.network.quantised import has_ranges
from skelstream.network.weights import load_network
from skelstream.training.loop import Trainer
from skelstream.training.recipe import EvaluationConfig
from skelstream.training.run import Cadence, RunFolder, Session
from skelstream.training.validation import Validation

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
CADENCE = Cadence(evaluate=8, row=1, checkpoint=1e9)


@pytest.fixture
def judged(recipe, write_set, person):
    """The tiny recipe with a set apart of three images of one person."""
    dev = write_set([[person((30, 10))], [person((20, 15))], [person((50, 20))]], "dev")
    return replace(recipe, evaluation=EvaluationConfig(dev.annotations, dev.images, metric="PCK", size=64))


def session_in(folder: Path, recipe, resume: bool = False, cadence: Cadence = CADENCE) -> Session:
    files = RunFolder(folder)
    files.prepare(resume)
    trainer = Trainer(recipe, CPU, workers=0, origin="random weights")
    if resume:
        trainer.resume(files.checkpoint)
    validation = Validation(recipe.evaluation) if recipe.evaluation else None
    return Session(trainer, files, validation, cadence)


def table(path: Path, *without: str) -> list[dict[str, str]]:
    with path.open() as file:
        return [{k: v for k, v in row.items() if k not in without} for row in csv.DictReader(file)]


class Kill(BaseException):
    """The process ends at once: nothing is tidied up."""


def test_a_run_leaves_its_files(judged, tmp_path: Path) -> None:
    news = []
    session = session_in(tmp_path / "runs" / "a", judged)
    assert session.run(news.append)
    files = session.folder
    assert [row["samples"] for row in table(files.losses)] == ["4", "8", "12", "16"]
    scores = table(files.scores)
    assert [row["samples"] for row in scores] == ["8", "16"] and all(float(row["PCK"]) >= 0 for row in scores)
    assert [n.progress.samples for n in news if n.verdict] == [8, 16] and len(news) == 4
    for image in (files.curves, files.image(8), files.image(16)):
        assert cv2.imread(str(image)).std() > 5
    header = read_header(files.weights)
    assert header.config == judged.network.to_dict()
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
    assert PoseEstimator(EstimatorSettings(str(files.weights), "cpu", 64, runtime="torch")).people(
        [cv2.imread(str(files.curves))]
    )


def test_a_killed_run_goes_on_as_if_nothing_had_been(recipe, tmp_path: Path) -> None:
    whole = session_in(tmp_path / "whole", recipe)
    assert whole.run(lambda _: None)

    def kill(news) -> None:
        if news.progress.samples == 12:
            raise Kill

    with pytest.raises(Kill):
        session_in(tmp_path / "killed", recipe).run(kill)
    killed = RunFolder(tmp_path / "killed")
    assert [row["samples"] for row in table(killed.losses)] == ["4", "8", "12"]
    resumed = session_in(killed.path, recipe, resume=True)
    # The last checkpoint is that of the evaluation at 8; rows after it come again.
    assert resumed.trainer.sample == 8 and [row["samples"] for row in table(killed.losses)] == ["4", "8"]
    assert resumed.run(lambda _: None)
    assert table(killed.losses, "speed", "seconds") == table(whole.folder.losses, "speed", "seconds")
    assert table(killed.scores) == table(whole.folder.scores)
    for name, tensor in whole.trainer.average.items():
        assert torch.equal(tensor, resumed.trainer.average[name])


def test_a_stop_saves_and_an_evaluation_cut_short_is_made_up_for(judged, tmp_path: Path) -> None:
    recipe = replace(judged, samples=8)
    asked = iter([False, False, True])  # after the first step; then at the second image of the evaluation
    session = session_in(tmp_path / "a", recipe)
    assert not session.run(lambda _: None, lambda: next(asked, True))
    assert session.trainer.sample == 8 and not table(session.folder.scores)
    again = session_in(tmp_path / "a", recipe, resume=True)
    assert again.trainer.sample == 8
    assert again.run(lambda _: None)
    assert [row["samples"] for row in table(again.folder.scores)] == ["8"]


def test_checkpoints_come_by_the_clock(recipe, tmp_path: Path) -> None:
    saved = []
    recipe = replace(recipe, samples=8)
    session = session_in(tmp_path / "a", recipe, cadence=Cadence(evaluate=10**9, row=2, checkpoint=0))
    session.run(lambda news: saved.append(news.saved))
    assert all(saved)


def test_a_run_can_be_resumed_from_its_first_moment(recipe, tmp_path: Path) -> None:
    def kill(news) -> None:
        raise Kill

    with pytest.raises(Kill):
        session_in(tmp_path / "a", recipe).run(kill)
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


def test_a_loss_that_is_no_number_ends_the_run(recipe, tmp_path: Path) -> None:
    session = session_in(tmp_path / "a", recipe)
    with torch.no_grad():
        session.trainer.network.paf_stages[0].out.bias.fill_(torch.nan)
    with pytest.raises(ModelError, match="no longer a number at sample 4: choose a lower rate"):
        session.run(lambda _: None)


def test_the_best_weights_stay_when_later_ones_are_worse(judged, tmp_path: Path, monkeypatch) -> None:
    figures = iter([40.0, 50.0, 45.0])
    real = Validation.score

    def graded(self, estimator, stop):
        verdict = real(self, estimator, stop)
        return replace(verdict, figures=verdict.figures | {"PCK": next(figures)})

    monkeypatch.setattr(Validation, "score", graded)
    session = session_in(tmp_path / "a", replace(judged, samples=12), cadence=Cadence(evaluate=4))
    session.run(lambda _: None)
    assert read_header(session.folder.best).card["training"]["samples"] == 8
    assert read_header(session.folder.weights).card["figures"]["PCK"] == 45


def test_a_branch_begins_with_a_copy_of_another_runs_checkpoint(recipe, tmp_path: Path) -> None:
    first = session_in(tmp_path / "a", recipe)
    first.run(lambda _: None, lambda: first.trainer.sample >= 8)
    (tmp_path / "a" / "first-look.npz").write_bytes(b"whom it found")
    branch = RunFolder(tmp_path / "b")
    branch.prepare(False, branch=first.folder.checkpoint)
    assert branch.checkpoint.read_bytes() == first.folder.checkpoint.read_bytes()
    assert branch.found.read_bytes() == b"whom it found"
    trainer = Trainer(replace(recipe, samples=12), CPU, workers=0)
    trainer.resume(branch.checkpoint)
    assert trainer.sample == 8 and trainer.run(lambda _: None) and trainer.sample == 12
    with pytest.raises(OutputError, match="no such checkpoint to branch off from"):
        RunFolder(tmp_path / "c").prepare(False, branch=tmp_path / "none.ckpt")
