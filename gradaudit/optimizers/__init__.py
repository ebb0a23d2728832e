"""What optimizers say, what they did, and why they stopped."""
