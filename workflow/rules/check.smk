# Every variant of the study against float64: none is timed unless it passed.
rule check:
    input:
        libraries=expand(rules.link.output.library, compiler=COMPILERS),
        builds=expand(rules.link.output.build, compiler=COMPILERS),
        references=REFERENCES,
        modules=modules("check"),
    output:
        shown_table("accuracy"),
    log:
        f"{RESULTS}/logs/check.log",
    threads: workflow.cores
    params:
        isas=list(SETUP.isas),
        grid=config["grid"],
        study=config["study"],
        seed=config["seed"],
    message:
        "check every variant against float64"
    script:
        "../scripts/check.py"


# Outside baselines that the config asks for: which run here, and are right.
rule baselines:
    input:
        files=sorted(map(str, Path("workflow/passline/baselines").glob("*.py"))),
        modules=modules("baselines"),
    output:
        f"{RESULTS}/baselines.json",
    log:
        f"{RESULTS}/logs/baselines.log",
    params:
        installed=installed(SETUP.baselines),
    message:
        "probe the outside baselines"
    script:
        "../scripts/baselines.py"


# How wrong whole algorithms become as rows grow.
rule error_over_n:
    input:
        libraries=expand(rules.link.output.library, compiler=COMPILERS),
        builds=expand(rules.link.output.build, compiler=COMPILERS),
        tuning=f"{TABLES}/tuning.csv",
        accuracy=rules.check.output[0],
        baselines=rules.baselines.output[0],
        references=REFERENCES,
        modules=modules("error_over_n"),
    output:
        shown_table("error_over_n"),
    log:
        f"{RESULTS}/logs/error_over_n.log",
    threads: workflow.cores
    params:
        isas=list(SETUP.isas),
        grid=config["grid"],
        study=config["study"],
        sizes=config["error_over_n"],
        seed=config["seed"],
        memory_bytes=SETUP.machine.memory_bytes,
    message:
        "measure the error of whole algorithms over n"
    script:
        "../scripts/error_over_n.py"
