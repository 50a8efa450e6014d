# The fleet: bundles of many machines to one report. No compiler, no measurement, no counters.
#   snakemake --snakefile workflow/fleet.smk --config bundles=<folder or archive, or [several, of, them]>
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from passline.imports import script_modules as modules
from passline.imports import template_parts
from passline.table_models_fleet import FLEET_TABLES

min_version("9.19")

TEMPLATE = "reports/templates/fleet.typ"
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


# All bundles in one job: each is verified, and what is refused is named in the log and in the report. Nothing of an
# earlier call stays.
rule import_bundles:
    input:
        bundles=config["bundles"],
        modules=modules("import_bundles"),
    output:
        imported=f"{FLEET}/imported.json",
        machines=directory(f"{FLEET}/machines"),
    log:
        f"{FLEET}/logs/import.log",
    threads: 8
    message:
        "import the bundles"
    script:
        "scripts/import_bundles.py"


rule fleet_tables:
    input:
        imported=rules.import_bundles.output.imported,
        machines=rules.import_bundles.output.machines,
        modules=modules("fleet_tables"),
    output:
        tables=expand(
            "{fleet}/tables/{name}.csv",
            fleet=FLEET,
            name=[table.name for table in FLEET_TABLES],
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
        imported=rules.import_bundles.output.imported,
        template=TEMPLATE,
        parts=template_parts(Path(TEMPLATE)),
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
