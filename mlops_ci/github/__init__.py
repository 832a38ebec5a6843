"""GitHub, as a workflow run sees it: what started the run, the REST API, files that the runner reads."""
