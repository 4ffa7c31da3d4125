"""What the system knows about covers, in plain Python: pixels, networks, bundles, evaluation."""

__version__ = "0.1.0"
