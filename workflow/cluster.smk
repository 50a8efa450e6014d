# A cluster: every machine runs the whole session as one exclusive job on its node, and sends one bundle; then the fleet
# report. profiles/slurm says how jobs are submitted, docs are in workflow/CLUSTER.md.
#   snakemake --snakefile workflow/cluster.smk --workflow-profile profiles/slurm --configfile cluster.yaml
import os
from pathlib import Path

from snakemake.exceptions import WorkflowError

from passline.cluster import check, slurm_extra, sources
from passline.errors import PasslineError

try:
    check(config)
except PasslineError as error:
    raise WorkflowError(str(error)) from None

# All memory of the node, as sbatch takes it from its environment: the plugin drops `mem_mb=0`, and lets no `--mem` pass.
os.environ.setdefault("SBATCH_MEM_PER_NODE", "0")
MACHINES = config["machines"]
SENT = f"{config.get('fleet', 'fleet')}/sent"
TOLD = expand(f"{SENT}/{{label}}.json", label=MACHINES)
config["bundles"] = [*TOLD, *config.get("bundles", [])]


include: "fleet.smk"


wildcard_constraints:
    label="|".join(MACHINES),


localrules:
    cluster,
    fleet,
    import_bundles,
    fleet_tables,
    fleet_report,


# The report is written first: what one machine failed at is no reason to lose the others.
rule cluster:
    default_target: True
    input:
        report=rules.fleet_report.output[0],
        sent=TOLD,
        modules=modules("cluster"),
    log:
        f"{FLEET}/logs/cluster.log",
    message:
        "report: {input.report}"
    script:
        "scripts/cluster.py"


# One machine: built, checked, measured and reported where it measures. It is run again only if its job is lost: a
# session that ends by itself, well or badly, says so in its output. Slurm itself puts a job back whose node was lost
# (slurm-requeue in the profile); `retries` is for jobs that end in another way, as by their time limit. Both go on where
# the job stopped: rounds on disk are kept.
# What a session is made of is its input: an edit measures anew what it changes, as it would without a cluster.
rule node_session:
    input:
        session=config["session"],
        sources=sources(Path(config["session"])),
    output:
        f"{SENT}/{{label}}.json",
    log:
        f"{SENT}/{{label}}.log",
    retries: 3
    resources:
        slurm_extra=lambda wildcards: slurm_extra(MACHINES[wildcards.label]),
        slurm_partition=config.get("partition", ""),
        constraint=lambda wildcards: MACHINES[wildcards.label].get("feature"),
        cpus_per_task=config.get("cpus", 1),
        runtime=config.get("minutes", 60),
        mem_mb=0,  # else Snakemake asks for what it guesses from the size of the inputs
    params:
        fleet=subpath(output[0], parent=True),
    message:
        "session on {wildcards.label}"
    script:
        "scripts/node_session.py"
