from __future__ import annotations

from pathlib import Path

import pytest
import torch

from skelstream.training import precision as numbers

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("flags", "precision"),
    [
        ("fpu avx2 avx512f avx512_bf16", "bfloat16"),
        ("fpu amx_tile amx_bf16 amx_int8", "bfloat16"),
        ("fpu avx2 avx512f avx512_vnni", "float32"),
    ],
)
def test_a_cpu_trains_in_the_number_format_that_it_multiplies(
    tmp_path: Path, monkeypatch, flags: str, precision: str
) -> None:
    facts = tmp_path / "cpuinfo"
    facts.write_text(f"processor : 0\nflags : {flags}\n")
    monkeypatch.setattr(numbers, "_CPU_FACTS", facts)
    assert numbers.best_precision(CPU) == precision


def test_an_unknown_cpu_trains_in_float32(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(numbers, "_CPU_FACTS", tmp_path / "none")
    assert numbers.best_precision(CPU) == "float32"
    assert numbers.best_precision(torch.device("mps")) == "float32"


def test_keeping_memory_changes_no_number() -> None:
    torch.manual_seed(0)
    a = torch.rand(500, 500)
    before = a @ a
    numbers.keep_memory()
    assert torch.equal(a @ a, before)
