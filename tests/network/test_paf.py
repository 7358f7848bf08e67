"""The part affinity field network: shapes, order of the stages, what a pose-aware start means."""

from __future__ import annotations

import torch

from skelstream.network.architectures import Network
from skelstream.network.paf import PafConfig, PafNetwork
from skelstream.skeleton import COCO17, OPENPOSE18


def test_maps_at_stride_4_for_any_fitting_size(network: Network) -> None:
    for height, width in ((32, 32), (64, 96), (96, 64)):
        with torch.inference_mode():
            confidence, pafs = network(torch.zeros(2, 3, height, width))
        assert confidence.shape == (2, 18, height // network.stride, width // network.stride)
        assert pafs.shape == (
            2,
            2 * len(network.skeleton.limbs),
            height // network.stride,
            width // network.stride,
        )
        assert confidence.isfinite().all() and pafs.isfinite().all()


def test_fresh_stages_leave_what_the_backbone_knows() -> None:
    torch.manual_seed(0)
    network = PafNetwork(PafConfig(width=16, layers=1)).eval()
    image = torch.rand(1, 3, 64, 64) * 255
    with torch.inference_mode():
        logits = network.features.backbone(image)["kpt_heatmap"]
        confidence, pafs = network(image)
    assert (pafs == 0).all()
    for joint, name in enumerate(OPENPOSE18.joints):
        if name in COCO17.joints:
            torch.testing.assert_close(confidence[:, joint], logits[:, COCO17.index(name)].sigmoid())
        else:
            torch.testing.assert_close(confidence[:, joint], torch.full((1, 16, 16), -5.0).sigmoid())


def test_more_stages_refine_and_confidence_sees_the_fields() -> None:
    torch.manual_seed(0)
    network = PafNetwork(PafConfig("movenet", 16, paf_stages=2, confidence_stages=3, layers=1)).eval()
    for stage in [*network.paf_stages, *network.confidence_stages]:
        torch.nn.init.normal_(stage.out.weight, 0, 0.1)
    image = torch.rand(1, 3, 64, 64) * 255
    with torch.inference_mode():
        pafs, confidence = network.stages(image)
        torch.nn.init.normal_(network.paf_stages[-1].out.weight, 0, 0.1)
        changed = network.stages(image)[1]
    assert [tuple(p.shape) for p in pafs] == [(1, 58, 16, 16)] * 2
    assert [tuple(c.shape) for c in confidence] == [(1, 18, 16, 16)] * 3
    assert not torch.allclose(pafs[0], pafs[1])
    assert not torch.equal(changed[0], confidence[0])


def test_the_shipped_size_is_small() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in PafNetwork().parameters()) < 6e6
