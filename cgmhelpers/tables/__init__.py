"""How the tables in ``cgmhelpers/data`` are made, each by a module that can be run again.

``python -m cgmhelpers.tables.apec`` folds the X-ray bands, ``python -m cgmhelpers.tables.uvb``
integrates the ultraviolet background and computes the hydrogen table. Both bring their inputs
from the package index (`archives`) and write into a folder given on the command line.
"""
