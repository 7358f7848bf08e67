"""The rectangle of the image outside which people are ignored."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skelstream.errors import FormatError, SettingsError

if TYPE_CHECKING:
    import numpy as np

_NUMBER = re.compile(r"\s*(\d+(?:\.\d*)?)\s*(%?)\s*")


@dataclass(frozen=True)
class Region:
    """Rectangle in the image, in pixels or in percent of its size.

    Attributes:
        sides: left, top, right, bottom.
        shares: one bool per side: whether it is a percentage of the image's width or height; if not, it is in
            pixels.

    Raises:
        SettingsError: right is not beyond left, or bottom is not below top.
    """

    sides: tuple[float, float, float, float]
    shares: tuple[bool, bool, bool, bool] = (False, False, False, False)

    def __post_init__(self) -> None:
        for low, high in ((0, 2), (1, 3)):
            if self.shares[low] == self.shares[high] and not self.sides[low] < self.sides[high]:
                raise SettingsError(
                    f"region {self} is empty: give left, top, right, bottom, in this order", setting="region"
                )

    def __str__(self) -> str:
        return ",".join(f"{s:g}{'%' * share}" for s, share in zip(self.sides, self.shares, strict=True))

    @classmethod
    def parsed(cls, text: str) -> Region:
        """Parse ``left,top,right,bottom``, each in pixels or, with ``%``, in percent of the image.

        Raises:
            SettingsError: the text has another form.
        """
        found = [match for part in text.split(",") if (match := _NUMBER.fullmatch(part))]
        if len(found) != 4 or text.count(",") != 3:
            raise SettingsError(
                f"region {text!r} is not valid: give it like 100,0,500,480 or 25%,0,75%,100%",
                setting="region",
            )
        left, top, right, bottom = found
        return cls(
            (float(left[1]), float(top[1]), float(right[1]), float(bottom[1])),
            (bool(left[2]), bool(top[2]), bool(right[2]), bool(bottom[2])),
        )

    def check(self, height: int, width: int) -> None:
        """Check that a part of an image of that size lies in the region.

        Raises:
            FormatError: the region lies outside the image.
        """
        left, top, right, bottom = self._pixels(height, width)
        if not (left < min(right, width) and top < min(bottom, height)):
            raise FormatError(
                f"region {self} lies outside the image of {width}x{height} pixels: give another",
                setting="region",
            )

    def holds(self, boxes: np.ndarray, height: int, width: int) -> np.ndarray:
        """Return, bool (P,), whether the middle of each box (P, 4) lies in the region of an image of that
        size."""
        left, top, right, bottom = self._pixels(height, width)
        x, y = ((boxes[:, :2] + boxes[:, 2:]) / 2).T
        return (x >= left) & (x <= right) & (y >= top) & (y <= bottom)

    def _pixels(self, height: int, width: int) -> list[float]:
        """Return left, top, right, bottom in pixels of an image of that size."""
        whole = (width, height, width, height)
        sides = zip(self.sides, self.shares, whole, strict=True)
        return [side * size / 100 if share else side for side, share, size in sides]
