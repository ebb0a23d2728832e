"""One module for each verb, each a table of contents of its pipeline."""
