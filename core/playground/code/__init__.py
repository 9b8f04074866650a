"""A run as a script in plain PyTorch, to be taken home."""

from core.playground.code.script import filename, script

__all__ = ["filename", "script"]
