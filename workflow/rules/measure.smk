# What the ceilings and the tuning step run.
rule blocks:
    input:
        builds=expand(rules.link.output.build, compiler=COMPILERS),
        accuracy=rules.check.output[0],
        modules=modules("blocks"),
    output:
        ceilings=f"{RESULTS}/raw/ceilings/blocks.json",
        tuning=f"{RESULTS}/raw/tuning/blocks.json",
    log:
        f"{RESULTS}/logs/blocks.log",
    params:
        config=config,
        libraries=expand(rules.link.output.library, compiler=COMPILERS),
    message:
        "plan the ceilings and the tuning"
    script:
        "../scripts/blocks.py"


# What the choosing step runs: all that `best` may pick, from the tuned choices.
rule plan_choosing:
    input:
        builds=expand(rules.link.output.build, compiler=COMPILERS),
        accuracy=rules.check.output[0],
        tuning=f"{TABLES}/tuning.csv",
        modules=modules("plan_choosing"),
    output:
        f"{RESULTS}/raw/choosing/blocks.json",
    log:
        f"{RESULTS}/logs/plan_choosing.log",
    params:
        config=config,
        libraries=expand(rules.link.output.library, compiler=COMPILERS),
    message:
        "plan the choice of algorithms"
    script:
        "../scripts/plan_choosing.py"


# Which algorithm is fastest for which length: the table, and the text that passline_softmax goes by.
rule crossovers:
    input:
        manifest=f"{RESULTS}/raw/choosing/manifest.json",
        blocks=rules.plan_choosing.output[0],
        builds=expand(rules.link.output.build, compiler=COMPILERS),
        modules=modules("crossovers"),
    output:
        table=shown_table("crossovers"),
        text=f"{RESULTS}/crossovers.txt",
    log:
        f"{RESULTS}/logs/crossovers.log",
    params:
        machine=SETUP.label,
        session=config["session"],
    message:
        "find where one algorithm takes over from another"
    script:
        "../scripts/crossovers.py"


# What the timing step runs, from the tuned choices.
rule plan:
    input:
        builds=expand(rules.link.output.build, compiler=COMPILERS),
        accuracy=rules.check.output[0],
        tuning=f"{TABLES}/tuning.csv",
        clock=f"{RESULTS}/raw/tuning/manifest.json",
        crossovers=rules.crossovers.output.table,
        baselines=rules.baselines.output[0],
        baseline_files=rules.baselines.input.files,
        modules=modules("plan"),
    output:
        plan=f"{RESULTS}/plan.json",
        times=f"{RESULTS}/raw/times/blocks.json",
    log:
        f"{RESULTS}/logs/plan.log",
    params:
        config=config,
        libraries=expand(rules.link.output.library, compiler=COMPILERS),
    message:
        "plan the timing"
    script:
        "../scripts/plan.py"


# All rounds of a step. Rounds on disk are kept: a killed step goes on where it stopped.
rule measure:
    input:
        blocks=f"{RESULTS}/raw/{{step}}/blocks.json",
        libraries=expand(rules.link.output.library, compiler=COMPILERS),
        # One step after the other: each waits for the one before.
        before=previous_step,
        # Nothing that is timed rests on it.
        asked=ancient(asked_first),
        modules=modules("measure"),
    output:
        f"{RESULTS}/raw/{{step}}/manifest.json",
    log:
        f"{RESULTS}/logs/measure/{{step}}.log",
    # All cores: nothing else of this workflow runs beside it.
    threads: workflow.cores
    params:
        machine=f"{RESULTS}/machine.json",
    message:
        "measure {wildcards.step}: other work on this machine disturbs it"
    script:
        "../scripts/measure.py"


# The best variant per pass and ISA on this machine.
rule tuning:
    input:
        manifest=f"{RESULTS}/raw/tuning/manifest.json",
        builds=expand(rules.link.output.build, compiler=COMPILERS),
        disassembly=expand(rules.link.output.disassembly, compiler=COMPILERS),
        modules=modules("tuning"),
    output:
        shown_table("tuning"),
    log:
        f"{RESULTS}/logs/tuning.log",
    params:
        isas=list(SETUP.isas),
        grid=config["grid"],
        study=config["study"],
        machine=SETUP.label,
        session=config["session"],
    message:
        "choose the tuned variants"
    script:
        "../scripts/tuning.py"
