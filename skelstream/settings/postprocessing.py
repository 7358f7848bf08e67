"""Settings of postprocessing."""

from __future__ import annotations

from skelstream.settings.declaration import Settings, setting
from skelstream.settings.models import LIFTER

JOINT_SETS = (
    "openpose18", "coco17", "body25", "h36m17", "mpii16", "ntu25", "halpe26", "body+hands", "body+face", "body+hands+face",
    "openpose-whole", "coco-wholebody133", "holistic543",
)  # fmt: skip
"""Names of the joint sets of ``skelstream.skeleton``, whose import of NumPy would slow down ``--help``."""


class PostprocessingSettings(Settings):
    """Conversion of joints, filling, smoothing, an even frame rate, the order of the people and 3D, each on request."""

    skeleton: str | None = setting(
        f"Convert to the joints of {', '.join(JOINT_SETS)}.",
        default=None,
        words=JOINT_SETS,
        option="--skeleton",
        metavar="NAME",
    )
    fill: float | None = setting(
        "Fill gaps of up to this length.", default=None, unit="seconds", low=0, option="--fill", metavar="SEC"
    )
    smooth: bool = setting("Smooth tracks; a stream by past frames only.", default=False, option="--smooth")
    fps: float | None = setting(
        "Resample to an even frame rate.",
        default=None,
        more="Interpolated values are marked as not observed.",
        unit="frames/s",
        above=0,
        option="--fps",
        metavar="FPS",
    )
    person: str | None = setting(
        "Put first the longest, largest, centre or moving person.",
        default=None,
        more="For formats with few slots: the longest or largest track, the most central or the most moving one.",
        words=("longest", "largest", "centre", "moving"),
        option="--person",
        metavar="WHO",
    )
    lift: bool = setting("Lift people to 3D as well (experimental).", default=False, option="--lift")
    lifter: str = setting("Lifting network: a packaged model or a weights file.", default=LIFTER)
