# The fleet: bundles of many machines to one report. No compiler, no measurement, no counters.
#   snakemake --snakefile workflow/fleet.smk --config bundles=<folder or archive>
from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from passline.imports import script_modules as modules

min_version("9.19")

FLEET = config.get("fleet", "fleet")
REPORT = config.get("report", "reports/fleet.pdf")
if "bundles" not in config:
    raise WorkflowError(
        "config: bundles: the key is missing. Name a folder of bundles: --config bundles=PATH"
    )


rule fleet:
    default_target: True
    input:
        REPORT,


# All bundles in one job: each is verified, and what is refused is named in the log and beside the report.
rule import_bundles:
    input:
        bundles=config["bundles"],
        modules=modules("import_bundles"),
    output:
        f"{FLEET}/imported.json",
    log:
        f"{FLEET}/logs/import.log",
    params:
        fleet=subpath(output[0], parent=True),
    message:
        "import the bundles"
    script:
        "scripts/import_bundles.py"


rule fleet_tables:
    input:
        imported=rules.import_bundles.output[0],
        modules=modules("fleet_tables"),
    output:
        tables=expand(
            "{fleet}/tables/{name}.csv",
            fleet=FLEET,
            name=["fleet_machines", "fleet_ratios", "fleet_passes", "fleet_claims"],
        ),
        plan=f"{FLEET}/plan.json",
    log:
        f"{FLEET}/logs/tables.log",
    params:
        fleet=subpath(output.plan, parent=True),
    message:
        "reduce the bundles to tables"
    script:
        "scripts/fleet_tables.py"


rule fleet_report:
    input:
        tables=rules.fleet_tables.output.tables,
        plan=rules.fleet_tables.output.plan,
        imported=rules.import_bundles.output[0],
        template="reports/templates/fleet.typ",
        modules=modules("fleet_report"),
    output:
        REPORT,
    log:
        f"{FLEET}/logs/report.log",
    params:
        figures=f"{FLEET}/figures",
    message:
        "write {output}"
    script:
        "scripts/fleet_report.py"
