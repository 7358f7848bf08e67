"""One thing looked at, and what was found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from skelstream.errors import SkelstreamError


class State(StrEnum):
    """What a check found."""

    FINE = "fine"
    ABSENT = "absent"  # optional, and not there
    BROKEN = "broken"


@dataclass(frozen=True)
class Check:
    """One line of a diagnosis.

    Attributes:
        area: versions, devices, weights, runtimes, codecs or terminal.
        name: of the thing, as ``torch`` or ``HEVC``.
        state: whether it is there and works.
        detail: what was found.
        milliseconds: how long it took, where that was measured.
    """

    area: str
    name: str
    state: State
    detail: str
    milliseconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def checked(area: str, name: str, check: Callable[[], Check]) -> Check:
    """The check's answer; whatever it raises makes the thing a broken one, so that the others are still looked at."""
    try:
        return check()
    except SkelstreamError as error:
        return Check(area, name, State.BROKEN, str(error))
    except Exception as error:
        # A library that is half installed may raise anything at all.
        return Check(
            area, name, State.BROKEN, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        )
