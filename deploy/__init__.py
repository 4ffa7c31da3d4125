"""What a machine, a scheduler or a cluster needs to run the jobs."""
