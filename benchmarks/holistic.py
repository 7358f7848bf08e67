"""MediaPipe Holistic over one clip, in an environment of its own: ``whole_body.py`` calls it.

    pip install mediapipe==0.10.14 av

    python benchmarks/holistic.py CLIP OUT.npz

Writes the landmarks in pixels, NaN where missing: ``pose`` (T, 33, 2), ``left_hand`` and ``right_hand`` (T, 21, 2), ``face``
(T, 468, 2), and ``seconds`` from the first frame to the last.
"""

from __future__ import annotations

import sys
import time

import av
import mediapipe  # pyright: ignore[reportMissingImports] - in an environment of its own
import numpy as np

PARTS = {"pose": 33, "left_hand": 21, "right_hand": 21, "face": 468}


def main() -> int:
    clip, out = sys.argv[1:]
    found: dict[str, list[np.ndarray]] = {name: [] for name in PARTS}
    with mediapipe.solutions.holistic.Holistic() as holistic, av.open(clip) as container:
        holistic.process(np.zeros((64, 64, 3), np.uint8))  # loads the networks
        began = time.perf_counter()
        for frame in container.decode(video=0):
            image = frame.to_ndarray(format="rgb24")
            result = holistic.process(image)
            for name, points in PARTS.items():
                landmarks = getattr(result, f"{name}_landmarks")
                places = np.full((points, 2), np.nan, np.float32)
                if landmarks is not None:
                    places[:] = [(p.x, p.y) for p in landmarks.landmark[:points]]
                found[name].append(places * image.shape[1::-1])
        seconds = time.perf_counter() - began
    np.savez(out, seconds=seconds, **{name: np.array(places) for name, places in found.items()})
    return 0


if __name__ == "__main__":
    sys.exit(main())
