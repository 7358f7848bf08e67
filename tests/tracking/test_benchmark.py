import importlib.util
import sys
from pathlib import Path

import pytest
from street_scenes import SceneSettings, scene

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "tracking.py"


@pytest.fixture
def program():
    spec = importlib.util.spec_from_file_location("tracking_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_benchmark_prints_tables(program, tmp_path, monkeypatch, capsys):
    clip = tmp_path / "clip"
    clip.mkdir()
    rows = [f"{f},{{}},{10 * f},50,40,100,{{}},-1,-1,-1" for f in range(1, 31)]
    (clip / "gt.txt").write_text("\n".join(r.format(1, 1) for r in rows))
    (clip / "det.txt").write_text("\n".join(r.format(-1, 60) for r in rows))
    monkeypatch.setattr(sys, "argv", ["tracking.py", "--clips", str(tmp_path), "--no-scenes"])
    program.main()
    out = capsys.readouterr().out
    assert "| + real dt (ours) | 88.8 | 100.0 | 100.0 | 0 | 0 | 0 | 0 | 1 / 1 |" in out
    assert "+ OKS" not in out  # boxes only


def test_scores_of_scenes_are_summed(program):
    frames = scene(SceneSettings(walkers=2, seconds=2), seed=0)
    scores = program.score_scene(frames, *program.variants()["+ real dt (ours)"])
    both = program.total([scores, scores])
    assert both.objects == 2 * scores.objects > 0
    assert both.mota == pytest.approx(scores.mota)
