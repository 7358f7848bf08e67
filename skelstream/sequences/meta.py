"""The facts about a video and how its skeletons were made, checked before anybody relies on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from skelstream.errors import FormatError
from skelstream.files.values import LARGEST, integer, items, mapping, real, refuse, string


def checked_meta(meta: Any) -> dict[str, Any]:
    """A copy of the meta in which every known fact has its type; facts that are not known stay as they are.

    Raises:
        FormatError: it is no mapping, does not name its joint set, a fact is of another type or out of range, or one is
            nothing that JSON can hold, such as NaN.
    """
    if not isinstance(meta, Mapping) or "skeleton" not in meta:
        raise FormatError("meta must be a mapping that names its joint set in 'skeleton'")
    facts = {string(key, "a name in meta"): value for key, value in meta.items()}
    for name in ("skeleton", "source", "model", "weights_sha256", "refiner", "refiner_sha256", "runtime"):
        if facts.get(name) is not None or name == "skeleton":
            facts[name] = string(facts[name], f"meta's {name}")
    for name in ("height", "width"):
        if facts.get(name) is not None:
            facts[name] = integer(facts[name], f"meta's {name}", 1, LARGEST)
    if facts.get("rotation") is not None:
        facts["rotation"] = integer(facts["rotation"], "meta's rotation", -360, 360)
    if "rate" in facts:  # its name in files of earlier versions
        facts.setdefault("fps", facts.pop("rate"))
    if facts.get("fps") is not None:
        facts["fps"] = real(facts["fps"], "meta's fps", 0, 1e9)
    for name in ("joints", "images", "warnings"):
        if facts.get(name) is not None:
            facts[name] = [
                string(text, f"an entry of meta's {name}") for text in items(facts[name], f"meta's {name}")
            ]
    for name in ("limbs", "flip_pairs"):
        if facts.get(name) is not None:
            facts[name] = [_pair(pair, f"meta's {name}") for pair in items(facts[name], f"meta's {name}")]
    if facts.get("versions") is not None:
        versions = mapping(facts["versions"], "meta's versions")
        facts["versions"] = {k: string(v, f"meta's version of {k}") for k, v in versions.items()}
    if facts.get("settings") is not None:
        facts["settings"] = mapping(facts["settings"], "meta's settings")
    for name, value in facts.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            refuse(value, f"meta's {name}", "what JSON can hold")
    return facts


def _pair(value: Any, name: str) -> list[int]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        refuse(value, f"an entry of {name}", "a pair of joint numbers")
    return [integer(end, f"an entry of {name}", 0, 10_000) for end in value]
