//! Measures how long `konta cost` takes as a process, and its peak memory: `cargo bench --bench cost`.
//!
//! Prices one template, then generated workspaces of 1 to 10,000 tenants, with the optimised binary, and prints the
//! median of several runs. It checks nothing; `docs/benchmarks.md` has the figures and the machine that they are from.

mod fleet;

use fleet::{header, measure, run, workspace};

/// Sizes go up, so that the peak memory of all children so far is that of the newest.
const SIZES: &[(usize, usize)] = &[(1, 31), (100, 11), (1_000, 7), (10_000, 5)];

fn main() -> std::io::Result<()> {
    header();
    let nowhere = tempfile::tempdir()?;
    let template = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/cell.yml");
    let arguments = ["cost", "--template", template, "--region", "eu-west-1", "-o", "json"];
    measure("template", 31, || run(nowhere.path(), &arguments));
    for &(tenants, runs) in SIZES {
        let folder = tempfile::tempdir()?;
        workspace(folder.path(), tenants);
        measure(&tenants.to_string(), runs, || run(folder.path(), &["cost", "-o", "json"]));
    }
    Ok(())
}
