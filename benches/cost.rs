//! How long `konta cost` takes as a whole process, and its peak memory: `cargo bench --bench cost`.
//!
//! Prices one template, then generated workspaces of 1 to 10,000 tenants, with the optimised binary, and prints the median of several
//! runs. It judges nothing; `docs/benchmarks.md` keeps the figures with the machine.

// A benchmark prints, and a failure in it may end it.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

/// Sizes go up, so that the peak memory of all children so far is that of the newest.
const SIZES: &[(usize, usize)] = &[(1, 31), (100, 11), (1_000, 7), (10_000, 5)];

fn main() {
    println!("{:>8}  {:>6}  {:>12}  {:>12}  {:>12}  {:>10}", "tenants", "runs", "min", "median", "max", "peak MB");
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/cell.yml");
    let template = template.to_str().unwrap();
    let nowhere = tempfile::tempdir().unwrap();
    let arguments = ["cost", "--template", template, "--region", "eu-west-1", "-o", "json"];
    measure("template", 31, || run(nowhere.path(), &arguments));
    for &(tenants, runs) in SIZES {
        let folder = tempfile::tempdir().unwrap();
        workspace(folder.path(), tenants);
        measure(&tenants.to_string(), runs, || run(folder.path(), &["cost", "-o", "json"]));
    }
}

fn measure(name: &str, runs: usize, once: impl Fn() -> Duration) {
    let mut times: Vec<Duration> = (0..=runs).map(|_| once()).skip(1).collect();
    times.sort();
    println!(
        "{name:>8}  {runs:>6}  {:>12.1?}  {:>12.1?}  {:>12.1?}  {:>10}",
        times[0],
        times[times.len() / 2],
        times[times.len() - 1],
        peak_megabytes()
    );
}

/// One run as a whole process, its output read by nobody.
fn run(workspace: &Path, arguments: &[&str]) -> Duration {
    let start = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_konta"))
        .arg("-w")
        .arg(workspace)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "konta cost failed");
    start.elapsed()
}

/// The largest resident size any child has had so far, in MB.
fn peak_megabytes() -> i64 {
    getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss() / 1024
}

/// The example's application and environment, and so many tenants: one in ten pooled, one in five with variables of its own.
fn workspace(folder: &Path, tenants: usize) {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests");
    for file in ["konta.yml", "environments/prod.yml"] {
        let path = folder.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(example.join(file), path).unwrap();
    }
    std::fs::create_dir_all(folder.join("tenants")).unwrap();
    for number in 0..tenants {
        let text = match number % 10 {
            9 => format!("tier: catalogue\nhosts: [shop-{number}.konta.shop]\n"),
            1 | 6 => {
                format!("tier: production\nhosts: [shop-{number}.konta.shop]\nvariables: {{ SHOP: \"{number}\" }}\n")
            }
            _ => format!("tier: production\nhosts: [shop-{number}.konta.shop]\n"),
        };
        std::fs::write(folder.join(format!("tenants/shop-{number}.yml")), text).unwrap();
    }
}
