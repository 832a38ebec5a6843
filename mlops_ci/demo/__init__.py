"""`mlops-ci demo`: a small project, trained for real, in which one change is better and one is blocked."""
