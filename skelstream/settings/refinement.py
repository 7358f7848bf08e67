"""Settings of refinement."""

from __future__ import annotations

from skelstream.settings.declaration import Settings, setting
from skelstream.settings.models import REFINER


class RefinementSettings(Settings):
    """Which people are refined, by which network, and which of them are kept."""

    people: int | str = setting(
        "Refine N people per frame, 0, all, or auto.",
        default="auto",
        more="auto refines everybody, and fewer people where a live source would otherwise drop frames; 0 is detection alone.",
        low=0,
        words=("auto", "all"),
        option="--refine",
        metavar="N",
    )
    weights: str = setting(
        "Refine with this model or weights file.",
        default=REFINER,
        more="Name of a packaged model, a weights file, or a top-down network as .onnx or .xml with a .toml beside it.",
        option="--refiner",
        metavar="NAME",
    )
    min_detection_score: float = setting(
        "Least detection score of a candidate; low, because refinement can refuse it.",
        default=0.02,
        low=0,
        below=1,
    )
    min_person_score: float = setting(
        "Least mean score of the refined joints; below it the candidate is refused.",
        default=0.15,
        low=0,
        below=1,
    )
    min_joint_score: float = setting("A joint with a lower score is missing.", default=0.1, low=0, below=1)
    duplicate_oks: float = setting(
        "A person at least this similar (OKS) to a better one is a duplicate.", default=0.7, above=0, high=1
    )
    flip: bool = setting("Average with the heatmaps of the mirrored crop.", default=False)

    @property
    def enabled(self) -> bool:
        """Whether anybody is refined."""
        return self.people != 0

    @property
    def limit(self) -> int | None:
        """Most people to refine in a frame; None for no limit."""
        return self.people if isinstance(self.people, int) else None
