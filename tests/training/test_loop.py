from __future__ import annotations

import math
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch

from skelstream.errors import ModelError
from skelstream.training.distributed import Processes
from skelstream.training.loop import Trainer, sample_numbers

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")


def stop_at(sample: int):
    return lambda progress: progress.samples == sample


def weights_equal(a: Trainer, b: Trainer) -> bool:
    states = ((a.network.state_dict(), b.network.state_dict()), (a.average, b.average))
    return all(torch.equal(x[name], y[name]) for x, y in states for name in x)


@pytest.mark.parametrize("changes", [{}, {"accumulate": 2, "frozen": 2, "precision": "bfloat16"}])
def test_a_resumed_run_has_the_same_weights_as_an_uninterrupted_one(recipe, tmp_path: Path, changes) -> None:
    recipe = replace(recipe, **changes)
    whole, losses = Trainer(recipe, CPU, workers=0), []
    assert whole.run(lambda progress: losses.append(progress.losses))
    half = Trainer(recipe, CPU, workers=0)
    assert not half.run(stop_at(8))
    half.save(tmp_path / "half.ckpt")
    # Workers, and whatever weights the process began with, are without effect.
    rest = Trainer(recipe, CPU, workers=1)
    for parameter in rest.network.parameters():
        parameter.data.add_(1.0)
    rest.resume(tmp_path / "half.ckpt")
    assert rest.sample == 8
    seen = []
    assert rest.run(lambda progress: seen.append(progress))
    assert [p.samples for p in seen] == [12, 16]
    rates = [recipe.learning_rate * recipe.schedule.factor(s - 4, 0.0, 4) for s in (12, 16)]
    assert [p.rate for p in seen] == rates and [p.done for p in seen] == [0.75, 1.0]
    assert [p.losses for p in seen] == losses[2:]
    assert weights_equal(whole, rest)


def test_a_checkpoint_that_lacks_a_part_is_refused(recipe, tmp_path: Path) -> None:
    trainer = Trainer(recipe, CPU, workers=0)
    trainer.save(tmp_path / "whole.ckpt")
    state = torch.load(tmp_path / "whole.ckpt", weights_only=True)
    torch.save({name: part for name, part in state.items() if name != "seconds"}, tmp_path / "part.ckpt")
    with pytest.raises(ModelError, match="not a training checkpoint .it has no seconds"):
        Trainer(recipe, CPU, workers=0).resume(tmp_path / "part.ckpt")


def test_only_the_same_recipe_and_data_resume(recipe, write_set, tmp_path: Path) -> None:
    trainer = Trainer(recipe, CPU, workers=0)
    trainer.save(tmp_path / "a.ckpt")
    with pytest.raises(ModelError, match="begun with batch = 4, but the recipe says 8"):
        Trainer(replace(recipe, batch=8), CPU).resume(tmp_path / "a.ckpt")
    with pytest.raises(ModelError, match="augmentation.crop = 64"):
        other = replace(recipe.augmentation, crop=96)
        Trainer(replace(recipe, augmentation=other), CPU).resume(tmp_path / "a.ckpt")
    trainer.sets[0].images.pop()
    with pytest.raises(ModelError, match="begun with 6 images, but there are 5 now"):
        trainer.resume(tmp_path / "a.ckpt")


def test_a_run_is_prolonged_until_its_cool_down_begins(recipe, tmp_path: Path) -> None:
    short, long = replace(recipe, cooldown=0.5), replace(recipe, samples=32, cooldown=0.5)
    trainer = Trainer(short, CPU, workers=0)
    trainer.run(stop_at(8))
    trainer.save(tmp_path / "steady.ckpt")
    assert not trainer.cooling
    trainer.run(stop_at(12))
    assert trainer.cooling
    trainer.save(tmp_path / "cooling.ckpt")
    prolonged = Trainer(long, CPU, workers=0)
    with pytest.raises(ModelError, match="its cool-down has begun, so its end cannot be moved"):
        prolonged.resume(tmp_path / "cooling.ckpt")
    prolonged.resume(tmp_path / "steady.ckpt")
    assert prolonged.run(lambda _: None) and prolonged.sample == 32
    # What it was before the cool-down is what the longer run would have been.
    whole = Trainer(long, CPU, workers=0)
    whole.run(lambda _: None)
    assert weights_equal(whole, prolonged)


def test_a_run_ends_after_its_minutes(recipe) -> None:
    trainer = Trainer(replace(recipe, minutes=0.02), CPU, workers=0)
    seen = []
    assert trainer.run(lambda progress: seen.append(progress) and None)
    assert seen[-1].done == 1 and seen[-1].seconds >= 1.2 and trainer.seconds == seen[-1].seconds
    assert all(a.done <= b.done for a, b in zip(seen, seen[1:], strict=False))


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 cut"])
def test_a_damaged_checkpoint_is_reported(recipe, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.ckpt").write_bytes(content)
    with pytest.raises(ModelError, match="x.ckpt: not a training checkpoint"):
        Trainer(recipe, CPU).resume(tmp_path / "x.ckpt")


def test_accumulated_parts_give_the_gradient_of_the_whole_batch(recipe) -> None:
    """In float32 and without batch statistics, which parts of a batch do not share."""
    gradients = []
    for accumulate in (1, 4):
        trainer = Trainer(replace(recipe, accumulate=accumulate), CPU, workers=0)
        trainer._loss.eval()
        batches = trainer._batches()
        for _ in range(accumulate):
            trainer._backward(next(batches), True)
        gradients.append([p.grad for p in trainer.network.parameters() if p.grad is not None])
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_the_gradient_is_clipped_and_the_average_follows(recipe) -> None:
    trainer = Trainer(replace(recipe, clip=1e-3), CPU, workers=0)
    norms, before = [], {k: v.clone() for k, v in trainer.average.items()}
    step = trainer.optimiser.step

    def spy(*args, **kwargs):
        norms.append(math.sqrt(sum(float((p.grad**2).sum()) for p in trainer._clipped)))
        return step(*args, **kwargs)

    trainer.optimiser.step = spy
    trainer.run(stop_at(4))
    assert norms == [pytest.approx(1e-3, rel=1e-3)]
    keep = min(0.998, 2 / 11)
    for name, now in trainer.network.state_dict().items():
        if now.is_floating_point():
            torch.testing.assert_close(trainer.average[name], keep * before[name] + (1 - keep) * now)


def test_frozen_blocks_are_not_trained(recipe) -> None:
    trainer = Trainer(replace(recipe, frozen=2), CPU, workers=0)
    before = {k: v.clone() for k, v in trainer.network.state_dict().items()}
    trainer.run(stop_at(8))
    backbone = "features.backbone."
    for name, tensor in trainer.network.state_dict().items():
        frozen = name.startswith((f"{backbone}stem", f"{backbone}blocks.0.", f"{backbone}blocks.1."))
        if frozen:
            assert torch.equal(tensor, before[name]), name
        elif name.endswith("conv.weight") or ".blocks.2.layers.0.weight" in name:
            assert not torch.equal(tensor, before[name]), name


@pytest.mark.parametrize(("accumulate", "count"), [(1, 2), (2, 2), (1, 4), (3, 2), (2, 1)])
def test_all_processes_together_see_the_samples_of_one(recipe, accumulate: int, count: int) -> None:
    recipe = replace(recipe, batch=12, accumulate=accumulate)
    per_step = 12 // count
    processes = (Processes(rank, count) for rank in range(count))
    shares = [list(islice(sample_numbers(12, recipe, one), 3 * per_step)) for one in processes]
    assert sorted(sum(shares, [])) == list(range(12, 48))
    for step in range(3):
        together = sum((share[step * per_step : (step + 1) * per_step] for share in shares), [])
        assert sorted(together) == list(range(12 + 12 * step, 24 + 12 * step))


def test_a_batch_that_cannot_be_divided_is_refused(recipe) -> None:
    with pytest.raises(ModelError, match="a batch of 4 in 1 parts cannot be divided among 3 processes"):
        Trainer(recipe, CPU, processes=Processes(0, 3))


def test_float16_is_for_cuda(recipe) -> None:
    with pytest.raises(ModelError, match="float16 trains on CUDA only, not on cpu"):
        Trainer(replace(recipe, precision="float16"), CPU)


def test_an_image_that_becomes_unreadable_is_replaced_and_reported_once(recipe) -> None:
    trainer = Trainer(recipe, CPU, workers=0)
    lost = trainer.sets[0].images[2].path
    lost.write_bytes(b"\xff\xd8 nothing")
    assert trainer.run(lambda _: None)
    (message,) = trainer.unreadable
    assert str(lost) in message
