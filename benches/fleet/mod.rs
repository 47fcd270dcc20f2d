//! What the benchmarks share: generated workspaces, and one command as a process on each.

// A benchmark prints, and a failure may end it.
#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

/// Prints the header for the columns of [`measure`].
pub fn header() {
    println!("{:>8}  {:>6}  {:>12}  {:>12}  {:>12}  {:>10}", "tenants", "runs", "min", "median", "max", "peak MB");
}

/// Runs something once to warm up, then `runs` times, and prints how long it took.
pub fn measure(name: &str, runs: usize, once: impl Fn() -> Duration) {
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

/// One run as a process; its output is discarded.
pub fn run(workspace: &Path, arguments: &[&str]) -> Duration {
    let start = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_konta"))
        .arg("-w")
        .arg(workspace)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "konta {} failed", arguments[0]);
    start.elapsed()
}

/// The largest resident size of any child so far, in MB.
fn peak_megabytes() -> i64 {
    getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss() / 1024
}

/// Writes the example's application and environment, and this many tenants: one in ten is pooled, one in
/// five has its own variables.
pub fn workspace(folder: &Path, tenants: usize) {
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
