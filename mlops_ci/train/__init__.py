"""Training in CI: the team's own pipeline, run so that it can be run again, and the Record of what it made.

`run` is the whole of it. `pipeline` runs a pipeline in any folder with any environment and tells what happened.
"""
