"""The command line: thin, over frames, models, queries and reports."""
