"""The study's text runs: MiniLM and a small RoBERTa, at six batch sizes, trained many at once."""
