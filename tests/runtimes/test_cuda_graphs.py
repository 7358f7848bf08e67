from __future__ import annotations

import pytest
import torch

from skelstream.network.paf import PafConfig, PafNetwork
from skelstream.runtimes.cuda_graphs import ReplayedNetwork


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_replay_gives_what_a_plain_run_gives() -> None:
    torch.manual_seed(0)
    network = PafNetwork(PafConfig("movenet", width=16, layers=1)).eval().cuda()
    replayed = ReplayedNetwork(network, torch.float32)
    with torch.inference_mode():
        kept = []
        for size in [64] * 5 + [96] * 4 + [64]:
            image = torch.randint(0, 256, (2, 3, size, size), dtype=torch.uint8, device="cuda")
            outputs, want = replayed(image), network(image.float())
            for output, expected in zip(outputs, want, strict=True):
                torch.testing.assert_close(output, expected, rtol=1e-4, atol=1e-4)
            kept.append((outputs, want))
        # What a later replay computes is not written into what an earlier one gave.
        for outputs, want in kept:
            torch.testing.assert_close(outputs[0], want[0], rtol=1e-4, atol=1e-4)
