"""Settings of what part of a video is analysed."""

from __future__ import annotations

from skelstream.errors import SettingsError
from skelstream.geometry.region import Region
from skelstream.settings.declaration import Settings, setting


class VideoSettings(Settings):
    """Which frames of a source are analysed, which part of the image counts, and how fast time runs in it."""

    start: float | None = setting(
        "Start at this time.", default=None, unit="seconds", low=0, option="--start", metavar="SEC"
    )
    end: float | None = setting(
        "Stop before this time.", default=None, unit="seconds", low=0, option="--end", metavar="SEC"
    )
    every: int = setting("Analyse every N-th frame only.", default=1, low=1, option="--every", metavar="N")
    rate: float | None = setting(
        "Set the frame rate of images, or ask it of a camera.",
        default=None,
        more="Without it, images that do not resemble each other are photos, and others come 30 a second. It is also the rate"
        " of videos without times, such as bare H.264.",
        unit="frames/s",
        above=0,
        option="--rate",
        metavar="FPS",
    )
    slow_motion: float = setting(
        "Divide times by this slow-motion factor.",
        default=1.0,
        more="How many times slower than life the video plays: 4 for 120 frames/s shown at 30.",
        above=0,
        option="--slow-motion",
        metavar="X",
    )
    region: Region | None = setting(
        "Keep people centred in L,T,R,B (pixels or %).",
        default=None,
        more="Left, top, right, bottom: 100,0,500,480 or 25%,0,75%,100%.",
        option="--region",
        metavar="BOX",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.end is not None and self.end <= (self.start or 0):
            raise SettingsError(f"end is {self.end:g}: give seconds after the start", setting="end")
