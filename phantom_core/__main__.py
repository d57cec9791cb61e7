"""`python -m phantom_core`."""

from phantom_core.cli import main

main()
