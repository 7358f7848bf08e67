"""Check of a sequence's meta: facts about the video and how its skeletons were made."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from skelstream.errors import FormatError
from skelstream.files.values import INT32, LARGEST, integer, items, mapping, real, refuse, string


def checked_meta(meta: Any) -> dict[str, Any]:
    """Return a copy of the meta in which every known entry has its type; unknown entries stay unchanged.

    Raises:
        FormatError: the meta is not a mapping or does not name its joint set, or an entry has the wrong type,
            is out of range or is not JSON, such as NaN.
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
    if facts.get("names") is not None:
        names = mapping(facts["names"], "meta's names")
        facts["names"] = {k: string(v, f"meta's name of track {k}") for k, v in names.items()}
    if facts.get("edits") is not None:
        facts["edits"] = items(facts["edits"], "meta's edits")
    if facts.get("settings") is not None:
        facts["settings"] = mapping(facts["settings"], "meta's settings")
    if facts.get("shots") is not None:
        facts["shots"] = [
            real(one, "a time in meta's shots") for one in items(facts["shots"], "meta's shots")
        ]
    if facts.get("linking") is not None:
        facts["linking"] = _linking(mapping(facts["linking"], "meta's linking"))
    for name, value in facts.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            refuse(value, f"meta's {name}", "a JSON value")
    return facts


def _linking(facts: dict[str, Any]) -> dict[str, Any]:
    """Return what ``SequenceBuilder`` says of linking, checked."""
    people = [
        [integer(one, "an id in meta's linking") for one in items(chain, "an entry of meta's linking")]
        for chain in items(facts.get("joined"), "joined in meta's linking")
    ]
    return {
        **facts,
        "tracklets": integer(facts.get("tracklets"), "tracklets in meta's linking"),
        "joined": people,
    }


def _pair(value: Any, name: str) -> list[int]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        refuse(value, f"an entry of {name}", "a pair of joint numbers")
    return [integer(end, f"an entry of {name}", 0, 10_000) for end in value]


def names_of(meta: Mapping[str, Any]) -> dict[int, str]:
    """Return the names of tracks by id, from a sequence's meta; entries that are no names are left out."""
    names = meta.get("names")
    pairs = names.items() if isinstance(names, Mapping) else ()
    return {one: value for key, value in pairs if isinstance(value, str) and (one := id_of(key)) is not None}


def id_of(key: str) -> int | None:
    """Return the id of a key in JSON; None if it is no id."""
    number = int(key) if re.fullmatch("[0-9]{1,10}", key) else -1
    return number if 0 <= number <= INT32 else None


def video_setting(meta: Mapping[str, Any], name: str) -> float | None:
    """Return a number above 0 of ``VideoSettings`` that a sequence's meta records; None for anything else."""
    settings = meta.get("settings")
    video = settings.get("video") if isinstance(settings, Mapping) else None
    value = video.get(name) if isinstance(video, Mapping) else None
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")
    return value if known else None
