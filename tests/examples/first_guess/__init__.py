"""Ten programs as somebody writes them who knows Python and has read no manual.

Each takes a host and a port; `test_first_guess.py` runs them.
"""
