"""The file that a preview's skeletons are kept in."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path

from skelstream.errors import OutputError, SkelstreamError
from skelstream.formats import save
from skelstream.preview.playback import Playback


class Recording:
    """Once begun, it is written again at the end, however the preview ends.

    Args:
        playback: whose people are kept, all since its start.
        stem: beginning of the file's name if none is given.
        path: the file to write; recording has begun then.
        overwrite: whether the file may be there already.

    Attributes:
        stem: beginning of file names.
        path: the file; None while nothing is to be kept.
        frames: how many frames it had when it was last written.
    """

    def __init__(self, playback: Playback, stem: str, path: Path | None, overwrite: bool) -> None:
        self._playback, self.stem, self._overwrite = playback, stem, overwrite
        self.path, self.frames = path, 0

    @property
    def written(self) -> tuple[Path, int] | None:
        """The file and its number of frames, once it is there."""
        return (self.path, self.frames) if self.path is not None and self.frames else None

    def begin(self) -> None:
        """Writes what there is now; the first time, under a name with the date and time.

        Raises:
            OutputError: there is nothing yet, or the file cannot be written.
        """
        self.path = self.path or Path(f"{self.stem}-{datetime.now():%Y%m%d-%H%M%S}.npz")
        self.write()

    def write(self) -> None:
        """Writes all of it if recording has begun.

        Raises:
            OutputError: there is nothing yet, or the file cannot be written.
        """
        if self.path is None:
            return
        sequence = self._playback.sequence()
        if sequence is None:
            raise OutputError(f"{self.path}: there is no frame to write yet")
        save(sequence, self.path, overwrite=self._overwrite)
        self._overwrite, self.frames = True, len(sequence.frame_time)

    def keep(self, error: BaseException) -> None:
        """Writes it after an error, which stays the one to tell, with a note of where the skeletons are."""
        with suppress(OSError, SkelstreamError):
            self.write()
        if self.written:
            error.add_note(f"{self.frames} frames are in {self.path}")
