"""The import of OpenVINO, without its telemetry. Needs the extra ``openvino``.

``import openvino`` reports itself to an analytics server if the package ``openvino_telemetry`` is installed, which comes with
it. OpenVINO has a stub for installations without that package, and takes it here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from skelstream.errors import MissingExtraError

_TELEMETRY = "openvino_telemetry"


@contextmanager
def _without_telemetry() -> Iterator[None]:
    """Make ``import openvino_telemetry`` fail meanwhile, as if it were not installed."""
    # A copy, because other threads import modules meanwhile.
    loaded = {name: module for name, module in sys.modules.copy().items() if name.split(".")[0] == _TELEMETRY}
    for name in loaded:
        del sys.modules[name]
    sys.modules[_TELEMETRY] = None  # pyright: ignore[reportArgumentType] - what a failed import leaves
    try:
        yield
    finally:
        del sys.modules[_TELEMETRY]
        sys.modules.update(loaded)


try:
    with _without_telemetry():
        import openvino as ov
except ImportError as error:
    raise MissingExtraError(
        f"OpenVINO is not installed ({error}); pip install 'skelstream[openvino]', or use the torch runtime"
    ) from None

__all__ = ["ov"]
