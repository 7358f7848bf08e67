from __future__ import annotations

import json

import pytest

from skelstream.evaluation.protocol import EvalProtocol
from skelstream.evaluation.report import as_data, evaluate, literature_tables, markdown, tables

SUBSET = EvalProtocol("a subset of val2017: 2 of its 5,000 images", (1.0,), False, boxes=False)


@pytest.fixture
def two(scene, load):
    rows = [scene.annotation(1, 1, (0, 0)), scene.annotation(2, 1, (200, 100))]
    return load(rows), [scene.result(rows[0])]


def test_the_report_names_the_protocol_and_keeps_other_protocols_apart(two):
    text = markdown(evaluate(*two, SUBSET, resamples=20))
    assert f"Protocol: {SUBSET.line()}" in text
    assert "Published" not in text.split("## These results")[0] and "## These results\n" in text
    ours, others = text.split("## Published figures of other protocols")
    assert "No published figure in this list has this protocol." in ours
    assert "Lightweight OpenPose" in others and "Lightweight OpenPose" not in ours
    assert "these results" in ours and "these results" not in others
    assert "PersonLab, ResNet-152 (quoted)" in others


def test_sets_of_ones_own_are_not_beside_coco_figures(two):
    evaluation = evaluate(*two, EvalProtocol("2 images of mine.json"))
    assert literature_tables(evaluation) == []
    assert not any("Published" in table.title for table in tables(evaluation))


def test_tables_are_rectangular(two):
    for table in tables(evaluate(*two, SUBSET, resamples=5)):
        assert {len(row) for row in table.rows} == {len(table.columns)}


def test_the_figures_as_data_are_plain_json(two):
    data = json.loads(json.dumps(as_data(evaluate(*two, SUBSET, 20, ("1.png: broken",))), allow_nan=False))
    assert data["metrics"]["AP"] == pytest.approx(100 * 51 / 101)
    assert data["metrics"]["APM"] is None
    assert data["intervals"]["AP"]["high"] == pytest.approx(100 * 51 / 101)
    assert data["people"] == {
        "labelled": 2,
        "estimated": 1,
        "matched": 1,
        "missed": 1,
        "spurious": 0,
        "area_substituted": 0,
    }
    assert data["joints"]["nose"]["good"] == 1
    assert data["pck"] is None
    assert data["unreadable"] == ["1.png: broken"]


def test_single_person_sets_get_pck_and_a_note_on_bystanders(scene, load):
    row = scene.annotation(1, 1, (0, 0))
    del row["area"]
    evaluation = evaluate(load([row]), [scene.result(row)], EvalProtocol("2 images of lsp.json"))
    first, second, *_ = tables(evaluation)
    assert first.title == "PCK@0.2, torso" and first.rows[-1] == ("all", "100.0")
    assert any("bystanders" in note for note in second.notes)
    assert any("1 annotations have no area" in note for note in second.notes)
    assert as_data(evaluation)["pck"]["total"] == 100
