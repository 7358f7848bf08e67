"""HTML page that plays skeletons in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skelstream.lazy import lazy_exports

if TYPE_CHECKING:
    from skelstream.viewer.report import report_page

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "report": ["report_page"],
    },
)
