"""How much of a repository is read at most."""

# A metrics file holds numbers for people to read; the largest seen in public repositories is under 1 MB.
MAX_BYTES = 32 * 1024 * 1024
