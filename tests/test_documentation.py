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
