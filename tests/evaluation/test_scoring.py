from __future__ import annotations

import copy

import numpy as np
import pytest

from skelstream.evaluation.scoring import METRICS, bootstrap, score


def _scores(scene, load, results, annotations, images=2):
    return score(load(annotations, images), results)


def test_repeated_annotations_score_100_and_print_nothing(scene, load, capfd):
    rows = [scene.annotation(1, 1, (0, 0)), scene.annotation(2, 2, (200, 100))]
    scores = _scores(scene, load, [scene.result(r) for r in rows], rows)
    assert scores.metrics["AP"] == scores.metrics["AR"] == pytest.approx(100)
    # 10,000 square pixels are more than 96²: no person is medium.
    assert scores.metrics["APL"] == pytest.approx(100)
    assert np.isnan(scores.metrics["APM"])
    assert capfd.readouterr() == ("", "")


def test_nobody_found_scores_0(scene, load):
    rows = [scene.annotation(1, 1, (0, 0))]
    scores = _scores(scene, load, [], rows)
    assert scores.metrics["AP"] == scores.metrics["AR"] == 0
    assert (scores.estimated, scores.labelled) == (0, 1)


def test_one_of_two_found(scene, load):
    rows = [scene.annotation(1, 1, (0, 0)), scene.annotation(2, 2, (0, 0))]
    scores = _scores(scene, load, [scene.result(rows[0])], rows)
    # Precision 1 up to recall 0.5: 51 of the 101 recalls 0, 0.01 ... 1.
    assert scores.metrics["AP"] == pytest.approx(100 * 51 / 101)
    assert scores.metrics["AR"] == pytest.approx(50)


def test_a_better_scored_stranger_halves_the_precision(scene, load):
    row = scene.annotation(1, 1, (0, 0))
    stranger = scene.result(row, score=1.0, move=(400, 200))
    ap = {s: _scores(scene, load, [scene.result(row, s), stranger], [row]).metrics["AP"] for s in (0.9, 1.1)}
    assert ap[0.9] == pytest.approx(50)
    assert ap[1.1] == pytest.approx(100)


def test_the_similarity_decides_at_which_thresholds_a_person_is_found(scene, load):
    # One labelled joint, off so far that its similarity is 0.72: found at 0.50 ... 0.70, 5 of 10.
    row = scene.annotation(1, 1, (0, 0), labelled=np.arange(17) == 9)
    moved = scene.result(row, move=(scene.distance_of(0.72, 9), 0))
    scores = _scores(scene, load, [moved], [row])
    assert scores.images[0].oks[0, 0] == pytest.approx(0.72)
    assert scores.metrics["AP"] == pytest.approx(50)
    assert scores.metrics["AP50"] == pytest.approx(100)
    assert scores.metrics["AP75"] == 0


def test_missing_joints_score_nothing_but_the_rest_counts(scene, load):
    row = scene.annotation(1, 1, (300, 200))
    half = scene.result(row)
    half["keypoints"][: 3 * 6] = [0] * 18
    assert _scores(scene, load, [half], [row]).images[0].oks[0, 0] == pytest.approx(11 / 17)


def test_crowds_swallow_estimates(scene, load):
    row = scene.annotation(1, 1, (0, 0))
    crowd = scene.annotation(2, 1, (300, 100), labelled=[False] * 17, iscrowd=1)
    inside = scene.result(scene.annotation(3, 1, (310, 110)), score=2.0)
    assert _scores(scene, load, [scene.result(row), inside], [row, crowd]).metrics["AP"] == pytest.approx(100)


def test_results_are_left_as_they_were(scene, load):
    row = scene.annotation(1, 1, (0, 0))
    results = [scene.result(row), {**scene.result(row), "image_id": 99}]
    before = copy.deepcopy(results)
    _scores(scene, load, results, [row])
    assert results == before


@pytest.fixture
def noisy(scene, load):
    """Forty images of up to three people, found well, badly, twice, or not at all."""
    random = np.random.default_rng(3)
    rows, results = [], []
    for image_id in range(1, 41):
        for person in range(random.integers(0, 4)):
            row = scene.annotation(len(rows), image_id, (200 * person, 50))
            row["area"] = float(random.choice([3000, 15000]))
            rows.append(row)
            for _ in range(random.integers(0, 3)):
                noise = random.normal(0, random.choice([2, 8, 20]), (17, 2))
                results.append(scene.result(row, float(random.random()), noise))
    rows.append(scene.annotation(len(rows), 3, (0, 0), labelled=[False] * 17, iscrowd=1))
    return score(load(rows, 40), results)


def test_the_kept_matches_add_up_to_pycocotools_figures(noisy):
    again = noisy.reweighted(np.ones(40, np.int64))
    assert 5 < noisy.metrics["AP"] < 95
    assert again == pytest.approx(noisy.metrics, abs=1e-9)


def test_reweighting_equals_scoring_repeated_images(scene, load):
    random = np.random.default_rng(5)
    rows = [scene.annotation(i, i, (100, 50)) for i in (1, 2, 3)]
    results = [
        scene.result(r, float(random.random()), random.normal(0, s, (17, 2)))
        for r in rows
        for s in (3, 6, 20)
    ]
    weights = np.array([2, 0, 3])
    repeated_rows, repeated_results, image_id = [], [], 0
    for row, copies in zip(rows, weights, strict=True):
        for _ in range(copies):
            image_id += 1
            repeated_rows.append({**row, "image_id": image_id})
            repeated_results += [
                {**r, "image_id": image_id} for r in results if r["image_id"] == row["image_id"]
            ]
    repeated = score(load(repeated_rows, 5), repeated_results)
    kept = score(load(rows, 3), results).reweighted(weights)
    assert 0 < kept["AP"] < 100
    assert kept == pytest.approx(repeated.metrics, abs=1e-9, nan_ok=True)


def test_bootstrap_brackets_the_figure_and_repeats_itself(noisy):
    intervals = bootstrap(noisy, 200)
    for name in METRICS:
        assert intervals[name].low < noisy.metrics[name] < intervals[name].high
    assert intervals == bootstrap(noisy, 200)
    assert intervals["AP"] != bootstrap(noisy, 200, seed=1)["AP"]
    assert bootstrap(noisy, 200, level=0.5)["AP"].low > intervals["AP"].low


def test_bootstrap_of_recall_matches_the_binomial(scene, load):
    # 100 images of one person, 36 found: recall's standard error is sqrt(0.36 * 0.64 / 100) = 4.8 points.
    rows = [scene.annotation(i, i, (0, 0)) for i in range(1, 101)]
    scores = _scores(scene, load, [scene.result(r) for r in rows[:36]], rows, images=100)
    assert bootstrap(scores, 1000)["AR"].deviation == pytest.approx(4.8, rel=0.1)


def test_bootstrap_without_people_of_a_size(scene, load):
    rows = [scene.annotation(1, 1, (0, 0))]
    intervals = bootstrap(_scores(scene, load, [scene.result(rows[0])], rows), 50)
    assert np.isnan(intervals["APM"].low)
    # Half of the draws miss the one image with a person; they say nothing and are left out.
    assert intervals["AP"].low == pytest.approx(100)
