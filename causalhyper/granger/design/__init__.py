"""From the record of a training to the two sides of its regression."""
