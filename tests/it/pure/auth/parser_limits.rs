//! How long large files take, and how deep a chain may be.

use std::time::{Duration, Instant};

use konta::auth::{Files, Surroundings, resolve};

/// A text with a line for each number.
fn numbered(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect::<Vec<_>>().concat()
}

fn sections(count: usize) -> String {
    numbered(count, |n| format!("[profile p{n}]\nregion = x\n"))
}

fn keys(count: usize) -> String {
    numbered(count, |n| format!("k{n} = v\n"))
}

/// A text of a size.
type Text = fn(usize) -> String;

/// The shortest of three runs.
fn time(text: &str) -> Duration {
    let run = |_| {
        let start = Instant::now();
        let _ = std::hint::black_box(Files::of(text.as_bytes(), b""));
        start.elapsed()
    };
    (0..3).map(run).min().unwrap()
}

#[test]
fn a_file_sixteen_times_as_long_takes_no_time_by_the_square() {
    let texts: [(&str, Text); 6] = [
        ("sections", sections),
        ("keys", |count| format!("[default]\n{}", keys(count))),
        ("continuations", |count| format!("[default]\na = b\n{}", " c\n".repeat(count))),
        ("empty lines", |count| format!("[default]\na = b\n{}", "\n".repeat(count))),
        ("long lines", |count| format!("[profile {}]\na = {}", "\\a".repeat(count), "[=".repeat(count))),
        ("defaults for all", |count| format!("[DEFAULT]\n{}{}", keys(count / 2), sections(count / 2))),
    ];
    for (what, text) in texts {
        let (short, long) = (time(&text(4_000)), time(&text(64_000)));
        println!("{what}: {short:?}, then {long:?}");
        // 16 would be linear, 256 the square; the rest is room for a busy machine.
        assert!(long < short.max(Duration::from_millis(1)) * 100, "{what}: {short:?}, then {long:?}");
    }
}

#[test]
fn a_chain_of_a_hundred_thousand_profiles_is_walked() {
    let config = numbered(100_000, |n| {
        format!("[profile p{n}]\nrole_arn = arn:aws:iam::123456789012:role/p{n}\nsource_profile = p{}\n", n + 1)
    });
    let last = "[profile p100000]\naws_access_key_id = KEY1\naws_secret_access_key = secret\n";
    let files = Files::of((config + last).as_bytes(), b"").unwrap();
    let chain = resolve(&files, Some("p0"), &Surroundings::default()).unwrap();
    assert_eq!(chain.roles.len(), 100_000);
    assert_eq!(chain.roles[0].profile, "p99999");
}
