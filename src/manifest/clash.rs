//! Two manifests that claim the same name: reported at both places.

use std::collections::HashMap;
use std::hash::Hash;

use super::diagnostic::{Code, Problem, Source};
use super::parse::Span;
use crate::model::{Environment, HostName};

/// Where a name is claimed, and by whom.
pub(super) struct Claim<'s> {
    pub(super) source: &'s Source,
    pub(super) place: Span,
    /// Who claims it, for people ("the tenant artista").
    pub(super) who: String,
}

/// Hosts of all tenants of the workspace: a DNS name has one answer, whatever the environment.
pub(super) fn hosts<'s>(claims: impl Iterator<Item = (&'s HostName, Claim<'s>)>) -> Vec<Problem> {
    twice(claims, |host| format!("the host {host}"), "give each tenant its own hosts")
}

/// Stacks of addons: `a` with `b-c` and `a-b` with `c` would both be `addon-a-b-c`.
pub(super) fn addon_stacks<'s>(claims: impl Iterator<Item = (String, Claim<'s>)>) -> Vec<Problem> {
    twice(claims, |stack| format!("the stack {stack}"), "rename the addon")
}

/// Environments of one account and region whose stacks could have the same name, or that have the same domain.
pub(super) fn environments(all: &[(&Environment, &Source)]) -> Vec<Problem> {
    let whole = |environment: &Environment, source| Claim {
        source,
        place: 0..0,
        who: format!("the environment {}", environment.name),
    };
    let domains = all.iter().map(|(environment, source)| (&environment.domain, whole(environment, source)));
    let mut problems = twice(
        domains,
        |domain| format!("the domain {domain}"),
        "give each environment its own domain, such as staging.example.com",
    );
    for (short, _) in all {
        for (long, source) in all {
            let rest = long.name.as_str().strip_prefix(short.name.as_str()).unwrap_or_default();
            let meets = rest == "-dns" || ["-cell-", "-tenant-", "-addon-"].iter().any(|word| rest.starts_with(word));
            if meets && short.account == long.account && short.region == long.region {
                let message =
                    format!("stacks of the environments {} and {} could have the same names", long.name, short.name);
                let problem = Problem::at(source, Code::Clash, &(0..0), "this environment", message);
                problems.push(
                    problem
                        .help(format!("rename it: -dns, -cell-, -tenant- or -addon- must not follow {}", short.name)),
                );
            }
        }
    }
    problems
}

/// Every name that is claimed twice, in one pass: a problem at each place.
fn twice<'s, K: Eq + Hash>(
    claims: impl Iterator<Item = (K, Claim<'s>)>,
    describe: impl Fn(&K) -> String,
    help: &str,
) -> Vec<Problem> {
    let mut first: HashMap<K, (Claim<'s>, bool)> = HashMap::new();
    let mut problems = Vec::new();
    for (name, claim) in claims {
        let Some((earlier, told)) = first.get_mut(&name) else {
            first.insert(name, (claim, false));
            continue;
        };
        let name = describe(&name);
        if earlier.source.path == claim.source.path {
            let message = format!("{name} is named twice");
            let problem = Problem::at(claim.source, Code::Clash, &claim.place, "again here", message);
            problems.push(problem.and(&earlier.place, "first here").help("keep one of them"));
            continue;
        }
        let tell = |here: &Claim<'s>, there: &Claim<'s>| {
            let message = format!("{} also has {name}", there.who);
            let help = format!("see {}:{}; {help}", there.source.path, there.source.line(&there.place));
            Problem::at(here.source, Code::Clash, &here.place, "used twice", message).help(help)
        };
        problems.push(tell(&claim, earlier));
        // Of many claims, the first is reported only once, together with the second.
        if !std::mem::replace(told, true) {
            problems.push(tell(earlier, &claim));
        }
    }
    problems
}
