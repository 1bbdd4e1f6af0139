"""`python -m core` is `payvand`, with the root of the house first on the path."""

from core.cli import main

main(prog_name="payvand")
