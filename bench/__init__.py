"""Measurements, one scenario per module: `python -m bench.checkpoints`."""
