"""Drawing of skeletons on frames, contact sheets and movies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skelstream.lazy import lazy_exports

if TYPE_CHECKING:
    from skelstream.drawing.movie import MovieSettings, Rendered, render
    from skelstream.drawing.overlay import OverlaySettings
    from skelstream.drawing.sheet import contact_sheet, sequence_sheet, write_png
    from skelstream.drawing.skeletons import Style, draw_people

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "movie": ["MovieSettings", "Rendered", "render"],
        "overlay": ["OverlaySettings"],
        "sheet": ["contact_sheet", "sequence_sheet", "write_png"],
        "skeletons": ["Style", "draw_people"],
    },
)
