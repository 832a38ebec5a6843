"""A revision once more, from nothing: a clean clone, empty caches, the locked environment, and what comes out.

`run` is the whole of it; `clone` and `data` make the place, `judge` compares, `causes` finds out why.
"""
