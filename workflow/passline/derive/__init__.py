"""From measured tables to derived ones: pure functions, data frames in and out."""
