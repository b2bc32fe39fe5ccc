"""Data classes for what a run computes on and how: Gpu, Machine and Plan."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Gpu:
    """A GPU."""

    name: str
    capability: tuple[int, int] | None = None
    """NVIDIA's compute capability, if known."""
    key: str = ""
    """Number or UUID for CUDA_VISIBLE_DEVICES."""


@dataclass(frozen=True)
class Machine:
    """The devices that a run may use."""

    gpus: tuple[Gpu, ...]
    """The selected GPUs in the order of the setting; empty: the run uses the CPU."""
    has_bfloat16: bool
    """True if the CPU computes bfloat16 in hardware."""


@dataclass(frozen=True)
class Plan:
    """Devices, precision and execution of a run."""

    on_gpu: bool
    count: int = 1
    """Devices, which share every batch evenly."""
    precision: str = "float32"
    """Data type in which layers compute; weights are float32."""
    jit: bool = False
    """True if XLA compiles the training step."""
    steps_per_execution: int = 1
    threads: int | None = None
    """CPU threads of one operation; None: one per core."""

    @property
    def policy(self) -> str:
        """Keras' dtype policy for the precision."""
        return self.precision if self.precision == "float32" else f"mixed_{self.precision}"
