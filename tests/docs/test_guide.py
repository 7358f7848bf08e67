"""Every Python snippet of the guide runs, in the order of its page."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import skelstream
from skelstream.formats import Sample, save

DOCS = Path(__file__).parents[2] / "docs"


def snippets(name: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), re.S)


def run(name: str) -> dict:
    """Execute a page's snippets one after another and return their names."""
    names: dict = {}
    for snippet in snippets(name):
        exec(compile(snippet, f"docs/{name}", "exec"), names)
    return names


# Pages whose snippets other tests run.
ELSEWHERE = {
    "howto/coco.md",
    *(f"reference/{name}.md" for name in ("formats", "drawing", "scores", "models")),
}
# Pages whose snippets need data that no test has.
COMPILED = {"reference/batch.md", "reference/recipes.md"}


def test_no_page_with_snippets_is_forgotten():
    names = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    with_snippets = {name for name in names if snippets(name)}
    run_here = set(
        re.findall(r'"((?:howto|concepts)/\w+\.md|tutorial\.md|whole-body\.md)"', Path(__file__).read_text())
    )
    assert with_snippets == run_here | ELSEWHERE | COMPILED


@pytest.mark.parametrize("name", sorted(COMPILED))
def test_snippets_that_need_data_compile(name):
    for snippet in snippets(name):
        compile(snippet, name, "exec")


def test_tutorial(people, capsys):
    names = run("tutorial.md")
    assert names["clip"].shape == (2, 40, 17, 3)


def test_windows_of_a_stream_and_of_a_sequence_agree(here, capsys):
    names: dict = {}
    printed = []
    for snippet in snippets("howto/recogniser.md"):
        exec(compile(snippet, "docs/howto/recogniser.md", "exec"), names)
        printed.append(capsys.readouterr().out.splitlines())
    streamed, finished, _ = printed
    assert len(streamed) == len(finished) == 4
    assert all(line.endswith("(2, 16, 18, 3)") for line in streamed)
    assert streamed[1:] == finished[1:] and finished[1] == "0.40 to 1.15 s [1 2] (2, 16, 18, 3)"
    assert names["clip"].shape == (2, 40, 18, 3)


def test_training_set(people, monkeypatch, capsys):
    monkeypatch.setattr(skelstream, "Batch", lambda place: [Sample(people, "a", 0, "run", "train")])
    run("howto/pyskl.md")
    assert capsys.readouterr().out == "a 0 train (2, 40, 18, 3)\n"


def test_signers(people, capsys):
    shutil.copy("skeletons.npz", "signer.npz")
    names = run("howto/signers.md")
    assert "body: 100% of the joints found in 40 frames" in capsys.readouterr().out
    assert names["points"].shape == (40, 543, 3) and names["points75"].shape == (40, 75, 3)
    nose, seen = names["shares"][:, 0], people[0].keypoints[:, 0]
    assert np.allclose(nose * [people.meta["width"], people.meta["height"]], seen)


def test_whole_body(people, capsys):
    save(people.as_skeleton("body+hands+face"), "signer.npz")
    run("whole-body.md")
    assert capsys.readouterr().out == "right hand in 0% of the frames\n"


def test_identities(people, capsys):
    run("howto/identities.md")
    assert capsys.readouterr().out == "{'1': 'Anna'} [1, 2]\n"


def test_camera(here, capsys):
    run("howto/camera.md")
    assert "s, person 1: nose at" in capsys.readouterr().out


@pytest.mark.slow
def test_lifting(people, capsys):
    run("howto/lifting.md")
    assert "17, 3)" in capsys.readouterr().out


def test_biomechanics(people, capsys):
    shutil.copy("skeletons.npz", "walk.npz")
    run("howto/biomechanics.md")
    assert len(capsys.readouterr().out.splitlines()) == 5


@pytest.mark.slow
def test_refinement(capsys):
    names = run("concepts/refinement.md")
    assert names["fast"].refinement() is None and names["exact"].refinement() is not None


def test_tracking(capsys):
    run("concepts/tracking.md")
    assert "True" in capsys.readouterr().out


def test_time(people, capsys):
    run("concepts/time.md")
    assert capsys.readouterr().out


def test_settings(here, capsys):
    names = run("concepts/settings.md")
    assert "512 2.0" in capsys.readouterr().out and names["settings"].tracking.oks_weight == 0.6
    assert names["sequence"].meta["settings"]["tracking"]["max_lost"] == 2.0
