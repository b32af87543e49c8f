"""The command line: parses, calls, prints. Torch is imported only inside the commands that need it."""

from ulskit.cli.app import main

__all__ = ["main"]
