"""Recording of a preview's skeletons to a file."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path

from skelstream.errors import OutputError, SkelstreamError
from skelstream.formats import save
from skelstream.preview.playback import Playback


class Recording:
    """Recording of all people since the start of a playback, written again at its end.

    Args:
        playback: the playback.
        stem: beginning of the file's name if ``path`` is None.
        path: file to record to from the start; None to begin later.
        overwrite: whether an existing file may be replaced.

    Attributes:
        stem: beginning of file names.
        path: the file; None before recording begins.
        frames: number of frames when it was last written.
    """

    def __init__(self, playback: Playback, stem: str, path: Path | None, overwrite: bool) -> None:
        self._playback, self.stem, self._overwrite = playback, stem, overwrite
        self.path, self.frames = path, 0

    @property
    def written(self) -> tuple[Path, int] | None:
        """File and its number of frames; None before it is written."""
        return (self.path, self.frames) if self.path is not None and self.frames else None

    def begin(self) -> None:
        """Begin recording, if necessary under a name with the date and time, and write the people so far.

        Raises:
            OutputError: there is no frame yet, or the file cannot be written.
        """
        self.path = self.path or Path(f"{self.stem}-{datetime.now():%Y%m%d-%H%M%S}.npz")
        self.write()

    def write(self) -> None:
        """Write all people so far, if recording has begun.

        Raises:
            OutputError: there is no frame yet, or the file cannot be written.
        """
        if self.path is None:
            return
        sequence = self._playback.sequence()
        if sequence is None:
            raise OutputError(f"{self.path}: no frame to write yet; try again after the first frame")
        save(sequence, self.path, overwrite=self._overwrite)
        self._overwrite, self.frames = True, len(sequence.frame_time)

    def keep(self, error: BaseException) -> None:
        """Write after an error, whose message gets a note with the file's path; errors of writing are suppressed."""
        with suppress(OSError, SkelstreamError):
            self.write()
        if self.written:
            error.add_note(f"{self.frames} frames are in {self.path}")
