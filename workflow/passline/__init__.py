"""Passline: how fast a multi-pass, memory-bound kernel runs on a machine, pass by pass, and why."""
