"""Figures of an evaluation as tables, Markdown and plain data."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from skelstream.evaluation.annotations import CocoSet
from skelstream.evaluation.error_kinds import KINDS, Diagnosis, diagnose
from skelstream.evaluation.literature import LSP_PCK, Row, compare
from skelstream.evaluation.pck import Pck, pck
from skelstream.evaluation.protocol import EvalProtocol
from skelstream.evaluation.refinement_gain import RefinementGain
from skelstream.evaluation.scoring import METRICS, CocoScores, Interval, bootstrap, score
from skelstream.files.atomic import replacing
from skelstream.skeleton import COCO17

_AP_COLUMNS = ("AP", "AP50", "AP75", "APM", "APL")


@dataclass(frozen=True)
class Evaluation:
    """All figures of one set of results.

    Attributes:
        protocol: conditions of the evaluation.
        scores: COCO's figures and the matches behind them.
        intervals: 95 % bootstrap intervals of the figures; empty if they were not computed.
        diagnosis: errors by kind.
        pck: PCK for a set with one labelled person per image; else None.
        substituted_areas: number of people whose area the set lacks.
        unreadable: one line for each image that could not be read and was scored as empty.
        refinement: gain of refinement; None for results without refinement.
    """

    protocol: EvalProtocol
    scores: CocoScores
    intervals: dict[str, Interval]
    diagnosis: Diagnosis
    pck: Pck | None
    substituted_areas: int
    unreadable: tuple[str, ...]
    refinement: RefinementGain | None = None


@dataclass(frozen=True)
class Table:
    """Text in rows and columns.

    Attributes:
        title: title of the table.
        columns: names of the columns.
        rows: cells of each row.
        notes: sentences below the table.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def evaluate(
    coco_set: CocoSet,
    results: list[dict],
    protocol: EvalProtocol,
    resamples: int = 0,
    unreadable: tuple[str, ...] = (),
) -> Evaluation:
    """Score results and diagnose their errors.

    Args:
        coco_set: the ground truth; all of its images count.
        results: COCO results.
        protocol: conditions under which the results were made.
        resamples: number of bootstrap draws; 0 for no intervals.
        unreadable: one line for each image that could not be read.
    """
    scores = score(coco_set, results)
    return Evaluation(
        protocol=protocol,
        scores=scores,
        intervals=bootstrap(scores, resamples) if resamples else {},
        diagnosis=diagnose(scores),
        pck=pck(scores) if coco_set.single_person else None,
        substituted_areas=coco_set.substituted_areas,
        unreadable=unreadable,
    )


def tables(evaluation: Evaluation) -> list[Table]:
    """Return the tables of figures, errors, PCK if it applies, and published figures of this protocol."""
    out = [_metrics(evaluation), _errors(evaluation.diagnosis)]
    if evaluation.pck is not None:
        out.insert(0, _pck(evaluation.pck))
    if "val2017" in evaluation.protocol.images:
        out.append(_alike(evaluation))
    return out


def literature_tables(evaluation: Evaluation) -> list[Table]:
    """Return the published figures of other protocols, one table per protocol."""
    if "val2017" not in evaluation.protocol.images:
        return []
    others = compare(evaluation.protocol, evaluation.scores.metrics).others
    return [
        Table(f"Other protocol: {protocol}", ("method", *_AP_COLUMNS), tuple(map(_row, rows)))
        for protocol, rows in others.items()
    ]


def markdown(evaluation: Evaluation) -> str:
    """Return the whole report as Markdown."""
    parts = ["# Keypoint evaluation", f"Protocol: {evaluation.protocol.line()}"]
    parts += [evaluation.refinement.line()] if evaluation.refinement else []
    parts += [f"- not read, scored as empty: {line}" for line in evaluation.unreadable]
    for table in tables(evaluation):
        parts += [f"## {table.title}", _markdown(table)]
    others = literature_tables(evaluation)
    if others:
        parts += [
            "## Published figures of other protocols",
            "On other images, at other scales, or with person boxes given: not comparable to those above.",
        ]
        for table in others:
            parts += [f"### {table.title}", _markdown(table)]
    return "\n\n".join(parts) + "\n"


def write_report(path: str | Path, evaluation: Evaluation) -> None:
    """Write the report as Markdown.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(Path(path)) as part:
        part.write_text(markdown(evaluation), encoding="utf-8")


def as_data(evaluation: Evaluation) -> dict:
    """Return all figures as values for JSON; a figure without anything to measure is None."""
    diagnosis = evaluation.diagnosis
    joints = {}
    for i, joint in enumerate(COCO17.joints):
        joints[joint] = {
            **dict(zip(KINDS, diagnosis.kinds[i].tolist(), strict=True)),
            "missing": int(diagnosis.missing[i]),
            "distance": _number(diagnosis.distance[i]),
            "relative": _number(diagnosis.relative[i]),
        }
    return {
        "protocol": {**asdict(evaluation.protocol), "line": evaluation.protocol.line()},
        "metrics": {name: _number(value) for name, value in evaluation.scores.metrics.items()},
        "intervals": {
            name: {key: _number(value) for key, value in asdict(interval).items()}
            for name, interval in evaluation.intervals.items()
        },
        "refinement": evaluation.refinement and asdict(evaluation.refinement),
        "people": {
            "labelled": evaluation.scores.labelled,
            "estimated": evaluation.scores.estimated,
            "matched": diagnosis.matched,
            "missed": diagnosis.missed,
            "spurious": diagnosis.spurious,
            "area_substituted": evaluation.substituted_areas,
        },
        "joints": joints,
        "pck": None if evaluation.pck is None else _pck_data(evaluation.pck),
        "unreadable": list(evaluation.unreadable),
    }


def _metrics(evaluation: Evaluation) -> Table:
    rows = []
    for name in METRICS:
        row = (name, _text(evaluation.scores.metrics[name]))
        if evaluation.intervals:
            interval = evaluation.intervals[name]
            row += (f"{_text(interval.low)} to {_text(interval.high)}", _text(interval.deviation))
        rows.append(row)
    columns = ("figure", "%", "95 % interval", "std. error") if evaluation.intervals else ("figure", "%")
    scores = evaluation.scores
    notes = [f"{scores.labelled} labelled people, {scores.estimated} estimated."]
    if evaluation.substituted_areas:
        notes.append(
            f"{evaluation.substituted_areas} annotations have no area; 0.53 of the box's is used, so these"
            " figures are comparable on this set only."
        )
    if evaluation.pck is not None:
        notes.append("At most one person per image is labelled: estimates of bystanders count as wrong here.")
    return Table("COCO keypoints", columns, tuple(rows), tuple(notes))


def _errors(diagnosis: Diagnosis) -> Table:
    shares = diagnosis.shares
    rows = []
    for i, joint in enumerate(COCO17.joints):
        count = int(diagnosis.kinds[i].sum())
        missing = 100 * diagnosis.missing[i] / count if count else math.nan
        measures = (diagnosis.distance[i], diagnosis.relative[i])
        rows.append(_cells(joint.replace("_", " "), count, shares[i], missing, *measures))
    count = int(diagnosis.kinds.sum())
    missing = 100 * diagnosis.missing.sum() / count if count else math.nan
    rows.append(_cells("all", count, shares[-1], missing, math.nan, math.nan))
    return Table(
        "Errors by kind",
        ("joint", "n", *KINDS, "missing", "px", "size"),
        tuple(rows),
        (
            f"Over the {diagnosis.matched} people matched at a similarity of 0.1; {diagnosis.missed} labelled"
            f" people have no estimate, {diagnosis.spurious} estimates have no labelled person.",
            "n: number of labelled joints of the matched people; kinds and missing (those misses where the"
            " estimate lacks the joint) in percent of n; px, size: mean distance in pixels, and in percent of"
            " the square root of the person's area.",
        ),
    )


def _cells(name: str, count: int, shares: Iterable[float], *figures: float) -> tuple[str, ...]:
    return (name, str(count), *map(_text, shares), *map(_text, figures))


def _pck(figures: Pck) -> Table:
    rows = [(joint, _text(value)) for joint, value in figures.joints.items()]
    notes = [f"{figures.persons} people; a joint is correct within {figures.fraction:g} of the torso."]
    if figures.without_torso:
        notes.append(f"{figures.without_torso} people left out, because their torso is not labelled.")
    notes.append(LSP_PCK)
    title = f"PCK@{figures.fraction:g}, torso"
    return Table(title, ("joints", "%"), (*rows, ("all", _text(figures.total))), tuple(notes))


def _pck_data(figures: Pck) -> dict:
    joints = {name: _number(value) for name, value in figures.joints.items()}
    return {**asdict(figures), "total": _number(figures.total), "joints": joints}


def _alike(evaluation: Evaluation) -> Table:
    comparison = compare(evaluation.protocol, evaluation.scores.metrics)
    notes = [f"Protocol: {comparison.ours.protocol}."]
    if not comparison.alike:
        notes.append("No published figure in this list has this protocol.")
    return Table(
        "These results beside published figures of the same protocol"
        if comparison.alike
        else "These results",
        ("method", *_AP_COLUMNS),
        tuple(map(_row, (comparison.ours, *comparison.alike))),
        tuple(notes),
    )


def _row(row: Row) -> tuple[str, ...]:
    method = row.method if row.verified else f"{row.method} (quoted)"
    return (method, *("" if v is None else _text(v) for v in (row.ap, row.ap50, row.ap75, row.apm, row.apl)))


def _markdown(table: Table) -> str:
    lines = [table.columns, ("---", *("---:" for _ in table.columns[1:])), *table.rows]
    text = "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
    return "\n\n".join([text, *table.notes])


def _text(value: float) -> str:
    return f"{value:.1f}" if math.isfinite(value) else "–"


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
