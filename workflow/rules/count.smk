# Which counters there are. It ends the run before anything is timed, where the config demands what there is not.
rule probe:
    input:
        libraries=expand(rules.link.output.library, compiler=COMPILERS),
        modules=modules("probe"),
    output:
        PROBED,
    log:
        f"{RESULTS}/logs/probe.log",
    params:
        counters=COUNTERS,
        machine=f"{RESULTS}/machine.json",
        cpus=list(SETUP.host().cpus),
    message:
        "look for counters"
    script:
        "../scripts/probe.py"


# The traffic, cycles and instructions of every pass that was timed alone; where nothing counts, the reason.
rule count:
    input:
        blocks=f"{RESULTS}/raw/times/blocks.json",
        # After the timing, which it would disturb.
        times=f"{RESULTS}/raw/times/manifest.json",
        libraries=expand(rules.link.output.library, compiler=COMPILERS),
        modules=modules("count"),
    output:
        f"{RESULTS}/raw/counters/counts.json",
    log:
        f"{RESULTS}/logs/count.log",
    # All cores: nothing else of this workflow runs beside it.
    threads: workflow.cores
    params:
        counters=COUNTERS,
        machine=f"{RESULTS}/machine.json",
        label=SETUP.label,
        session=config["session"],
        node=list(SETUP.host().node),
        isas=list(SETUP.isas),
        study=config["study"],
        grid=config["grid"],
    message:
        "count the memory traffic"
    script:
        "../scripts/count.py"
