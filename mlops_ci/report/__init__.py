"""A Comparison as text: for people at a terminal, for GitHub, for machines. Pure: data in, text out."""
