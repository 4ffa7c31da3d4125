"""Where catalogues come from. Nothing here knows of Spark or of models."""
