//! This process, as other machines and other processes can know it.

use std::fs;

use crate::operation::lease::Holder;

/// This process as the holder of leases.
pub(super) fn holder() -> Holder {
    let user =
        ["USER", "LOGNAME", "GITHUB_ACTOR", "GITLAB_USER_LOGIN"].iter().find_map(|name| std::env::var(name).ok());
    let process = rustix::process::getpid().as_raw_nonzero().get();
    Holder {
        user: user.unwrap_or_else(|| "somebody".to_owned()),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        machine: machine().unwrap_or_default(),
        process,
        began: began(process).unwrap_or_default(),
    }
}

/// Whether a holder is a process of this machine that runs no more. Where the system does not say enough, it never is.
pub(super) fn is_gone(holder: &Holder) -> bool {
    let here = machine().is_some_and(|machine| machine == holder.machine);
    here && !holder.began.is_empty() && began(holder.process).is_none_or(|began| began != holder.began)
}

/// The start of this machine and the space of its process ids: two containers and two starts differ. `None` where the system has no such
/// files.
fn machine() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let ids = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), ids.display()))
}

/// When a process began, in ticks since the machine's start; `None` where it does not run. Source: proc(5), `/proc/PID/stat`, field 22.
fn began(process: i32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may hold spaces and parentheses itself.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    // One that has ended and that nobody has waited for runs no more either.
    let state = fields.next()?;
    fields.nth(18).filter(|_| state != "Z").map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_runs_and_an_ended_or_earlier_one_of_its_id_does_not() {
        let own = holder();
        assert!(!is_gone(&own));
        if own.machine.is_empty() {
            return;
        }
        assert!(is_gone(&Holder { began: "1".to_owned(), ..own.clone() }), "its id is used again");
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let process = i32::try_from(child.id()).unwrap();
        child.wait().unwrap();
        assert!(is_gone(&Holder { process, ..own.clone() }));
        assert!(!is_gone(&Holder { machine: "another".to_owned(), process, ..own }));
    }
}
