"""What every job stands on: arguments, the Spark session, the warehouse, the record of runs."""
