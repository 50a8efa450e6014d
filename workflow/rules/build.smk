# Every variant of a pass for an ISA, in one object.
rule compile:
    input:
        sources=sources_of,
        isas="kernels/simd/isa.yaml",
        modules=modules("compile"),
    output:
        f"{RESULTS}/build/{{compiler}}/objects/{{study}}.{{pass}}.{{isa}}.o",
    log:
        f"{RESULTS}/logs/compile/{{compiler}}.{{study}}.{{pass}}.{{isa}}.log",
    params:
        cflags=config["cflags"],
        grid=config["grid"],
        folder=folder_of,
    message:
        "compile {wildcards.study} {wildcards.pass} for {wildcards.isa} with {wildcards.compiler}"
    script:
        "../scripts/compile.py"


# One shared library per compiler, what it was made of, and its disassembly.
rule link:
    input:
        objects=objects_of,
        runtime=sorted(map(str, Path("kernels/runtime").iterdir())),
        modules=modules("link"),
    output:
        library=f"{RESULTS}/build/{{compiler}}/libpassline.so",
        build=f"{RESULTS}/build/{{compiler}}/build.json",
        disassembly=f"{RESULTS}/build/{{compiler}}/disassembly.txt",
    log:
        f"{RESULTS}/logs/link/{{compiler}}.log",
    params:
        cflags=config["cflags"],
        isas=list(SETUP.isas),
        folders=FOLDERS,
    message:
        "link libpassline.so of {wildcards.compiler}"
    script:
        "../scripts/link.py"


# Every variant, with its streams, work and traffic.
rule registry:
    input:
        builds=expand(rules.link.output.build, compiler=COMPILERS),
        modules=modules("registry"),
    output:
        f"{TABLES}/registry.csv",
    log:
        f"{RESULTS}/logs/registry.log",
    params:
        isas=list(SETUP.isas),
        grid=config["grid"],
        study=config["study"],
    message:
        "write the registry"
    script:
        "../scripts/registry.py"
