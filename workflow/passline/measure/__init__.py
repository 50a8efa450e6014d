"""The measuring room: rounds, their processes and their files. Small and stable: an edit here re-times."""
