"""What a run would have scored."""
