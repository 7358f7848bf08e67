"""Result of one check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from skelstream.errors import SkelstreamError


class State(StrEnum):
    """State of the checked item."""

    FINE = "fine"
    UNAVAILABLE = "unavailable"  # optional, and not installed or not on this machine
    BROKEN = "broken"


@dataclass(frozen=True)
class Check:
    """Result of one check, one line of the diagnosis.

    Attributes:
        area: versions, devices, weights, runtimes, cache, codecs or terminal.
        name: name of the checked item, such as ``torch`` or ``HEVC``.
        state: state of the item.
        detail: version, description, or reason for the state.
        milliseconds: measured duration; None if not measured.
    """

    area: str
    name: str
    state: State
    detail: str
    milliseconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the check as JSON values."""
        return asdict(self)


def checked(area: str, name: str, check: Callable[[], Check]) -> Check:
    """Run a check; an exception becomes a result with state broken, so that the other checks still run."""
    try:
        return check()
    except SkelstreamError as error:
        return Check(area, name, State.BROKEN, str(error))
    except Exception as error:
        # A partly installed library may raise any exception.
        return Check(
            area, name, State.BROKEN, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        )
