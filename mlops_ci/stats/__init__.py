"""How sure a number is: tests and intervals on arrays, seeded, the same in any order of rows.

numpy and scipy come with the extra `stats` and are imported in the functions that use them.
"""
