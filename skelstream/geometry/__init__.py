"""Image geometry: letterboxes, crops, regions, and the similarity of boxes and poses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skelstream.lazy import lazy_exports

if TYPE_CHECKING:
    from skelstream.geometry.crops import crop_letterbox, cut, joints_boxes
    from skelstream.geometry.letterbox import Letterbox, letterboxed
    from skelstream.geometry.region import Region
    from skelstream.geometry.similarity import iou, joint_similarity, oks

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "crops": ["crop_letterbox", "cut", "joints_boxes"],
        "letterbox": ["Letterbox", "letterboxed"],
        "region": ["Region"],
        "similarity": ["iou", "joint_similarity", "oks"],
    },
)
