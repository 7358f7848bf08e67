from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from skelstream.errors import FormatError
from skelstream.skeleton import COCO17, OPENPOSE18, convert
from skelstream.training.annotations import read_set
from skelstream.training.augment import Augmentation
from skelstream.training.samples import Emphasis, ViewSource, collate_views
from skelstream.training.sampling_order import SamplingOrder
from skelstream.training.targets import confidence_maps, part_affinity_fields

PLAIN = Augmentation(
    crop=128, scale=(1, 1), fit=0, rotation=0, shift=0, flip=0, colour=0, grey=0, occlusion=0
)  # fmt: skip


def source_of(
    *configs, how: Augmentation = PLAIN, seed: int = 0, emphasis: Emphasis | None = None
) -> ViewSource:
    turns = SamplingOrder([read_set(c).images for c in configs], [c.weight for c in configs], seed)
    return ViewSource(turns, how, OPENPOSE18, 4, emphasis or Emphasis())


def drawn(sample, maps=confidence_maps) -> torch.Tensor:
    cells = sample["ground"].shape
    return maps(sample["keypoints"][None], sample["scales"][None], OPENPOSE18, cells, 4)[0]


def names(source: ViewSource, numbers) -> list[str]:
    return [f"{image.path.parent.name}/{image.path.stem}" for image in map(source.order.pick, numbers)]


@pytest.fixture
def two_sets(write_set, person):
    a = write_set([[person((20, 10))] for _ in range(7)], "a", weight=0.87)
    b = write_set([[person((30, 10))] for _ in range(3)], "b", weight=0.13)
    return a, b


def test_shares_are_exact_in_every_hundred_samples(two_sets) -> None:
    source = source_of(*two_sets)
    for start in (0, 100, 4200):
        share = Counter(name[0] for name in names(source, range(start, start + 100)))
        assert share == {"a": 87, "b": 13}


def test_every_image_comes_once_a_round_and_rounds_differ(two_sets) -> None:
    source = source_of(*two_sets)
    for which, count in (("a", 7), ("b", 3)):
        walk = [name for name in names(source, range(700)) if name[0] == which]
        rounds = [tuple(walk[i : i + count]) for i in range(0, len(walk) - count + 1, count)]
        assert all(len(set(one)) == count for one in rounds)
        assert len(set(rounds)) > 1


def test_a_sample_depends_on_its_number_alone(two_sets) -> None:
    how = Augmentation(crop=64)
    forward = source_of(*two_sets, how=how)
    samples = [forward[n] for n in range(12)]
    fresh = source_of(*two_sets, how=how)
    for n in (11, 3, 500, 7, 3):
        again = fresh[n]
        if n < 12:
            assert all(torch.equal(samples[n][k], again[k]) for k in samples[n] if k != "unreadable")
    other = source_of(*two_sets, how=how, seed=1)
    assert any(not torch.equal(samples[n]["image"], other[n]["image"]) for n in range(3))


def test_workers_change_nothing(two_sets) -> None:
    source = source_of(*two_sets, how=Augmentation(crop=64))
    loads = [
        [
            batch["image"]
            for batch in DataLoader(
                source, 4, sampler=range(8, 24), num_workers=workers, collate_fn=collate_views
            )
        ]
        for workers in (0, 2)
    ]
    assert all(torch.equal(a, b) for a, b in zip(*loads, strict=True))


def test_the_source_can_be_sent_to_a_spawned_worker(two_sets) -> None:
    source = source_of(*two_sets)
    source[3]
    assert torch.equal(pickle.loads(pickle.dumps(source))[5]["image"], source[5]["image"])


def test_targets_are_openposes_joints_where_the_person_is(write_set, person) -> None:
    one = person((34, 14))
    source = source_of(write_set([[one]]))
    sample = source[0]
    raw = np.array(one["keypoints"], np.float32).reshape(17, 3)
    points = convert(raw[None, :, :2], raw[None, :, 2], COCO17, OPENPOSE18)[0]
    # The view is as large as the image and stands on the person's middle, no more than a little beyond the
    # image.
    moved = points + np.array([63.5, 63.5]) - np.array([64, 64])
    np.testing.assert_allclose(sample["keypoints"].numpy(), moved, atol=1e-3)
    assert float(sample["scales"]) == pytest.approx(np.sqrt(3000))
    neck = drawn(sample)[OPENPOSE18.index("neck")]
    row, column = np.unravel_index(int(neck.argmax()), neck.shape)
    assert abs(4 * column + 1.5 - moved[0, 1, 0]) <= 2 and abs(4 * row + 1.5 - moved[0, 1, 1]) <= 2


def test_a_mirrored_person_has_its_left_on_the_other_side(write_set, person) -> None:
    config = write_set([[person((34, 14))]])
    plain, mirrored = source_of(config)[0], source_of(config, how=replace(PLAIN, flip=1))[0]
    maps, mirrored_maps = drawn(plain), drawn(mirrored)
    fields, mirrored_fields = drawn(plain, part_affinity_fields), drawn(mirrored, part_affinity_fields)
    for joint, other in enumerate(OPENPOSE18.flip_order):
        a, b = maps[joint].flip(-1), mirrored_maps[other]
        assert np.unravel_index(int(a.argmax()), a.shape)[0] == np.unravel_index(int(b.argmax()), b.shape)[0]
        assert abs(int(a.argmax()) % 32 - int(b.argmax()) % 32) <= 1
    # A limb's x part changes its sign with its side.
    for limb, (a, b) in enumerate(OPENPOSE18.limbs):
        twin = OPENPOSE18.limbs.index((OPENPOSE18.flip_order[a], OPENPOSE18.flip_order[b]))
        x, y = fields[2 * limb : 2 * limb + 2].sum((1, 2)).tolist()
        u, v = mirrored_fields[2 * twin : 2 * twin + 2].sum((1, 2)).tolist()
        assert np.sign(x) == -np.sign(u) or abs(x) < 2
        assert np.sign(y) == np.sign(v) or abs(y) < 2


def cells_of(box: tuple[float, float, float, float]) -> tuple[slice, slice]:
    """Cells well inside a box of the image, in a view that shows it as it is."""
    x0, y0, x1, y1 = (int(v) for v in box)
    return slice(y0 // 4 + 2, y1 // 4 - 2), slice(x0 // 4 + 2, x1 // 4 - 2)


def test_crowds_and_people_without_keypoints_are_ignored(write_set, person) -> None:
    crowd = {"bbox": [98, 60, 28, 60], "iscrowd": 1, "keypoints": [0] * 51}
    silent = {"bbox": [2, 4, 28, 40], "iscrowd": 0, "keypoints": [0] * 51, "num_keypoints": 0}
    sample = source_of(write_set([[person((34, 14)), crowd, silent]]))[0]
    ground = sample["ground"]
    assert not ground[cells_of((98, 60, 126, 120))].any() and not ground[cells_of((2, 4, 30, 44))].any()
    assert ground[cells_of((34, 14, 94, 114))].all() and ground[-6:, :6].all() and ground[:12, -6:].all()
    assert sample["known_joints"].all() and sample["known_limbs"].all()


def test_a_labelled_person_inside_a_crowd_counts(write_set, person) -> None:
    crowd = {"bbox": [0, 0, 128, 128], "iscrowd": 1, "keypoints": [0] * 51}
    ground = source_of(write_set([[person((34, 14)), crowd]]))[0]["ground"]
    assert ground[cells_of((34, 14, 94, 114))].all() and not ground[:, :6].any()


def test_a_partial_set_knows_only_the_labelled_joints_near_the_person(write_set, person) -> None:
    one = person((34, 14))
    for joint in ("nose", "left_wrist"):
        one["keypoints"][3 * COCO17.index(joint) : 3 * COCO17.index(joint) + 3] = [0, 0, 0]
    sample = source_of(write_set([[one]], partial=True))[0]
    missing = {OPENPOSE18.index("nose"), OPENPOSE18.index("left_wrist")}
    assert {j for j in range(18) if not sample["known_joints"][j]} == missing
    for limb, ends in enumerate(OPENPOSE18.limbs):
        assert (sample["known_limbs"][2 * limb : 2 * limb + 2] == float(not missing & set(ends))).all()
    assert sample["ground"][cells_of((34, 14, 94, 114))].all()
    assert not sample["ground"][:, :4].any() and not sample["ground"][:, -4:].any()
    # In a complete set, a joint without label cannot be seen: its map is empty, and that is learned.
    whole = source_of(write_set([[one]], "whole"))[0]
    assert whole["known_joints"].all() and not drawn(whole)[list(missing)].any()


def test_an_unreadable_image_is_replaced_by_the_next_of_its_set(two_sets) -> None:
    source = source_of(*two_sets)
    number = next(n for n in range(20) if source.order.pick(n).path.parent.name == "a")
    lost, following = source.order.pick(number), source.order.pick(number, 1)
    assert lost.path != following.path and following.path.parent.name == "a"
    lost.path.write_bytes(b"no image")
    sample = source[number]
    assert sample["unreadable"] == f"{lost.path}: cannot be read as an image"
    again = source_of(*two_sets)[number]
    assert torch.equal(sample["image"], again["image"])


def test_a_set_that_cannot_be_read_at_all_ends_the_run(write_set, person) -> None:
    config = write_set([[person((20, 10))] for _ in range(2)])
    source = source_of(config)
    for image in source.order.sets[0]:
        image.path.unlink()
    with pytest.raises(FormatError, match="images in a row cannot be read, the first: .*jpg: cannot be read"):
        source[0]


def test_small_and_half_hidden_people_weigh_more(write_set, person) -> None:
    hidden = person((70, 20))
    for joint in range(5, 17):
        hidden["keypoints"][3 * joint : 3 * joint + 3] = [0, 0, 0]
    config = write_set([[person((4, 10), 0.5), hidden]], "b")
    ground = source_of(config, emphasis=Emphasis(small=3, hidden=2))[0]["ground"]
    assert ground.unique().tolist() == pytest.approx([1.0, 2.0, 120 / 50])
    assert not (source_of(config)[0]["ground"] != 1).any()


def test_a_batch_has_most_people_first_and_is_padded(write_set, person) -> None:
    source = source_of(write_set([[person((10, 10), 0.5)] * (1 + i % 3) for i in range(6)]))
    samples = [source[n] for n in range(6)]
    batch = collate_views(samples)
    assert batch["counts"] == sorted((len(s["scales"]) for s in samples), reverse=True)
    assert batch["keypoints"].shape == (6, max(batch["counts"]), 18, 2)
    for i, count in enumerate(batch["counts"]):
        assert torch.isfinite(batch["keypoints"][i, :count]).all()
        assert torch.isnan(batch["keypoints"][i, count:]).all()
