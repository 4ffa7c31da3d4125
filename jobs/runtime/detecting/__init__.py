"""Training of the label detector: which covers serve, pictures, network, threshold, card."""
