from __future__ import annotations

import torch

from skelstream.network.backbones.lite_hrnet import CHANNELS, LiteHRNet


def test_branches_halve_in_resolution() -> None:
    network = LiteHRNet().eval()
    with torch.no_grad():
        branches = network(torch.rand(2, 3, 64, 96))
    shapes = [(2, channels, 16 >> i, 24 >> i) for i, channels in enumerate(CHANNELS)]
    assert [tuple(branch.shape) for branch in branches] == shapes
    assert all((branch >= 0).all() for branch in branches)


def test_every_branch_depends_on_every_other() -> None:
    """A change at one place of the image reaches all branches, far beyond what a few convolutions see."""
    torch.manual_seed(0)
    network = LiteHRNet()
    image = torch.rand(1, 3, 128, 96, requires_grad=True)
    for branch in network(image):
        (gradient,) = torch.autograd.grad(branch[..., 0, 0].sum(), image, retain_graph=True)
        assert gradient[..., 40:, :].abs().sum() > 0
