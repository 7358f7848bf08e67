"""Checks of the versions of Python, skelstream and its dependencies."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

from skelstream import __version__
from skelstream.diagnosis.check import Check, State, checked

# Distribution and module of each package (and its extra); optional ones may be missing.
_REQUIRED = {
    "torch": "torch",
    "av": "av",
    "opencv-python": "cv2",
    "numpy": "numpy",
    "scipy": "scipy",
    "pycocotools": "pycocotools",
    "filterpy": "filterpy",
    "safetensors": "safetensors",
}
_OPTIONAL = {
    "openvino": ("skelstream.runtimes.openvino_import", "openvino"),
    "onnx": ("onnx", "onnx"),
    "pyarrow": ("pyarrow", "formats"),
    "h5py": ("h5py", "formats"),
    "pose-format": ("pose_format", "formats"),
}


def versions() -> Iterator[Check]:
    """Yield a check for each package."""
    yield Check("versions", "skelstream", State.FINE, __version__)
    yield Check("versions", "python", State.FINE, f"{platform.python_version()}, {platform.platform()}")
    for name, module in _REQUIRED.items():
        yield checked("versions", name, lambda name=name, module=module: _required(name, module))
    for name, (module, extra) in _OPTIONAL.items():
        yield checked(
            "versions", name, lambda name=name, module=module, extra=extra: _optional(name, module, extra)
        )


def _required(name: str, module: str) -> Check:
    import_module(module)
    try:
        found = version(name)
    except PackageNotFoundError:
        # OpenCV has four distributions of one module.
        found = str(getattr(import_module(module), "__version__", "version unknown"))
    return Check("versions", name, State.FINE, found)


def _optional(name: str, module: str, extra: str) -> Check:
    try:
        found = version(name)
    except PackageNotFoundError:
        missing = f"not installed; pip install 'skelstream[{extra}]'"
        return Check("versions", name, State.UNAVAILABLE, missing)
    import_module(module)
    return Check("versions", name, State.FINE, found)
