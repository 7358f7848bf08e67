from __future__ import annotations

import torch

from skelstream.training.optimiser import ScaledAdamW, sizes


def parameters() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(n, generator=generator, requires_grad=True) for n in (3, 5, 2)]


def ones(params: list[torch.Tensor]) -> list[torch.Tensor]:
    return [torch.ones_like(p) for p in params]


def test_each_tensor_moves_as_under_adamw_with_its_own_rate() -> None:
    ours, theirs, factors = parameters(), parameters(), [1.0, 0.01, 20.0]
    optimiser = ScaledAdamW(ours, [torch.full_like(p, f) for p, f in zip(ours, factors, strict=True)], 1e-2)
    groups = [{"params": [p], "lr": 1e-3 * f} for p, f in zip(theirs, factors, strict=True)]
    reference = torch.optim.AdamW(groups, weight_decay=1e-2)
    optimiser.param_groups[0]["lr"] = 1e-3
    for _ in range(20):
        for group, one in ((ours, optimiser), (theirs, reference)):
            loss = sum(((p - 1) ** 4).sum() for p in group)
            loss.backward()
            one.step()
            one.zero_grad()
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)


def test_a_tensor_without_gradient_stays() -> None:
    params = parameters()
    optimiser = ScaledAdamW(params, ones(params), 0.1)
    optimiser.param_groups[0]["lr"] = 1e-2
    before = [p.detach().clone() for p in params]
    params[0].sum().backward()
    optimiser.step()
    assert not torch.equal(params[0], before[0])
    assert torch.equal(params[1], before[1]) and torch.equal(params[2], before[2])


def test_its_state_can_be_restored() -> None:
    whole, half, rest = parameters(), parameters(), parameters()

    def steps(params, optimiser, count: int) -> None:
        optimiser.param_groups[0]["lr"] = 1e-2
        for _ in range(count):
            sum((p**2).sum() for p in params).backward()
            optimiser.step()
            optimiser.zero_grad()

    steps(whole, ScaledAdamW(whole, ones(whole), 0.1), 4)
    first = ScaledAdamW(half, ones(half), 0.1)
    steps(half, first, 2)
    second = ScaledAdamW(rest, ones(rest), 0.1)
    for a, b in zip(rest, half, strict=True):
        a.data.copy_(b.data)
    second.load_state_dict(first.state_dict())
    steps(rest, second, 2)
    assert all(torch.equal(a, b) for a, b in zip(whole, rest, strict=True))


def test_each_channel_has_its_own_size() -> None:
    weight = torch.tensor([[3.0, 4.0], [0.03, 0.04], [0.0, 0.0]])[:, :, None, None]
    found = sizes(weight)
    assert found.shape == weight.shape
    torch.testing.assert_close(found[:, 0, 0, 0], torch.tensor([12.5**0.5, 0.01 * 12.5**0.5, 1e-3]))
    torch.testing.assert_close(sizes(torch.tensor([-2.0, 0.5])), torch.tensor([2.0, 0.5]))
