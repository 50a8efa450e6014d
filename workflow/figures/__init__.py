"""The figures, one module each: `TABLES` they read, `CAPTION`, `data` that is drawn, and `draw`."""
