"""Choice of the torch device."""

from __future__ import annotations

import torch

from skelstream.errors import SettingsError


def choose_device(name: str = "auto") -> torch.device:
    """Return a torch device.

    Args:
        name: torch device name, or ``auto`` for the first available of CUDA, MPS and the CPU.

    Raises:
        SettingsError: the device is not available.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise SettingsError(
            f"device {name!r} cannot be used here ({reason}); use the device cpu", setting="device"
        ) from None
    return device
