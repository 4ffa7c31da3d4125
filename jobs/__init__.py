"""One file a job: arguments, read, pure transformations of DataFrames, write."""
