"""Edits of identities: what each one says, in Python, as text and as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from skelstream.errors import FormatError, SettingsError
from skelstream.files.text import printable
from skelstream.files.values import integer, items, mapping, refuse, string

_LONGEST_NAME = 100


def _list(ids: tuple[int, ...]) -> str:
    return ",".join(map(str, ids))


@dataclass(frozen=True)
class Merge:
    """Join tracks of one person.

    Attributes:
        ids: two or more tracks, none of which share a frame; the first id remains.
    """

    ids: tuple[int, ...]

    def __str__(self) -> str:
        return f"merge {_list(self.ids)}"

    def to_json(self) -> dict[str, Any]:
        """Return the edit as a JSON object."""
        return {"merge": list(self.ids)}


@dataclass(frozen=True)
class Split:
    """Cut a track in two.

    Attributes:
        id: the track, which keeps the frames before the cut.
        frame: number of the first frame after the cut; from there on the track has a new id, the largest so far plus 1.
    """

    id: int
    frame: int

    def __str__(self) -> str:
        return f"split {self.id}@{self.frame}"

    def to_json(self) -> dict[str, Any]:
        """Return the edit as a JSON object."""
        return {"split": self.id, "frame": self.frame}


@dataclass(frozen=True)
class Swap:
    """Exchange the ids of two tracks from a frame on.

    Attributes:
        ids: the two tracks.
        frame: number of the first frame of the exchange.
    """

    ids: tuple[int, int]
    frame: int

    def __str__(self) -> str:
        return f"swap {_list(self.ids)}@{self.frame}"

    def to_json(self) -> dict[str, Any]:
        """Return the edit as a JSON object."""
        return {"swap": list(self.ids), "frame": self.frame}


@dataclass(frozen=True)
class Name:
    """Name a track.

    Attributes:
        id: the track.
        name: one line of at most 100 characters; empty takes the name away.
    """

    id: int
    name: str

    def __str__(self) -> str:
        return f"name {self.id}={self.name}"

    def to_json(self) -> dict[str, Any]:
        """Return the edit as a JSON object."""
        return {"name": self.id, "as": self.name}


@dataclass(frozen=True)
class Drop:
    """Delete tracks.

    Attributes:
        ids: the tracks.
    """

    ids: tuple[int, ...]

    def __str__(self) -> str:
        return f"drop {_list(self.ids)}"

    def to_json(self) -> dict[str, Any]:
        """Return the edit as a JSON object."""
        return {"drop": list(self.ids)}


@dataclass(frozen=True)
class Keep:
    """Delete all other tracks.

    Attributes:
        ids: the tracks that stay.
    """

    ids: tuple[int, ...]

    def __str__(self) -> str:
        return f"keep {_list(self.ids)}"

    def to_json(self) -> dict[str, Any]:
        """Return the edit as a JSON object."""
        return {"keep": list(self.ids)}


Edit = Merge | Split | Swap | Name | Drop | Keep
"""An edit of the identities of a sequence."""


def moves_poses(edits: Iterable[Edit]) -> bool:
    """Return whether any of the edits gives poses to another track."""
    return any(isinstance(edit, Merge | Split | Swap) for edit in edits)


_KEYS = {"merge": set(), "split": {"frame"}, "swap": {"frame"}, "name": {"as"}, "drop": set(), "keep": set()}
_EXPECTED = {
    "merge": "ids such as 1,7",
    "split": "an id and a frame such as 3@120",
    "swap": "two ids and a frame such as 2,5@88",
    "name": "an id and a name such as 4=Anna",
    "drop": "ids such as 4 or 4,9",
    "keep": "ids such as 1,4",
}


def edit_from_json(value: Any, name: str) -> Edit:
    """Return the edit of a JSON object, as ``to_json`` gives it.

    Args:
        value: the object.
        name: its name in messages, for example ``edits[2]``.

    Raises:
        FormatError: it is not an edit.
    """
    facts = mapping(value, name)
    kind = next((kind for kind in _KEYS if kind in facts), None)
    if kind is None or set(facts) != {kind} | _KEYS[kind]:
        refuse(value, name, f"an object with one of {', '.join(_KEYS)}, and frame or as where they belong")
    if kind == "split":
        return Split(integer(facts["split"], f"{name}.split"), integer(facts["frame"], f"{name}.frame"))
    if kind == "name":
        return Name(integer(facts["name"], f"{name}.name"), _name(string(facts["as"], f"{name}.as"), name))
    ids = _ids([integer(one, f"{name}.{kind}") for one in items(facts[kind], f"{name}.{kind}")], kind, name)
    if kind == "swap":
        return Swap((ids[0], ids[1]), integer(facts["frame"], f"{name}.frame"))
    return {"merge": Merge, "drop": Drop, "keep": Keep}[kind](ids)


def edit_from_text(kind: str, text: str) -> Edit:
    """Return the edit of a value on the command line.

    Args:
        kind: name of the option: merge, split, swap, name, drop or keep.
        text: its value, for example ``2,5@88``.

    Raises:
        SettingsError: the text is no such edit.
    """
    try:
        return edit_from_json(_facts(kind, text.strip()), kind)
    except (FormatError, ValueError):
        raise SettingsError(f"{kind} is {printable(text)!r}: give {_EXPECTED[kind]}", setting=kind) from None


def _facts(kind: str, text: str) -> dict[str, Any]:
    """Return an edit's JSON object from its text.

    Raises:
        ValueError: the text has another form.
    """
    form = r"(\d+)=(.*)" if kind == "name" else r"(\d+(?:,\d+)*)(?:@(\d+))?"
    found = re.fullmatch(form, text if kind == "name" else text.replace(" ", ""))
    if found is None or len(found[1]) > 10_000:
        raise ValueError(text)
    if kind == "name":
        return {"name": int(found[1]), "as": found[2]}
    ids = [int(one) for one in found[1].split(",")]
    frame = {} if found[2] is None else {"frame": int(found[2])}
    if kind == "split":
        (only,) = ids
        return {"split": only, **frame}
    return {kind: ids, **frame}


def _ids(ids: list[int], kind: str, name: str) -> tuple[int, ...]:
    fits = {"merge": len(ids) > 1, "swap": len(ids) == 2}.get(kind, len(ids) > 0)
    if not fits or len(set(ids)) < len(ids):
        refuse(ids, f"{name}.{kind}", _EXPECTED[kind])
    return tuple(ids)


def _name(text: str, where: str) -> str:
    if len(text) > _LONGEST_NAME or printable(text) != text:
        refuse(text, f"{where}.as", f"one line of at most {_LONGEST_NAME} characters")
    return text.strip()
