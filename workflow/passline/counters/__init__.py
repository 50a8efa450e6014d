"""Counted memory traffic: which counters a machine has, what they say of a region, and how far to trust it.

`chain.choose` finds the best source, `counting.Counters` counts with it, `calibrate.calibrate` checks it against
loops of known traffic, `validity` refuses what cannot be true, and `rows` turns the rest into table rows. Each
source is a file with a `probe`: `uncore` (memory controllers that the kernel names in sysfs), `amd` (which it
does not), `core` (what one core fetches: a lower bound). Without any, the traffic model stands alone.
`planning` says which passes are counted, `step` counts them all, and `foresee` tells beforehand whether it will.
"""
