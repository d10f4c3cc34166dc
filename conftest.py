"""Pins the processor path before anything imports torch or numpy, for every test."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "tests"))

import notebooks  # noqa: E402

notebooks.pin_environment()
