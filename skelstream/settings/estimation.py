"""Settings of pose estimation: detection, refinement, and what runs the networks."""

from __future__ import annotations

from skelstream.errors import SettingsError
from skelstream.settings.declaration import Settings, group, setting
from skelstream.settings.grouping import GroupingSettings
from skelstream.settings.models import DETECTOR
from skelstream.settings.parts import PartSettings
from skelstream.settings.refinement import RefinementSettings

SIZE = 416
"""Default long side of the network input in pixels; the packaged weights are measured at it."""


class DetectionSettings(Settings):
    """How people are found in the whole image, by the part affinity field network and grouping."""

    weights: str = setting(
        "Detect with this model or weights file.",
        default=DETECTOR,
        more="Name of a packaged model, or a weights file.",
        option="--weights",
        metavar="NAME",
    )
    size: int = setting(
        "Set the input's long side; larger finds smaller people.",
        default=SIZE,
        more="Smaller is faster; the packaged weights are measured at the default.",
        unit="pixels",
        low=64,
        high=4096,
        option="--size",
        metavar="PX",
    )
    scales: tuple[float, ...] = setting(
        "Factors of the input size whose maps are averaged, each from 0.1 to 8.",
        default=(1.0,),
        low=0.1,
        high=8,
    )
    flip: bool = setting("Average with the maps of the mirrored image.", default=False)
    orientations: int | str = setting(
        "Views to detect in, each turned by a quarter: 1, 4 or auto.",
        default="auto",
        more="The network knows people who stand upright. 4 finds those who lie or stand on their heads too. auto is 4 for photos; in"
        " videos it turns a frame where people lie, where one is lost or nobody is found, and else one in twenty.",
        low=1,
        high=4,
        words=("auto",),
        option="--orientations",
        metavar="N",
    )
    grouping: GroupingSettings = group(default_factory=GroupingSettings)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.orientations not in (1, 4, "auto"):
            raise SettingsError(
                f"orientations is {self.orientations}: give 1, 4 or auto", setting="orientations"
            )


class EstimatorSettings(Settings):
    """Everything that a ``PoseEstimator`` is made from."""

    detection: DetectionSettings = group(default_factory=DetectionSettings, title="Detection")
    refinement: RefinementSettings = group(default_factory=RefinementSettings, title="Refinement")
    parts: PartSettings = group(default_factory=PartSettings, title="Hands and faces")
    device: str = setting(
        "Compute on auto, cpu, cuda, cuda:1 or mps.", default="auto", option="--device", metavar="NAME"
    )
    runtime: str = setting(
        "Run the networks by auto, torch or openvino.",
        default="auto",
        more="auto is OpenVINO on an x86 CPU, if it is installed, else torch.",
        option="--runtime",
        metavar="NAME",
    )
    precision: str = setting(
        "Compute in auto, float32, bfloat16, float16 or int8.",
        default="auto",
        more="auto is the fastest that the device supports natively.",
        option="--precision",
        metavar="NAME",
    )
