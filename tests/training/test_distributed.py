from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from skelstream.training.distributed import Processes, default_workers, processes
from skelstream.training.loop import Trainer

pytestmark = pytest.mark.slow

RUN = """
    import sys
    from pathlib import Path
    import torch
    from skelstream.network.backbones import movenet
    from skelstream.training.distributed import processes
    from skelstream.training.loop import Trainer
    from skelstream.training.recipe_file import read_recipe
    from skelstream.training.run_folder import RunFolder
    from skelstream.training.session import Cadence, Session
    movenet._BLOCKS = [(1, o, s) for _, o, s in movenet._BLOCKS]
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    recipe = read_recipe(folder / "tiny.toml", folder)
    with processes("cpu") as (group, device):
        trainer = Trainer(recipe, device, None, 0, group)
        trainer.network.eval()  # batch statistics are each process's own on a CPU
        batches = trainer._batches()
        for last in (False, True):
            trainer._backward(next(batches), last)
        gradients = {n: p.grad for n, p in trainer.network.named_parameters() if p.grad is not None}
        torch.save(gradients, folder / f"gradients-{group.rank}.pt")
        run = RunFolder(folder / "run")
        if group.first:
            run.prepare(False)
        whole = Session(Trainer(recipe, device, None, 0, group), run, None, Cadence(evaluate=8, row=1))
        *events, last = whole.events()
        assert bool(events) == group.first
        done = type(last).__name__
        # Only the second process is interrupted; both stop after the same step.
        stop = Trainer(recipe, device, None, 0, group)
        if group.first:
            RunFolder(folder / "stop").prepare(False)
        *_, last = Session(stop, RunFolder(folder / "stop"), None, Cadence()).events(lambda: group.rank == 1)
        early = type(last).__name__
        print(f"rank {group.rank} of {group.count}: {done} {early} {stop.sample}", flush=True)
"""

RECIPE = """
[run]
samples = 8
batch = 4
accumulate = 2
precision = "float32"
warmup = 4
[network]
backbone = "movenet"
width = 16
layers = 1
[augmentation]
crop = 64
[[set]]
annotations = "people.json"
images = "people"
"""


def test_a_single_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with processes("cpu") as (group, device):
        assert group == Processes(0, 1) and group.first and device == torch.device("cpu")
        assert group.any(True, device) and not group.any(False, device)
        group.wait()


def test_cores_are_divided_among_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64), raising=False)
    assert default_workers() == 16
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "8")
    assert default_workers() == 7
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "64")
    assert default_workers() == 1


def test_two_processes_make_the_step_of_one(people_set, narrow_backbone, tmp_path: Path) -> None:
    """Same gradient as one process alone; one folder; an interrupt of one stops both."""
    (tmp_path / "tiny.toml").write_text(RECIPE)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    shared = os.environ | {
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"
    }  # fmt: skip
    command = [sys.executable, "-c", textwrap.dedent(RUN), str(tmp_path)]
    started = [
        subprocess.Popen(
            command, env=shared | {"RANK": str(r), "LOCAL_RANK": str(r)}, stdout=subprocess.PIPE, text=True
        )
        for r in range(2)
    ]
    said = [process.communicate(timeout=120)[0] for process in started]
    assert said == [f"rank {rank} of 2: Finished Interrupted 4\n" for rank in range(2)]

    from skelstream.training.recipe_file import read_recipe

    alone = Trainer(read_recipe(tmp_path / "tiny.toml", tmp_path), torch.device("cpu"), None, 0)
    alone.network.eval()
    batches = alone._batches()
    for last in (False, True):
        alone._backward(next(batches), last)
    theirs = [torch.load(tmp_path / f"gradients-{rank}.pt", weights_only=True) for rank in range(2)]
    for name, parameter in alone.network.named_parameters():
        if parameter.grad is not None:
            assert torch.equal(theirs[0][name], theirs[1][name])
            torch.testing.assert_close(theirs[0][name], parameter.grad, rtol=1e-3, atol=1e-5)
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"last.ckpt", "weights.safetensors", "losses.csv", "scores.csv", "curves.png"} <= names
    assert len((tmp_path / "run" / "losses.csv").read_text().splitlines()) == 1 + 2
