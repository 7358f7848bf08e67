"""Endings of video files, by which a folder of videos is recognised."""

from __future__ import annotations

from pathlib import Path

VIDEO_ENDINGS = (
    ".3gp", ".asf", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv",
    ".ts", ".vob", ".webm", ".webp", ".wmv",
)  # fmt: skip
"""Endings of video files, in lower case."""


def is_video_file(path: Path) -> bool:
    """Return whether a file has the ending of a video and is no hidden file of another program."""
    return path.suffix.strip().lower() in VIDEO_ENDINGS and not path.name.startswith(".") and path.is_file()
