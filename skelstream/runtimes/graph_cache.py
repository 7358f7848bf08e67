"""Compiled OpenVINO graphs in the user's cache: a network is built, converted and compiled once, which takes seconds.

Needs the extra ``openvino``.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import torch

from skelstream.errors import OutputError
from skelstream.files.cache import Cache, cache_folder
from skelstream.network import source_code
from skelstream.runtimes.cores import available_cores
from skelstream.runtimes.openvino_import import ov
from skelstream.version import __version__

_DEVICE = "CPU"

_log = logging.getLogger(__name__)


def graphs() -> Cache | None:
    """Return the cache of graphs; None if the cache is switched off."""
    folder = cache_folder()
    return None if folder is None else Cache(folder / "graphs")


def cached_graph(
    core: ov.Core,
    network: Mapping[str, object] | None,
    settings: dict[str, str | int | bool],
    make: Callable[[], ov.CompiledModel],
) -> ov.CompiledModel:
    """Return a graph from the user's cache; make it and keep it there if it is missing.

    Without a cache, or with one that cannot be written, the graph is made each time.

    Args:
        core: OpenVINO's core.
        network: JSON values that tell the network from all others; None for a graph that is not kept.
        settings: OpenVINO's settings, see ``compile_settings``.
        make: function that returns the graph. It may raise ModelError.
    """
    cache, code = graphs(), source_code.source_code_sha256()
    # If the files have changed since they were imported, a later program would find the graph of other code.
    if cache is None or network is None or not code or code != source_code.LOADED:
        return make()
    key = _key(core, code, {"network": network, "settings": settings})
    content = cache.read(key)
    if content is not None:
        try:
            return core.import_model(io.BytesIO(content), _DEVICE, settings)
        except RuntimeError as error:
            _log.info("%s: OpenVINO cannot read a kept graph (%s); it is made anew", cache.folder, error)
    graph = make()
    try:
        exported = graph.export_model()
        cache.write(key, exported if isinstance(exported, bytes) else exported.getvalue())
    except (OutputError, RuntimeError) as error:
        _log.info("the compiled network is not kept, and the next start takes as long: %s", error)
    return graph


def _key(core: ov.Core, code: str, asked: Mapping[str, object]) -> str:
    """Return the name of a graph, which depends on everything that may change a number in it."""
    made_with = {
        "skelstream": __version__,
        "code": code,
        "torch": torch.__version__,
        "openvino": ov.__version__,
        # Torch's kernels, which fold and scale weights, and what OpenVINO compiles depend on the processor.
        "torch_kernels": torch.backends.cpu.get_cpu_capability(),
        "processor": core.get_property(_DEVICE, "FULL_DEVICE_NAME"),
        "abilities": sorted(core.get_property(_DEVICE, "OPTIMIZATION_CAPABILITIES")),
        "instructions": _instructions(),
        "cores": available_cores(),
    }
    return hashlib.sha256(json.dumps({**asked, **made_with}, sort_keys=True).encode()).hexdigest()


def _instructions() -> str:
    """Return Linux's list of the processor's instruction sets; empty elsewhere. Virtual machines share names of processors."""
    with suppress(OSError), Path("/proc/cpuinfo").open() as file:
        for line in file:
            if line.startswith(("flags", "Features")):
                return line
            if not line.strip():  # the end of the first core
                break
    return ""
