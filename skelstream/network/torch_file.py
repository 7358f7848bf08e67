"""Reading of PyTorch files of named tensors without running code in them, and atomic writing of such
files."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path

import torch
from torch import Tensor

from skelstream.errors import ModelError
from skelstream.files.atomic import replacing


class _Ignored:
    """Placeholder of an object that is not needed; none of its code is run."""

    def __init__(self, *_: object):
        pass

    def __setstate__(self, _: object) -> None:
        pass


# Parts of NumPy's random state, by module and name; some have moved between versions of NumPy.
_IGNORED: list[Callable[..., object] | tuple[Callable[..., object], str]] = [
    type(name, (_Ignored,), {"__module__": module})
    for module, name in (
        ("numpy.random", "__RandomState_ctor"),
        ("numpy.random._pickle", "__randomstate_ctor"),
        ("numpy.random._pickle", "__bit_generator_ctor"),
        ("numpy.random._mt19937", "MT19937"),
        ("numpy.random.mtrand", "RandomState"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
    )
]


def read_names(path: Path) -> list[str]:
    """Return the names of a PyTorch file's outermost entries.

    Raises:
        ModelError: the file is missing, not a PyTorch file, truncated, or contains Python objects.
    """
    stored = _read(path)
    return [str(name) for name in stored] if isinstance(stored, dict) else []


def read_state_dict(path: Path, inside: str | None = None) -> dict[str, Tensor]:
    """Return the tensors of a ``.pth`` file by name, on the CPU.

    Args:
        path: the file.
        inside: name of the entry that contains the tensors; None if the file contains nothing else.

    Raises:
        ModelError: the file is missing, not a PyTorch file, truncated, or contains anything but named
            tensors.
    """
    stored = _read(path)
    if inside is not None:
        stored = stored.get(inside) if isinstance(stored, dict) else None
    if not isinstance(stored, dict) or not all(isinstance(tensor, Tensor) for tensor in stored.values()):
        raise ModelError(f"{path}: not a state dict (tensors by name); save the network's state dict alone")
    return stored


def _read(path: Path) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings of unusual pickles; an unreadable file raises an error
            # Training checkpoints also contain NumPy's random state, which is skipped.
            with torch.serialization.safe_globals(_IGNORED):
                return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file") from None
    except pickle.UnpicklingError:
        if not _looks_like_torch(path):
            raise ModelError(f"{path}: not a PyTorch file; was a web page saved instead of it?") from None
        raise ModelError(
            f"{path}: contains Python objects besides tensors; save the network's state dict alone"
        ) from None
    except (OSError, RuntimeError, ValueError, EOFError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{path}: cannot be read; is the download incomplete? ({reason})") from None


def mismatches(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> Iterator[str]:
    """Yield the differences of a state dict from the expected one, the most informative first."""
    missing, extra = (
        [name for name in wanted if name not in state],
        [name for name in state if name not in wanted],
    )
    if missing or extra:
        first = f"it lacks {missing[0]}" if missing else f"it has {extra[0]}"
        yield f"{len(missing)} of {len(wanted)} tensors are missing and {len(extra)} are unknown ({first})"
    for name, tensor in wanted.items():
        if state[name].shape != tensor.shape:
            yield f"{name} is {tuple(state[name].shape)}, not {tuple(tensor.shape)}"
        if not state[name].isfinite().all():
            yield f"{name} contains numbers that are not finite"


def _looks_like_torch(path: Path) -> bool:
    """Return whether the first bytes are those of a zip archive or a binary pickle."""
    with path.open("rb") as file:
        start = file.read(2)
    return start == b"PK" or start[:1] == b"\x80"


def write_state_dict(path: Path, state: dict[str, object]) -> None:
    """Write tensors and other values by name in torch's format, atomically.

    Raises:
        OutputError: the file cannot be written.
    """
    # Through memory: torch's own writer raises an error that does not mention a full disk.
    content = BytesIO()
    torch.save(state, content)
    with replacing(path) as temporary:
        temporary.write_bytes(content.getbuffer())
