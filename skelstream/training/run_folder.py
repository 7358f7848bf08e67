"""Folder of a training run: training checkpoints, curves, images and weights."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from skelstream.errors import OutputError
from skelstream.files.atomic import replacing


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run's files.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def checkpoint(self) -> Path:
        """The last training checkpoint, from which the run resumes."""
        return self.path / "last.ckpt"

    @property
    def steady(self) -> Path:
        """The last training checkpoint before the cool-down, from which the run can be prolonged."""
        return self.path / "steady.ckpt"

    @property
    def weights(self) -> Path:
        """The averaged weights of the last evaluation; at the end, the run's result."""
        return self.path / "weights.safetensors"

    @property
    def best(self) -> Path:
        """The averaged weights with the best figure on the evaluation set."""
        return self.path / "best.safetensors"

    @property
    def losses(self) -> Path:
        """The table of losses."""
        return self.path / "losses.csv"

    @property
    def scores(self) -> Path:
        """The table of evaluation figures."""
        return self.path / "scores.csv"

    @property
    def curves(self) -> Path:
        """The image of losses and figures over samples."""
        return self.path / "curves.png"

    @property
    def detections(self) -> Path:
        """The people that detection finds in the training images."""
        return self.path / "detections.npz"

    def image(self, sample: int) -> Path:
        """Return the path of the image of predictions after ``sample`` samples."""
        return self.path / f"predictions-{sample:08d}.png"

    def prepare(self, resume: bool, branch: Path | None = None) -> None:
        """Make the folder, without ever overwriting another run.

        Args:
            resume: continue the run in the folder.
            branch: training checkpoint of another run to begin with, or None.

        Raises:
            OutputError: the folder holds a run that is not to be resumed, holds none to resume, or cannot be
                made.
        """
        if resume and branch:
            raise OutputError(
                "resume continues the run in the folder, branch begins another one: give one of them"
            )
        if resume and not self.checkpoint.is_file():
            raise OutputError(f"{self.path}: no {self.checkpoint.name} to resume; begin a run instead")
        if not resume and self.checkpoint.exists():
            raise OutputError(
                f"{self.path} holds a run; resume it, or choose another folder", setting="resume"
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the folder {self.path}: {error.strerror}") from None
        if branch:
            self._copy_from(branch)

    def _copy_from(self, branch: Path) -> None:
        if not branch.is_file():
            raise OutputError(f"{branch}: no such training checkpoint to branch off from")
        with replacing(self.checkpoint) as part:
            shutil.copyfile(branch, part)
        detections = RunFolder(branch.parent).detections
        if detections.is_file():
            with replacing(self.detections) as part:
                shutil.copyfile(detections, part)
