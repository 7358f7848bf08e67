"""Other projects' files: tensors by name, and one clear line for each kind of file that is not that."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from skelstream.errors import ModelError, OutputError
from skelstream.network.torch_file import read_state_dict, write_state_dict


class _Code:
    def __reduce__(self):
        return (print, ("this must not run",))


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_by_name(tmp_path: Path, zipped: bool) -> None:
    state = OrderedDict(a=torch.arange(6.0).view(2, 3), b=torch.tensor(7))
    torch.save(state, tmp_path / "x.pth", _use_new_zipfile_serialization=zipped)
    read = read_state_dict(tmp_path / "x.pth")
    assert list(read) == ["a", "b"] and torch.equal(read["a"], state["a"])


@pytest.mark.parametrize("zipped", [True, False])
def test_wrong_files_are_told_apart_in_one_line(
    zipped: bool, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "x.pth"

    def save(content: object) -> None:
        torch.save(content, path, _use_new_zipfile_serialization=zipped)

    cases = {
        "no such file": lambda: path.unlink(missing_ok=True),
        "web page": lambda: path.write_text("<!DOCTYPE html><html>Sign in</html>"),
        "cannot be read": lambda: path.write_bytes(b""),
        "is the download incomplete": lambda: (
            save({"a": torch.zeros(9999)}),
            path.write_bytes(path.read_bytes()[:2000]),
        ),
        "besides tensors": lambda: save({"a": _Code()}),
        "Python objects": lambda: path.write_bytes(pickle.dumps(_Code())),
        "not a state dict": lambda: save([torch.zeros(1)]),
        "tensors by name": lambda: save({"state_dict": {}, "epoch": 3}),
    }
    for words, prepare in cases.items():
        prepare()
        with pytest.raises(ModelError) as error:
            read_state_dict(path)
        message = str(error.value)
        assert words in message and str(path) in message and "\n" not in message
    assert "must not run" not in capsys.readouterr().out


@pytest.mark.parametrize("there", [True, False])
def test_a_full_disk_is_reported_and_leaves_the_old_file(tmp_path: Path, there: bool) -> None:
    resource = pytest.importorskip("resource")  # not on Windows
    path = tmp_path / "state.pth"
    if there:
        path.write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(OutputError, match="cannot write .*state.pth: "):
            write_state_dict(path, {"weight": torch.zeros(10_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"] * there
