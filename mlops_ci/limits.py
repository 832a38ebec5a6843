"""How much of a repository is read at most."""

# A metrics file holds numbers for people to read; the largest seen in public repositories is under 1 MB.
MAX_BYTES = 32 * 1024 * 1024

# A file of predictions has a row an example: 10 million of them. It is held in memory, several times over.
MAX_PREDICTIONS = 512 * 1024 * 1024
