//! All that a command has left, line by line, to be compared.

use super::{Cloud, State};

impl Cloud {
    /// What is there: what no two runs share, such as passwords, is left out.
    pub fn outcome(&self) -> Vec<String> {
        self.state().outcome()
    }
}

impl State {
    fn outcome(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for name in self.stacks.keys() {
            let Some(stack) = self.stack(name) else { continue };
            let seen = &stack.seen;
            lines.push(format!(
                "stack {name} {} {:?} {:?} protected {}",
                seen.status, seen.parameters, seen.tags, seen.protected
            ));
            lines.extend(stack.change_sets.keys().map(|_| format!("a change set of {name}")));
        }
        for (name, service) in &self.services {
            lines.push(format!(
                "service {name} {} wanted {} running {}",
                service.image, service.desired, service.running
            ));
        }
        for (arn, cluster) in &self.clusters {
            lines.extend(cluster.databases.iter().map(|(name, one)| format!("database {arn} {name} {one:?}")));
            lines.extend(cluster.roles.iter().map(|(name, members)| format!("role {arn} {name} {members:?}")));
            for (host, (to, rests)) in cluster.hosts.iter().flatten() {
                lines.push(format!("host {arn} {host} to {to}, rests {rests}"));
            }
            lines.push(format!("cluster {arn} protected {} going {}", cluster.is_protected, cluster.is_going));
        }
        for (name, one) in &self.parameters {
            let value = if one.is_secret || name.contains("/unverified/") { "" } else { one.value.as_str() };
            lines.push(format!("parameter {name} {value} {:?}", one.tags));
        }
        lines.extend(self.objects_under("").iter().map(|(key, _)| format!("object {key}")));
        lines.extend(self.files.iter().map(|data| format!("files of {data}")));
        lines.extend(self.pinned.iter().map(|data| format!("pinned files of {data}")));
        lines.extend(self.snapshots.iter().map(|one| format!("snapshot of {one}")));
        let running = self.tasks.iter().filter(|task| task.status != "STOPPED");
        lines.extend(running.map(|task| format!("task {} runs", task.started_by)));
        lines
    }
}

/// Lines without the names of backups and without the hashes made of them: two runs begin their backups at two moments.
pub fn without_ids(lines: Vec<String>) -> Vec<String> {
    let is_id = |text: &str| {
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        text.len() == 16 && text.is_ascii() && digits(&text[..8]) && digits(&text[9..15]) && text.ends_with('Z')
    };
    let one = |line: String| {
        let words = line.split_inclusive(['/', '"', ' ']);
        words.fold(String::new(), |line, word| {
            let bare = word.trim_end_matches(['/', '"', ' ']);
            let ids = if is_id(bare) { "ID" } else { bare };
            let ids = ids.strip_prefix("konta-restore-").map_or(ids, |_| "konta-restore");
            line + ids + &word[bare.len()..]
        })
    };
    lines.into_iter().map(one).collect()
}
