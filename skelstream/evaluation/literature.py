"""Published figures, and a comparison that keeps different protocols apart."""

from __future__ import annotations

from dataclasses import dataclass

from skelstream.evaluation.protocol import ALL_VAL2017, EvalProtocol


@dataclass(frozen=True)
class Row:
    """One published result.

    Attributes:
        method: name and variant of the method.
        images: images of the measurement, as the source states them.
        scales: "single", "multi" or "not stated".
        ap, ap50, ap75, apm, apl: AP figures over OKS thresholds, in percent; None if the source lacks them.
        boxes: whether the boxes of a person detector were given (top-down); None if not known.
        verified: whether the figures were read in the paper or the authors' repository; else others quote
            them.
    """

    method: str
    images: str
    scales: str
    ap: float
    ap50: float | None = None
    ap75: float | None = None
    apm: float | None = None
    apl: float | None = None
    boxes: bool | None = False
    verified: bool = True

    @property
    def protocol(self) -> str:
        """The conditions that comparable figures must share."""
        scales = {"single": "single scale", "multi": "several scales"}.get(self.scales, "scales not stated")
        ways = {True: "top-down, with person boxes", False: "bottom-up", None: "with or without person boxes"}
        return f"{self.images}, {scales}, {ways[self.boxes]}"


_SUBSET = "1,160 images of val"
_VAL = "val, year and count not stated"

# fmt: off
ROWS = (
    Row("CMU's VGG weights run by tf-pose", ALL_VAL2017, "single", 49.6, 75.9, 52.1, 49.3, 49.7),
    Row("Lightweight OpenPose", ALL_VAL2017, "single", 40.0),
    Row("OpenPose, CVPR 2017, six stages", _SUBSET, "multi", 58.4, 81.5, 62.6, 54.4, 65.1),
    Row("OpenPose, CVPR 2017, with CPM refinement", _SUBSET, "multi", 61.0, 84.9, 67.5, 56.3, 69.3),
    Row("HyperPose, VGG19", "1,160 images or val2017 (the source names both)", "not stated", 57.0),
    Row("HyperPose, ResNet-50", "1,160 images or val2017 (the source names both)", "not stated", 48.2),
    Row("HyperPose, TinyVGG", "1,160 images or val2017 (the source names both)", "not stated", 47.3),
    Row("HyperPose, MobileNet thin", "1,160 images or val2017 (the source names both)", "not stated", 44.2),
    Row("OpenVINO human-pose-estimation-0001", "a subset of val", "not stated", 42.8),
    Row("tf-pose, MobileNetV2 large", "val2014", "single", 31.3),
    Row("tf-pose, MobileNet thin", "val2014", "single", 28.1),
    Row("tf-pose, MobileNetV2 small", "val2014", "single", 17.3),
    Row("OpenPifPaf, ShuffleNetV2 k30", _VAL, "single", 71.8, 89.4, 78.1, 67.0, 79.5),
    Row("OpenPifPaf, ShuffleNetV2 k16", _VAL, "single", 68.1),
    Row("DEKR, W32", _VAL, "single", 68.0, 86.7, 74.5, 62.1, 77.7),
    Row("HigherHRNet, W32 at 512", _VAL, "single", 67.1, 86.2, 73.0, 61.5, 76.1),
    Row("OpenPifPaf, MobileNetV3 large", _VAL, "single", 58.4),
    Row("OpenPifPaf, MobileNetV3 small", _VAL, "single", 47.1, 73.9, 49.5, 40.1, 58.0),
    Row("HigherHRNet, W32 at 512", _VAL, "multi", 69.9),
    Row("RTMO l", _VAL, "not stated", 72.4),
    Row("RTMO m", _VAL, "not stated", 70.9),
    Row("RTMO s", _VAL, "not stated", 67.7),
    Row("OpenPose, body and foot", _VAL, "not stated", 65.3, 85.0, 71.2, 62.0, 70.1),
    Row("YOLO11-pose m at 640", _VAL, "not stated", 64.9),
    Row("YOLO11-pose s at 640", _VAL, "not stated", 58.9),
    Row("YOLO11-pose n at 640", _VAL, "not stated", 50.0),
    Row("trt_pose, DLA-34 at 256², stretched", _VAL, "not stated", 26.3, 54.7, 21.9, 21.8, 33.9),
    Row("PersonLab, ResNet-152", "test-dev", "single", 66.5, verified=False),
    Row("Associative Embedding, Hourglass", "test-dev", "single", 56.6, verified=False),
    Row("PersonLab, ResNet-152", "test-dev", "multi", 68.7, verified=False),
    Row("Associative Embedding, with refinement", "test-dev", "multi", 65.5, verified=False),
    Row("OpenPose, CVPR 2017, with refinement", "test-dev", "multi", 61.8, 84.9, 67.5, 57.1, 68.2),
    Row("Simple Pose (Improved Body Parts)", "test-dev", "not stated", 68.5, 86.7, 74.9, 66.4, 71.9),
    Row("OpenPose, arXiv 1812.08008", "test-dev", "not stated", 64.2, 86.2, 70.1, 61.0, 68.8),
    Row("ViTPose L", _VAL, "not stated", 78.3, boxes=True),
    Row("HRNet W48 at 384x288", _VAL, "not stated", 76.7, boxes=True),
    Row("RTMPose l", _VAL, "not stated", 76.5, boxes=True),
    Row("RTMPose m", _VAL, "not stated", 75.8, boxes=True),
    Row("ViTPose B", _VAL, "not stated", 75.8, boxes=True),
    Row("HRNet W32 at 256x192", _VAL, "not stated", 74.9, boxes=True),
    Row("ViTPose S", _VAL, "not stated", 73.8, boxes=True),
    Row("RTMPose s", _VAL, "not stated", 72.2, boxes=True),
    Row("SimpleBaseline, ResNet-50 at 256x192", _VAL, "not stated", 71.8, boxes=True),
    Row("RTMPose t", _VAL, "not stated", 68.5, boxes=True),
    Row("CPM at 384x288", _VAL, "not stated", 65.2, boxes=True),
    Row("SimpleBaseline, MobileNetV2 at 256x192", _VAL, "not stated", 64.8, boxes=True),
    Row("CPM at 256x192", _VAL, "not stated", 62.7, boxes=True),
)
# fmt: on

LSP_PCK = (
    "Published for the test images of Leeds Sports Pose, with neck and head top counted: Convolutional Pose"
    " Machines 84.3 (trained on it), 90.5 (and on MPII). Other images and joints: not comparable."
)
"""Note on published figures, for PCK figures of other sets."""


@dataclass(frozen=True)
class Comparison:
    """Our figures beside the published ones.

    Attributes:
        ours: this evaluation as a row.
        alike: published rows of the same protocol.
        others: published rows of other protocols, by protocol.
    """

    ours: Row
    alike: tuple[Row, ...]
    others: dict[str, tuple[Row, ...]]


def compare(protocol: EvalProtocol, metrics: dict[str, float]) -> Comparison:
    """Sort the published rows into those of the same protocol and the others.

    Rows have the same protocol if images and kind of scales are the same and stated, and if person boxes are
    used in both or in none. The published rows are without flip, so with flip no row has the same protocol.

    Args:
        protocol: protocol of our figures.
        metrics: our figures by the names of ``scoring.METRICS``, in percent.
    """
    ours = Row(
        protocol.estimator or "these results",
        protocol.images,
        protocol.scale_kind,
        *(metrics[name] for name in ("AP", "AP50", "AP75", "APM", "APL")),
        boxes=protocol.boxes,
    )
    comparable = protocol.scales is not None and protocol.flip is False and not protocol.turn
    alike = tuple(row for row in ROWS if comparable and row.protocol == ours.protocol)
    others: dict[str, tuple[Row, ...]] = {}
    for row in ROWS:
        if row not in alike:
            others[row.protocol] = (*others.get(row.protocol, ()), row)
    return Comparison(ours, alike, others)
