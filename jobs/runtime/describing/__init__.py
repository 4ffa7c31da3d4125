"""What is said of covers: colour and composition, and concepts."""
