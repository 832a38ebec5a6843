"""What runs on GitHub: the steps of a job, pull requests, and what is written there."""
