"""What grouping alone costs: the drawn people's joints as noisy maps, grouped and scored against themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skelstream.evaluation.annotations import CocoSet, load_annotations
from skelstream.evaluation.results import to_results
from skelstream.evaluation.scoring import score
from skelstream.geometry.letterbox import Letterbox
from skelstream.grouping.assembly import assemble
from skelstream.grouping.candidates import find_candidates
from skelstream.network.part_maps import PartMaps
from skelstream.people import People
from skelstream.skeleton import DENSE18, OPENPOSE18
from skelstream.training.targets import confidence_maps, part_affinity_fields

pytestmark = pytest.mark.slow

TOLERANCE = 0.5
STRIDE = 4


@pytest.fixture(scope="module")
def drawn(tmp_path_factory, mannequins) -> tuple[CocoSet, list[np.ndarray]]:
    """The set, and the joints (P, 18, 2) of the people of each image."""
    path = mannequins.write_set(tmp_path_factory.mktemp("drawn"), images=24, seed=1)
    return load_annotations(path), [joints for _, joints in mannequins.photos(images=24, seed=1)]


def grouped(joints: np.ndarray, size: tuple[int, int], noise: float, rng: np.random.Generator) -> People:
    """The people of maps that show these joints, each value off by ``noise``."""
    people = (
        torch.from_numpy(joints).float()[None],
        torch.from_numpy(np.ptp(joints[..., 1], 1)).float()[None] / 2,
    )
    maps = [f(*people, DENSE18, size, STRIDE) for f in (confidence_maps, part_affinity_fields)]
    noisy = [m + noise * torch.from_numpy(rng.standard_normal(m.shape, np.float32)) for m in maps]
    (candidates,) = find_candidates(PartMaps(*noisy, STRIDE), DENSE18)
    return assemble(candidates, DENSE18, letterbox=Letterbox.scaled(1, 1))


@pytest.mark.parametrize(("noise", "stored"), [(0.0, 94.7), (0.2, 88.3)])
def test_people_of_perfect_and_of_noisy_maps(drawn, mannequins, noise, stored):
    rng, rows = np.random.default_rng(0), []
    size = (mannequins.HEIGHT // STRIDE, mannequins.WIDTH // STRIDE)
    for number, joints in enumerate(drawn[1], 1):
        rows += to_results(number, grouped(joints, size, noise, rng), OPENPOSE18)
    found = score(drawn[0], rows).metrics["AP"]
    assert found > stored - TOLERANCE, f"AP {found:.1f}, it was {stored}"
