"""Settings of parts: hands and faces."""

from __future__ import annotations

from skelstream.settings.declaration import Settings, setting
from skelstream.settings.models import FACE, HAND, PALM


class PartSettings(Settings):
    """Which parts of people are found beyond the body, and by which networks."""

    hands: bool = setting(
        "Find hands too: 21 joints each.",
        default=False,
        more="Their networks come with skelstream models fetch whole-body. The people then have the joints body+hands.",
        option="--hands",
    )
    face: bool = setting(
        "Find faces too: 468 points each.",
        default=False,
        more="As --hands. The people then have the joints body+face, with hands body+hands+face.",
        option="--face",
    )
    hand_weights: str = setting(
        "Find hands with this network.",
        default=HAND,
        more="A fetched network, or a graph of the 21 joints of a hand (.onnx, .xml, .tflite) with a .toml beside it.",
        option="--hand-network",
        metavar="NAME",
    )
    palm_weights: str = setting("Find palms with this network.", default=PALM)
    face_weights: str = setting(
        "Find faces with this network.",
        default=FACE,
        more="A fetched network, or a graph of the 468 points of a face mesh, as for hands.",
        option="--face-network",
        metavar="NAME",
    )

    @property
    def kinds(self) -> list[str]:
        """Names of the kinds of parts to find, in the order of their joints."""
        return [name for name, wanted in (("hands", self.hands), ("face", self.face)) if wanted]

    @property
    def networks(self) -> list[str]:
        """Names or files of the networks that find these parts."""
        of_hands = [self.hand_weights, self.palm_weights] if self.hands else []
        return of_hands + ([self.face_weights] if self.face else [])
