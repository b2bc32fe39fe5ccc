"""The machine: the device plan, NVIDIA GPUs, hardware samples."""
