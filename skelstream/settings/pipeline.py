"""Settings of a pipeline: the part of the video, how often people are detected, and how they are followed."""

from __future__ import annotations

from skelstream.settings.declaration import Settings, group, setting
from skelstream.settings.tracking import TrackerSettings
from skelstream.settings.video import VideoSettings


class PipelineSettings(Settings):
    """Everything that determines a pipeline's output, except the estimator."""

    video: VideoSettings = group(default_factory=VideoSettings, title="Source")
    tracking: TrackerSettings = group(default_factory=TrackerSettings, title="Tracking")
    detect_every: int | str = setting(
        "Detect every N-th frame, or auto.",
        default="auto",
        more="auto leaves at most 0.15 seconds between two detections. In between, refinement finds people where the tracker"
        " expects them, or where the next detection finds them; more frames are detected while a person is missed.",
        low=1,
        words=("auto",),
        option="--detect-every",
        metavar="N",
        title="Detection",
    )
