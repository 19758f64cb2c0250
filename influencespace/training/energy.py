"""Energy spent on a device, where the device reports it."""

from __future__ import annotations

from pathlib import Path

import torch

# Intel's and AMD's counters of a whole processor package, in microjoules; readable to root alone on most systems.
RAPL = Path("/sys/class/powercap")


class Meter:
    """Reads a counter of energy that only ever rises, but for its turning over."""

    def __init__(self, device: torch.device, counters: Path = RAPL) -> None:
        self.device = device
        self.packages = sorted(counters.glob("intel-rapl:?")) if device.type == "cpu" else []

    def read(self) -> float | None:
        """Joules since some moment in the past; None where the device does not say."""
        try:
            if self.device.type == "cuda":
                return _nvidia_joules(self.device)
            if self.packages:
                return sum(int((package / "energy_uj").read_text()) for package in self.packages) / 1e6
        except (OSError, ValueError, RuntimeError, ImportError):
            return None
        return None

    def spent(self, before: float | None) -> float | None:
        """Joules since ``before``; None where a reading is missing or the counter has turned over."""
        now = self.read()
        return None if before is None or now is None or now < before else now - before


def _nvidia_joules(device: torch.device) -> float:
    # NVIDIA's own library, as torch finds it; there is none without their driver.
    import pynvml

    pynvml.nvmlInit()
    handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
    return pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3
