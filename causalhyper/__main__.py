"""The ``causalhyper`` command as ``python -m causalhyper``."""

from causalhyper.cli.main import run_and_exit

if __name__ == "__main__":
    run_and_exit()
