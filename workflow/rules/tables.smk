rule timings:
    """Every pyperf value of every round, as tables."""
    message:
        "collect the rounds"
    input:
        times=f"{RESULTS}/raw/times/manifest.json",
        ceilings=f"{RESULTS}/raw/ceilings/manifest.json",
        tuning=f"{RESULTS}/raw/tuning/manifest.json",
        modules=modules("timings"),
    output:
        timings=f"{TABLES}/timings.csv",
        ceilings=f"{TABLES}/ceiling_timings.csv",
        rounds=f"{TABLES}/rounds.csv",
    params:
        machine=SETUP.label,
        session=config["session"],
    log:
        f"{RESULTS}/logs/timings.log",
    script:
        "../scripts/timings.py"


rule machines:
    """The machine and the builds, fact by fact."""
    message:
        "describe the machine"
    input:
        machine=f"{RESULTS}/machine.json",
        builds=expand(rules.link.output.build, compiler=COMPILERS),
        clock=f"{RESULTS}/raw/tuning/manifest.json",
        modules=modules("machines"),
    output:
        f"{TABLES}/machines.csv",
    params:
        machine=SETUP.label,
    log:
        f"{RESULTS}/logs/machines.log",
    script:
        "../scripts/machines.py"


rule skipped:
    """Everything left out, and why."""
    message:
        "list what was skipped"
    input:
        plan=rules.plan.output.plan,
        accuracy=rules.check.output[0],
        modules=modules("skipped"),
    output:
        f"{TABLES}/skipped.csv",
    params:
        machine=SETUP.label,
        session=config["session"],
    log:
        f"{RESULTS}/logs/skipped.log",
    script:
        "../scripts/skipped.py"


rule ceilings:
    """The roofs of this machine, per level and read/write mix."""
    message:
        "reduce the ceilings"
    input:
        timings=rules.timings.output.ceilings,
        registry=rules.registry.output[0],
        plan=rules.plan.output.plan,
        modules=modules("ceilings"),
    output:
        f"{TABLES}/ceilings.csv",
    log:
        f"{RESULTS}/logs/ceilings.log",
    script:
        "../scripts/ceilings.py"


rule passes:
    """Time, bytes and bound of each pass."""
    message:
        "take the passes apart"
    input:
        timings=rules.timings.output.timings,
        registry=rules.registry.output[0],
        plan=rules.plan.output.plan,
        modules=modules("passes"),
    output:
        f"{TABLES}/passes.csv",
    log:
        f"{RESULTS}/logs/passes.log",
    script:
        "../scripts/passes.py"


rule ratios:
    """Who is faster than whom, by how much, and how sure that is."""
    message:
        "compare the algorithms"
    input:
        timings=rules.timings.output.timings,
        registry=rules.registry.output[0],
        plan=rules.plan.output.plan,
        modules=modules("ratios"),
    output:
        f"{TABLES}/ratios.csv",
    log:
        f"{RESULTS}/logs/ratios.log",
    script:
        "../scripts/ratios.py"


rule claims:
    """The paper's claims, judged on this machine."""
    message:
        "judge the paper's claims"
    input:
        ratios=rules.ratios.output[0],
        passes=rules.passes.output[0],
        registry=rules.registry.output[0],
        tuning=rules.tuning.output[0],
        accuracy=rules.check.output[0],
        machines=rules.machines.output[0],
        claims="reports/claims.yaml",
        plan=rules.plan.output.plan,
        modules=modules("claims"),
    output:
        f"{TABLES}/claims.csv",
    log:
        f"{RESULTS}/logs/claims.log",
    script:
        "../scripts/claims.py"


rule numbers:
    """Every number and sentence of the report's text."""
    message:
        "compute the report's numbers"
    input:
        registry=rules.registry.output[0],
        tuning=rules.tuning.output[0],
        error_over_n=rules.error_over_n.output[0],
        rounds=rules.timings.output.rounds,
        ceilings=rules.ceilings.output[0],
        machines=rules.machines.output[0],
        passes=rules.passes.output[0],
        ratios=rules.ratios.output[0],
        claims=rules.claims.output[0],
        skipped=rules.skipped.output[0],
        plan=rules.plan.output.plan,
        table1="reports/published/paper/table1.csv",
        modules=modules("numbers"),
    output:
        f"{RESULTS}/numbers.json",
    log:
        f"{RESULTS}/logs/numbers.log",
    script:
        "../scripts/numbers.py"
