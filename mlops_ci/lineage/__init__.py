"""Records: what made a model, bound to its bytes. Collected after a run, kept as JSONL, verified by hashing again.

`collect` makes the Statements of a run, `store` keeps them, `verify` compares them with what is there now.
"""
