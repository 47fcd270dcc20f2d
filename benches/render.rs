//! Measures how long `konta render` takes as a process, and its peak memory: `cargo bench --bench render`.
//!
//! Generates workspaces of 1 to 10,000 tenants, runs the optimised binary on each and prints the median of several
//! runs. It checks nothing; `docs/benchmarks.md` has the figures and the machine that they are from.

mod fleet;

use fleet::{header, measure, run, workspace};

/// Sizes go up, so that the peak memory of all children so far is that of the newest.
const SIZES: &[(usize, usize)] = &[(1, 31), (100, 11), (1_000, 7), (5_000, 5), (10_000, 5)];

fn main() -> std::io::Result<()> {
    header();
    for &(tenants, runs) in SIZES {
        let folder = tempfile::tempdir()?;
        workspace(folder.path(), tenants);
        measure(&tenants.to_string(), runs, || run(folder.path(), &["render", "--all", "--format", "json"]));
    }
    Ok(())
}
