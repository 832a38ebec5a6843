"""Checks: one module each, from the files of a change to Findings. catalog.py lists them."""
