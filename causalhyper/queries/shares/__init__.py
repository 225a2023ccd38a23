"""What each part contributes to an effect, averaged over orders."""
