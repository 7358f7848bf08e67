"""Opening of any kind of source from its name."""

from __future__ import annotations

import glob
import shlex
from pathlib import Path

from skelstream.errors import FormatError, SourceError
from skelstream.files.arguments import number_argument, path_argument
from skelstream.files.endings import is_video_file
from skelstream.files.inputs import check_is_file
from skelstream.video.animated import AnimatedSource, images_in, is_truncated_gif
from skelstream.video.capture import CAMERA_PREFIX, device_input
from skelstream.video.container import ContainerSource
from skelstream.video.decoding import Input
from skelstream.video.image_folder import IMAGE_SUFFIXES, ImageSource, natural_order
from skelstream.video.source import Selection, Source


def open_source(
    source: str | Path | int,
    *,
    name: str | None = None,
    start: float | None = None,
    end: float | None = None,
    every: int = 1,
    threads: int | None = None,
    fps: float | None = None,
) -> Source:
    """Open a video file, image, image folder, URL or capture device as a source of frames.

    Args:
        source: video file of any container and codec that FFmpeg reads; image, also animated or multi-page;
            folder of images or pattern with ``*``, ``?`` or ``[]`` (in natural order); URL; or capture
            device: its number (``0``), its device file (``/dev/video0``) or its name (``camera:FaceTime``).
        name: name of the source in messages and results; None for ``source`` itself.
        start, end: bounds in seconds: only frames with ``start <= time < end`` are read. Frames keep the
            numbers that they have in the whole source.
        every: only frames whose number is a multiple of this are read.
        threads: number of decoding threads; None for 4.
        fps: frames per second of images and of videos without times, or the rate to request from a capture device.
            None: images that do not resemble each other are treated as photos, others as 30 frames per second.

    Returns:
        Context manager that yields :class:`Frame` objects once, in display order, one for each frame of the
        source; a frame that fails to decode has no image. All images have the size of the first: a frame of
        another size is scaled to fit, centred, and padded with black.

    Raises:
        SourceError: the source cannot be read, or has no frame in the requested part.
        SettingsError: an argument has the wrong type or is out of range.
    """
    selection = Selection(start, end, every)
    if fps is not None:
        fps = number_argument(fps, "fps", "a number of frames per second above 0", above=0)
    check_source(source)
    given = str(source)
    name = name or given
    if "\0" in given:
        raise SourceError(f"{given!r}: a source's name cannot hold a NUL character")
    if isinstance(source, int) or given.startswith(CAMERA_PREFIX):
        return ContainerSource(device_input(given.removeprefix(CAMERA_PREFIX), fps), selection, threads)
    path = Path(source)
    if not isinstance(source, Path) and "://" in given:
        return ContainerSource(Input(name, given), selection, threads, fps)
    try:
        path.exists()
    except OSError as error:
        raise SourceError(f"{name} cannot be opened ({error.strerror}): check the name") from None
    if path.is_dir():
        return ImageSource(name, _images_in(path), fps, selection)
    if not path.exists():
        if isinstance(source, str) and given.isdecimal():
            return ContainerSource(device_input(given, fps), selection, threads)
        return ImageSource(name, _matching(given), fps, selection)
    if path.is_char_device():
        return ContainerSource(device_input(given, fps), selection, threads)
    try:
        check_is_file(path)
    except FormatError as error:
        raise SourceError(str(error)) from None
    if path.suffix.lower() in IMAGE_SUFFIXES:
        if images_in(path) > 1:
            return AnimatedSource(name, path, fps, selection)
        return ImageSource(name, [path], fps, selection)
    film = ContainerSource(Input.of_file(path, name), selection, threads, fps)
    if is_truncated_gif(path):
        film.warn("the file is truncated: its last image may be damaged")
    return film


def check_source(source: object) -> None:
    """Check that a source is a path, text or a number.

    Raises:
        SettingsError: it is something else.
    """
    if not isinstance(source, int) or isinstance(source, bool):
        path_argument(source, "source", ", a URL, or the number of a camera")


def _images_in(folder: Path) -> list[Path]:
    try:
        paths = [p for p in folder.iterdir() if _is_image(p)]
    except OSError as error:
        raise SourceError(f"{folder} cannot be read ({error.strerror}): change its permissions") from error
    if not paths:
        if any(is_video_file(path) for path in folder.rglob("*")):
            quoted = shlex.quote(str(folder))
            raise SourceError(
                f"{folder} is a folder of videos, and one source is one video or a folder of images;"
                f" extract all its videos with skelstream batch run {quoted} -o skeletons/"
            )
        raise SourceError(f"{folder} has no images: put {', '.join(sorted(IMAGE_SUFFIXES))} files into it")
    return sorted(paths, key=natural_order)


def _matching(pattern: str) -> list[Path]:
    if pattern.startswith("/dev/"):
        raise SourceError(f"{pattern} does not exist: is the camera plugged in?")
    if not glob.has_magic(pattern):
        raise SourceError(f"{pattern} does not exist: check the name")
    paths = [p for p in map(Path, glob.glob(pattern, recursive=True)) if _is_image(p)]
    if not paths:
        raise SourceError(f"{pattern} matches no images: check the folder and the pattern")
    return sorted(paths, key=lambda p: (natural_order(p.parent), natural_order(p)))


def _is_image(path: Path) -> bool:
    # Files that begin with a dot are hidden files of other programs, such as "._frame.png" from macOS.
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()
