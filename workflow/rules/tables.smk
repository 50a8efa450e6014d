# Every pyperf value of every round, as tables.
rule timings:
    input:
        times=f"{RESULTS}/raw/times/manifest.json",
        ceilings=f"{RESULTS}/raw/ceilings/manifest.json",
        tuning=f"{RESULTS}/raw/tuning/manifest.json",
        modules=modules("timings"),
    output:
        timings=f"{TABLES}/timings.csv",
        ceilings=f"{TABLES}/ceiling_timings.csv",
        rounds=f"{TABLES}/rounds.csv",
        baselines=shown_table("baselines"),
    log:
        f"{RESULTS}/logs/timings.log",
    params:
        machine=SETUP.label,
        session=config["session"],
    message:
        "collect the rounds"
    script:
        "../scripts/timings.py"


# What was counted, or why nothing was.
rule counters:
    input:
        counts=rules.count.output[0],
        modules=modules("counters"),
    output:
        shown_table("counters"),
    log:
        f"{RESULTS}/logs/counters.log",
    message:
        "write what was counted"
    script:
        "../scripts/counters.py"


# The machine and the builds, fact by fact.
rule machines:
    input:
        machine=f"{RESULTS}/machine.json",
        builds=expand(rules.link.output.build, compiler=COMPILERS),
        tuning=f"{RESULTS}/raw/tuning/manifest.json",
        times=f"{RESULTS}/raw/times/manifest.json",
        modules=modules("machines"),
    output:
        shown_table("machines"),
    log:
        f"{RESULTS}/logs/machines.log",
    params:
        machine=SETUP.label,
    message:
        "describe the machine"
    script:
        "../scripts/machines.py"


# Everything left out, and why.
rule skipped:
    input:
        plan=rules.plan.output.plan,
        accuracy=rules.check.output[0],
        modules=modules("skipped"),
    output:
        shown_table("skipped"),
    log:
        f"{RESULTS}/logs/skipped.log",
    params:
        machine=SETUP.label,
        session=config["session"],
    message:
        "list what was skipped"
    script:
        "../scripts/skipped.py"


# The roofs of this machine, per level and read/write mix.
rule ceilings:
    input:
        timings=rules.timings.output.ceilings,
        registry=rules.registry.output[0],
        plan=rules.plan.output.plan,
        modules=modules("ceilings"),
    output:
        shown_table("ceilings"),
    log:
        f"{RESULTS}/logs/ceilings.log",
    message:
        "reduce the ceilings"
    script:
        "../scripts/ceilings.py"


# Time, bytes and bound of each pass.
rule passes:
    input:
        timings=rules.timings.output.timings,
        registry=rules.registry.output[0],
        counters=rules.counters.output[0],
        plan=rules.plan.output.plan,
        modules=modules("passes"),
    output:
        shown_table("passes"),
    log:
        f"{RESULTS}/logs/passes.log",
    message:
        "take the passes apart"
    script:
        "../scripts/passes.py"


# Who is faster than whom, by how much, and how sure that is.
rule ratios:
    input:
        timings=rules.timings.output.timings,
        rounds=rules.timings.output.rounds,
        registry=rules.registry.output[0],
        plan=rules.plan.output.plan,
        modules=modules("ratios"),
    output:
        ratios=shown_table("ratios"),
        round_ratios=f"{TABLES}/round_ratios.csv",
    log:
        f"{RESULTS}/logs/ratios.log",
    message:
        "compare the algorithms"
    script:
        "../scripts/ratios.py"


# The paper's claims, judged on this machine.
rule claims:
    input:
        ratios=rules.ratios.output.ratios,
        passes=rules.passes.output[0],
        timings=rules.timings.output.timings,
        registry=rules.registry.output[0],
        tuning=rules.tuning.output[0],
        accuracy=rules.check.output[0],
        machines=rules.machines.output[0],
        claims="reports/claims.yaml",
        plan=rules.plan.output.plan,
        modules=modules("claims"),
    output:
        shown_table("claims"),
    log:
        f"{RESULTS}/logs/claims.log",
    message:
        "judge the paper's claims"
    script:
        "../scripts/claims.py"


# The least that the core's ports allow each hot loop, where a program that models them is installed.
rule port_model:
    input:
        tuning=rules.tuning.output[0],
        builds=expand(rules.link.output.build, compiler=COMPILERS),
        disassembly=expand(rules.link.output.disassembly, compiler=COMPILERS),
        machine=f"{RESULTS}/machine.json",
        models="workflow/passline/microarchitectures.yaml",
        # It asks a program: never while something measures.
        measured=f"{RESULTS}/raw/times/manifest.json",
        modules=modules("port_model"),
    output:
        shown_table("port_model"),
    log:
        f"{RESULTS}/logs/port_model.log",
    params:
        isas=list(SETUP.isas),
        grid=config["grid"],
        study=config["study"],
    message:
        "ask a port model for the floor in cache"
    script:
        "../scripts/port_model.py"


# All algorithms beside their floors, and what our own must reach.
rule beyond:
    input:
        timings=rules.timings.output.timings,
        ratios=rules.ratios.output.ratios,
        error_over_n=rules.error_over_n.output[0],
        goals="reports/goals.yaml",
        plan=rules.plan.output.plan,
        modules=modules("beyond"),
    output:
        beyond=shown_table("beyond"),
        goals=shown_table("goals"),
    log:
        f"{RESULTS}/logs/beyond.log",
    message:
        "compare what is beyond the paper with its goals"
    script:
        "../scripts/beyond.py"


# What is known of the paper's own tables and figures.
rule paper:
    input:
        slots="reports/paper.yaml",
        study="kernels/softmax/study.yaml",
        numbers=glob("reports/published/paper/*.csv"),
        modules=modules("paper"),
    output:
        slots=shown_table("paper_slots"),
        values=shown_table("paper_values"),
    log:
        f"{RESULTS}/logs/paper.log",
    params:
        folder=lambda wildcards, input: str(Path(input.numbers[0]).parent),
    message:
        "read what is known of the paper's figures"
    script:
        "../scripts/paper.py"


# Every number and sentence of the report's text.
rule numbers:
    input:
        registry=rules.registry.output[0],
        tuning=rules.tuning.output[0],
        error_over_n=rules.error_over_n.output[0],
        rounds=rules.timings.output.rounds,
        ceilings=rules.ceilings.output[0],
        counters=rules.counters.output[0],
        machines=rules.machines.output[0],
        passes=rules.passes.output[0],
        ratios=rules.ratios.output.ratios,
        claims=rules.claims.output[0],
        beyond=rules.beyond.output.beyond,
        crossovers=rules.crossovers.output.table,
        goals=rules.beyond.output.goals,
        port_model=rules.port_model.output[0],
        baselines=rules.timings.output.baselines,
        skipped=rules.skipped.output[0],
        paper_slots=rules.paper.output.slots,
        plan=rules.plan.output.plan,
        table1="reports/published/paper/table1.csv",
        modules=modules("numbers"),
    output:
        f"{RESULTS}/numbers.json",
    log:
        f"{RESULTS}/logs/numbers.log",
    params:
        # Read where it is, never made for it: the self-test runs when it is asked for.
        selftest=known_selftest,
    message:
        "compute the report's numbers"
    script:
        "../scripts/numbers.py"
