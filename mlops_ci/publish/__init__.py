"""A Comparison and its Verdicts on GitHub: summary, outputs, statuses, check run, comment."""
