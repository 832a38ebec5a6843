"""Training in CI: the team's own pipeline, run so that it can be run again, and the Record of what it made.

`run` is the whole of it, as the command does it. For a run elsewhere: a `Place`, a `Job` with the environments that
`run.open_environments` gives, and `perform`, which judges nothing before and keeps nothing after.
"""
