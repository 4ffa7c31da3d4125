"""Fine-tune a backbone on covers: augmentation, training, checkpoints."""
