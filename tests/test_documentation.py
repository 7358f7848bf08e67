"""The pages about the API leave nothing of the public face out."""

from __future__ import annotations

import re
from pathlib import Path

import skelstream

PAGES = Path(__file__).parents[1] / "docs" / "api"


def test_every_public_name_has_its_place():
    documented = [
        name for page in PAGES.glob("*.md") for name in re.findall(r"^::: (\S+)", page.read_text(), re.M)
    ]
    assert len(documented) == len(set(documented))
    public = {f"skelstream.{name}" for name in skelstream.__all__ if not name.startswith("_")}
    # An error is on the page of its module.
    assert public - {"skelstream.SkelstreamError"} <= set(documented)


def test_what_the_guide_for_contributors_names_is_there():
    root = PAGES.parents[1]
    guide = (root / "CONTRIBUTING.md").read_text()
    names = re.findall(
        r"`((?:skelstream|cli|docs|tests|scripts|processing|formats|backbones|runtimes)/[\w/.]*)`", guide
    )
    assert len(names) > 10
    homes = (root, root / "skelstream", root / "skelstream" / "network")
    missing = [
        name for name in names if "NAME" not in name and not any((home / name).exists() for home in homes)
    ]
    assert not missing
    rooms = re.findall(
        r"`([a-z_]+(?:/|\.py))`",
        "".join(line.split("|")[1] for line in guide.splitlines() if line.startswith("| `")),
    )
    assert not [room for room in rooms if not any((home / room).exists() for home in homes)]
