# The only door to tasks: `just` lists them. CI runs `just ci`, that is .ci/run.

example := "cargo run --quiet -- --workspace manifests"

_list:
    @just --list --unsorted

# Everything that must hold before a change is taken
ci:
    bash .ci/run

# All tests; words after it choose some: just test placement
test *words:
    cargo test {{words}}

# Format, clippy, licences and advisories
lint:
    cargo fmt
    bash .ci/run lint deny

# Templates as they stand and as they are sent: cfn-lint, checkov, cfn-guard
templates:
    bash .ci/run tools templates rendered

# Python tests: the sandbox's and the backup tool's
sandbox-test:
    bash .ci/run sandbox

# Take changed snapshots after looking at each (needs cargo-insta)
snapshots:
    cargo insta test --review

# Deploy the example into its sandbox
example:
    {{example}} deploy tenant --all --sandbox --yes

# The example's sandbox: just sandbox start|stop|status|reset
sandbox action="status":
    {{example}} sandbox {{action}}

# konta itself, in the example workspace: just konta plan tenant --all --sandbox
konta *words:
    {{example}} {{words}}

# The documentation of the code, in a browser
doc:
    cargo doc --no-deps --document-private-items --open

# Everything that was compiled, made or started here
clean:
    -{{example}} sandbox stop
    rm -rf manifests/.konta
    cargo clean
