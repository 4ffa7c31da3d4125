"""Pieces of the job analyse: covers to small tables, tables to a report."""
