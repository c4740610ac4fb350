"""``python -m cgmhelpers`` is ``cgm``, with the interpreter that is named."""

from cgmhelpers.cli.command import main

main()
