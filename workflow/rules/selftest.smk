# The instrument on trial: no difference, and differences of known size. Not part of the default target.
rule plan_selftest:
    input:
        builds=expand(rules.link.output.build, compiler=COMPILERS),
        accuracy=rules.check.output[0],
        modules=modules("plan_selftest"),
    output:
        f"{RESULTS}/raw/selftest/blocks.json",
    log:
        f"{RESULTS}/logs/plan_selftest.log",
    params:
        config=config,
        libraries=expand(rules.link.output.library, compiler=COMPILERS),
    message:
        "plan the self-test"
    script:
        "../scripts/plan_selftest.py"


# What the instrument said, beside the truth.
rule selftest:
    input:
        manifest=f"{RESULTS}/raw/selftest/manifest.json",
        modules=modules("selftest"),
    output:
        shown_table("selftest"),
    log:
        f"{RESULTS}/logs/selftest.log",
    params:
        machine=SETUP.label,
        session=config["session"],
        llc_bytes=SETUP.host().caches.llc,
        paper=config["effort"] >= FINE,
    message:
        "judge the instrument"
    script:
        "../scripts/selftest.py"
