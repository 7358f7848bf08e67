"""OpenVINO graphs of networks in the user's cache: a network is converted once, which takes seconds. Needs the extra
``openvino``."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from skelstream import __version__
from skelstream.errors import OutputError
from skelstream.files.cache import Cache, cache_folder
from skelstream.network import source_code
from skelstream.runtimes.openvino_import import ov

_log = logging.getLogger(__name__)

# Bytes of the number that says how long the first part of an entry is.
_LENGTH = 8


def graphs() -> Cache | None:
    """Return the cache of graphs; None if the cache is switched off."""
    folder = cache_folder()
    return None if folder is None else Cache(folder / "graphs")


def cached_graph(
    core: ov.Core, sha256: str | None, eight_bit: bool, convert: Callable[[], ov.Model]
) -> ov.Model:
    """Return a network's graph from the user's cache; convert the network and keep its graph if it is not there.

    Without a cache, or with one that cannot be written, the network is converted each time.

    Args:
        core: OpenVINO's core.
        sha256: SHA-256 of the network's weights file; None for a network that is not kept.
        eight_bit: whether the graph is the quantised network's.
        convert: function that returns the graph. It may raise ModelError.
    """
    cache, code = graphs(), source_code.source_code_sha256()
    # Files that differ from the code that runs would bring its graph to the code of a later program.
    if cache is None or sha256 is None or not code or code != source_code.LOADED:
        return convert()
    key = _key(core, weights=sha256, eight_bit=eight_bit, code=code)
    content = cache.read(key)
    if content is not None:
        try:
            return _read(core, content)
        except RuntimeError as error:
            _log.info("%s: OpenVINO cannot read a kept graph (%s); it is made anew", cache.folder, error)
    graph = convert()
    try:
        cache.write(key, _written(graph))
    except (OSError, OutputError, RuntimeError) as error:
        _log.info("the converted network is not kept, and the next start takes as long: %s", error)
    return graph


def _key(core: ov.Core, **asked: object) -> str:
    """Return the name of a graph, which depends on everything that may change a number in it."""
    made_with = {
        "skelstream": __version__,
        "torch": torch.__version__,
        "openvino": ov.__version__,
        # Weights are folded and scaled by torch, whose kernels, and so the last digits, depend on the processor.
        "processor": f"{torch.backends.cpu.get_cpu_capability()}, {core.get_property('CPU', 'FULL_DEVICE_NAME')}",
    }
    return hashlib.sha256(json.dumps(asked | made_with, sort_keys=True).encode()).hexdigest()


def _written(graph: ov.Model) -> bytes:
    """Return a graph as bytes: the length of its description, the description (XML), and the weights."""
    with tempfile.TemporaryDirectory(prefix="skelstream-") as folder:
        description, weights = Path(folder) / "graph.xml", Path(folder) / "graph.bin"
        ov.serialize(graph, description, weights)
        text = description.read_bytes()
        return len(text).to_bytes(_LENGTH, "little") + text + weights.read_bytes()


def _read(core: ov.Core, content: memoryview) -> ov.Model:
    """Return the graph that ``_written`` wrote."""
    end = _LENGTH + int.from_bytes(content[:_LENGTH], "little")
    return core.read_model(bytes(content[_LENGTH:end]), bytes(content[end:]))
