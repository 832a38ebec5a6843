"""Files that `mlops-ci init` writes for users."""
