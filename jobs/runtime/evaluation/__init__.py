"""What the job evaluate is made of: the covers held out, the figures about them, the report."""
