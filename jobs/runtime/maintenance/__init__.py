"""The care of a warehouse's tables."""
