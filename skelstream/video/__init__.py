"""Video input and output: frames of files, cameras, URLs and image folders, and writing of video files."""

from skelstream.video.frame import Frame, SourceInfo
from skelstream.video.opening import open_source
from skelstream.video.source import Source
from skelstream.video.writing import VideoWriter

__all__ = ["Frame", "Source", "SourceInfo", "VideoWriter", "open_source"]
