"""PyTorch files of tensors by name, which other projects share: no code in them is run."""

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
    """Stands for an object that is of no use here; nothing of its own is run."""

    def __init__(self, *_: object):
        pass

    def __setstate__(self, _: object) -> None:
        pass


# NumPy's random numbers, by module and name; older and newer NumPy have some of these in different places.
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
    """What a PyTorch file's outermost entries are called.

    Raises:
        ModelError: the file is missing, no PyTorch file, broken off, or holds something else than entries by name.
    """
    stored = _read(path)
    return [str(name) for name in stored] if isinstance(stored, dict) else []


def read_state_dict(path: Path, inside: str | None = None) -> dict[str, Tensor]:
    """The tensors of a ``.pth`` file by name, on the CPU.

    Args:
        path: the file.
        inside: the entry that holds them, where the file holds other things too.

    Raises:
        ModelError: the file is missing, no PyTorch file, broken off, or holds other things than tensors by name.
    """
    stored = _read(path)
    if inside is not None:
        stored = stored.get(inside) if isinstance(stored, dict) else None
    if not isinstance(stored, dict) or not all(isinstance(tensor, Tensor) for tensor in stored.values()):
        raise ModelError(f"{path}: not a state dict, which is tensors by name")
    return stored


def _read(path: Path) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of unusual pickles; if it cannot be read, the error says so
            # Checkpoints of training runs hold the state of NumPy's random numbers too: it is passed over.
            with torch.serialization.safe_globals(_IGNORED):
                return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file") from None
    except pickle.UnpicklingError:
        if not _looks_like_torch(path):
            raise ModelError(f"{path}: not a PyTorch file; was a web page saved in its place?") from None
        raise ModelError(
            f"{path}: holds Python objects besides tensors; save the network's state dict alone"
        ) from None
    except (OSError, RuntimeError, ValueError, EOFError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{path}: cannot be read; a download that broke off? ({reason})") from None


def misfits(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> Iterator[str]:
    """What keeps a state dict from being the wanted one, the most telling first."""
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
            yield f"{name} holds numbers that are not finite"


def _looks_like_torch(path: Path) -> bool:
    """Whether the first bytes are of a zip archive or of a binary pickle."""
    with path.open("rb") as file:
        start = file.read(2)
    return start == b"PK" or start[:1] == b"\x80"


def write_state_dict(path: Path, state: dict[str, object]) -> None:
    """Write tensors and what goes with them, by name, in torch's own format, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    # By way of memory: where the disk is full, torch's own writer raises an error that does not say so.
    content = BytesIO()
    torch.save(state, content)
    with replacing(path) as temporary:
        temporary.write_bytes(content.getbuffer())
