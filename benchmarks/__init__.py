"""Measurements side by side, run by hand; no test asserts their figures."""
