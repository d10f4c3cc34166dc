"""Pins the processor path before anything imports torch or numpy, for every test."""

import notebooks

notebooks.pin_environment()
