"""What the page of results shows of a warehouse: Spark adds up, small tables come out."""

from jobs.runtime.reporting.reading import read

__all__ = ["read"]
