"""The scripts of the rules: one file per rule, named as the rule."""
