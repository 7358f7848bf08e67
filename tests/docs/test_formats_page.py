"""The snippets and commands of docs/reference/formats.md, run from top to bottom."""

from __future__ import annotations

import gc
import importlib.util
import re
import shlex
import warnings
from pathlib import Path

import pytest
from typer.testing import CliRunner

from skelstream.cli import app
from skelstream.formats import FORMATS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "formats.md"
EXTRAS = ("pyarrow", "h5py", "pose_format")


def test_snippets_run(people):
    missing = [name for name in EXTRAS if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    Path("labels.csv").write_text("name,label,split\nskeletons,wave,train\n")
    names: dict = {}
    with warnings.catch_warnings():
        # A snippet of three lines leaves closing its file to Python.
        warnings.simplefilter("ignore", ResourceWarning)
        for language, code in re.findall(r"```(python|bash)\n(.*?)```", PAGE.read_text(), re.DOTALL):
            if language == "python":
                exec(compile(code, str(PAGE), "exec"), names)
                continue
            for line in code.strip().splitlines():
                result = CliRunner().invoke(app, shlex.split(line)[1:])
                assert result.exit_code == 0, f"{line}: {result.output}"
        used = {
            name: names[name] for name in ("data", "x", "body", "locations", "clip", "filled_in", "frames")
        }
        names.clear()
        gc.collect()
    assert used["data"].shape == (1, 3, 300, 18, 2) and used["x"].shape == (1, 300, 2, 25, 3)
    assert used["body"].data.shape == (40, 2, 18, 2) and used["locations"].shape == (40, 18, 2, 2)
    assert used["clip"].shape == (2, 40, 18, 3) and used["filled_in"].any() and len(used["frames"]) == 40


def test_every_format_is_in_the_table():
    table = PAGE.read_text().split("\n\n")[2]
    assert re.findall(r"^\| \[`(\w+)`\]", table, re.MULTILINE) == list(FORMATS)
    for line, format in zip(table.splitlines()[2:], FORMATS.values(), strict=True):
        _, _, ending, reads, many, *_ = (cell.strip() for cell in line.split("|"))
        assert (reads == "yes", many == "yes") == (format.read is not None, format.join is not None)
        endings = set(re.findall(r"`(\.[\w.]+)`", ending))
        # DeepLabCut's tables have endings that others have too.
        assert ending == "a folder" if format.folder else endings <= set(format.extensions or (".csv", ".h5"))


def test_links_lead_somewhere():
    page = PAGE.read_text()
    headings = {h.lower().replace(" ", "-") for h in re.findall(r"^#+ (.*)$", page, re.MULTILINE)}
    assert set(re.findall(r"\(#([\w-]+)\)", page)) <= headings
