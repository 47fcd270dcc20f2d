# The way to run tasks: `just` lists them. CI runs .ci/run, as `just ci` does.

example := "cargo run --quiet -- --workspace manifests"

_list:
    @just --list --unsorted

# Run everything that must hold before a change is merged
ci:
    bash .ci/run

# Run all tests, or those whose names match: just test placement
test *words:
    cargo test {{words}}

# Format, and check with clippy and cargo-deny (licences, advisories)
lint:
    cargo fmt
    bash .ci/run lint deny

# Lint the templates as they are and as they are sent: cfn-lint, checkov, cfn-guard
templates:
    bash .ci/run tools templates rendered

# Run the Python tests: the sandbox's and the backup tool's
sandbox-test:
    bash .ci/run sandbox

# Review changed snapshots and accept them (needs cargo-insta)
snapshots:
    cargo insta test --review

# Deploy the example into its sandbox
example:
    {{example}} deploy tenant --all --sandbox --yes

# Run a command on the example's sandbox: just sandbox start|stop|status|reset
sandbox action="status":
    {{example}} sandbox {{action}}

# Run konta in the example workspace: just konta plan tenant --all --sandbox
konta *words:
    {{example}} {{words}}

# Open the documentation of the code in a browser
doc:
    cargo doc --no-deps --document-private-items --open

# Stop the sandbox, and delete everything that was compiled or made here
clean:
    -{{example}} sandbox stop
    rm -rf manifests/.konta
    cargo clean
