"""What an effect becomes in a smaller model."""
