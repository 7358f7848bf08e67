from __future__ import annotations

import pytest
import torch

from skelstream.training.loss import stage_losses


@pytest.fixture
def targets() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    ground = torch.ones(2, 5, 6)
    ground[0, :2] = 0
    joints, limbs = torch.ones(2, 3), torch.ones(2, 4)
    joints[1, 0], limbs[1, :2] = 0, 0
    return {
        "confidence": torch.rand(2, 3, 5, 6), "pafs": torch.randn(2, 4, 5, 6), "ground": ground,
        "known_joints": joints, "known_limbs": limbs,
    }  # fmt: skip


def test_nothing_is_learned_where_nothing_is_known(targets) -> None:
    pafs = [torch.randn(2, 4, 5, 6, requires_grad=True) for _ in range(2)]
    confidence = [torch.randn(2, 3, 5, 6, requires_grad=True) for _ in range(2)]
    stage_losses(pafs, confidence, targets)[0].backward()
    for maps, known in [(m, "known_limbs") for m in pafs] + [(m, "known_joints") for m in confidence]:
        mask = targets["ground"][:, None] * targets[known][..., None, None]
        assert (maps.grad[mask == 0] == 0).all()
        assert (maps.grad[mask == 1] != 0).all()


def test_perfect_fields_cost_nothing_and_perfect_confidence_least(targets) -> None:
    want = targets["confidence"].clamp(0.01, 0.99)
    targets["confidence"] = want
    _, perfect = stage_losses([targets["pafs"]], [want.logit()], targets)
    assert perfect["paf"] == 0
    logits = want.logit().requires_grad_()
    stage_losses([targets["pafs"]], [logits], targets)[0].backward()
    assert logits.grad.abs().max() < 1e-5
    for off in (-0.5, 0.5):
        assert (
            stage_losses([targets["pafs"]], [want.logit() + off], targets)[1]["confidence"]
            > perfect["confidence"]
        )


def test_every_stage_counts_and_the_last_one_is_reported(targets) -> None:
    pafs, confidence = (
        [torch.zeros(2, 4, 5, 6), targets["pafs"]],
        [torch.zeros(2, 3, 5, 6), torch.ones(2, 3, 5, 6)],
    )
    both, parts = stage_losses(pafs, confidence, targets)
    last, of_last = stage_losses(pafs[1:], confidence[1:], targets)
    first, _ = stage_losses(pafs[:1], confidence[:1], targets)
    torch.testing.assert_close(both, last + first)
    assert parts == of_last and not any(value.requires_grad for value in parts.values())


def test_a_limb_along_an_axis_counts_in_both_components() -> None:
    ones, fields = torch.ones(1, 1, 1, 2), torch.zeros(1, 2, 1, 2)
    fields[0, 0, 0, 0] = 1.0  # one limb, to the right, in the first of two cells
    targets = {
        "confidence": ones, "pafs": fields, "ground": torch.ones(1, 1, 2),
        "known_joints": torch.ones(1, 1), "known_limbs": torch.ones(1, 2),
    }  # fmt: skip
    guess = torch.full((1, 2, 1, 2), 0.5, requires_grad=True)
    stage_losses([guess], [ones], targets)[0].backward()
    on_limb, beside = guess.grad[0, :, 0, 0].abs(), guess.grad[0, :, 0, 1].abs()
    torch.testing.assert_close(on_limb, 5 * beside)
