"""The study's page, the verdict page's tables, and their pictures."""
