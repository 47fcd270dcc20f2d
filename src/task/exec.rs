//! A session in a running task: chooses the task, and adapts the command to what runs in it.

use miette::Diagnostic;
use thiserror::Error;

use crate::aws::tasks::{TaskDetail, Tasks};
use crate::aws::{Aws, AwsError};
use crate::odoo;
use crate::stack::runtime::TenantRuntime;

/// Why a session cannot be opened.
#[derive(Debug, Clone, Error, Diagnostic)]
pub enum ExecError {
    /// AWS refused or could not be reached.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Aws(#[from] AwsError),
    /// The sandbox shows tasks but runs none.
    #[error("this sandbox runs no tasks, so there is none to open a session in")]
    #[diagnostic(
        code(konta::no_odoo_container),
        help("start it with `konta sandbox start --with-odoo`, then deploy the tenant again")
    )]
    NoOdoo,
    /// The tenant has no running task.
    #[error("{tenant} has no running task")]
    #[diagnostic(
        code(konta::no_running_task),
        help(
            "`konta status {tenant}` shows the state of its service; `konta run {tenant} -- COMMAND` runs a command in a one-off task"
        )
    )]
    NoTask {
        /// The tenant.
        tenant: String,
    },
    /// No running task has this id, or several have ids that begin like this.
    #[error("`{asked}` does not name exactly one running task")]
    #[diagnostic(code(konta::no_such_task), help("these are running: {running}"))]
    NoSuchTask {
        /// The id as it was given.
        asked: String,
        /// The ids of the running tasks.
        running: String,
    },
    /// A task that accepts no sessions.
    #[error("the task {task} accepts no session: {reason}")]
    #[diagnostic(code(konta::no_exec_session), help("{help}"))]
    NoSession {
        /// Its id.
        task: String,
        /// Why.
        reason: String,
        /// What to do.
        help: &'static str,
    },
}

/// The task with this id or a beginning of it; without one, the first task of the service that accepts sessions.
pub async fn choose(aws: &Aws, runtime: &TenantRuntime, asked: Option<&str>) -> Result<TaskDetail, ExecError> {
    if !aws.runs_tasks() {
        return Err(ExecError::NoOdoo);
    }
    let which = match (asked, &runtime.service) {
        (None, Some(service)) => Tasks::RunningOfService(service),
        _ => Tasks::RunningOfFamily(runtime.family()),
    };
    let mut running = aws.tasks(&runtime.cluster, which).await?;
    if running.is_empty() {
        return Err(ExecError::NoTask { tenant: runtime.tenant.to_string() });
    }
    let Some(asked) = asked else {
        // Newest first; a task that is still starting is taken only if no other accepts sessions.
        let ready = running.iter().position(|task| refusal(aws, task).is_none()).unwrap_or(0);
        return checked(aws, running.swap_remove(ready));
    };
    let all: Vec<String> = running.iter().map(|task| task.id().to_owned()).collect();
    running.retain(|task| task.id().starts_with(asked));
    match running.pop() {
        Some(task) if running.is_empty() => checked(aws, task),
        _ => Err(ExecError::NoSuchTask { asked: asked.to_owned(), running: all.join(", ") }),
    }
}

fn checked(aws: &Aws, task: TaskDetail) -> Result<TaskDetail, ExecError> {
    match refusal(aws, &task) {
        None => Ok(task),
        Some((reason, help)) => Err(ExecError::NoSession { task: task.id().to_owned(), reason, help }),
    }
}

/// Why a task accepts no session, and what to do.
fn refusal(aws: &Aws, task: &TaskDetail) -> Option<(String, &'static str)> {
    if task.status != "RUNNING" {
        return Some((format!("it is {}", task.status), "a task takes about a minute to start: try again soon"));
    }
    // The sandbox has no agent: a session there is a process next to the task's.
    if aws.is_sandbox() {
        return None;
    }
    if !task.takes_sessions {
        let help =
            "something other than konta started it, or an override turned ECS Exec off; a release starts new tasks";
        return Some(("it was started without ECS Exec".to_owned(), help));
    }
    let status = task.agent.as_deref().filter(|status| *status != "RUNNING")?;
    let help = "the agent must reach ssmmessages (by internet, NAT or an endpoint), and the task role must allow it";
    Some((format!("its session agent is {status}"), help))
}

/// The words to run for a command: a shell if there is none, `psql` and `odoo shell` with the tenant's database.
#[must_use]
pub fn words(runtime: &TenantRuntime, asked: &[String]) -> Vec<String> {
    let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let command = match asked {
        [] => own(&["bash"]),
        [odoo, shell, rest @ ..] if odoo == "odoo" && shell == "shell" => odoo::modules::shell(&runtime.database, rest),
        given => given.to_vec(),
    };
    if !runtime.is_pooled {
        return command;
    }
    // A pool's tasks name no database. The pool's role becomes the tenant's when it connects to the tenant's database.
    let mut words = own(&["env", &format!("PGDATABASE={}", runtime.database)]);
    words.extend(command);
    words
}

/// Words as one line that a POSIX shell, or the agent of ECS Exec, splits into the same words.
#[must_use]
pub fn line(words: &[String]) -> String {
    let is_plain =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:=,@%+".contains(c));
    let quoted =
        |word: &String| if is_plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', r"'\''")) };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TenantName;
    use crate::stack::runtime::LogSource;

    fn runtime(is_pooled: bool) -> TenantRuntime {
        TenantRuntime {
            tenant: TenantName::new("bread-free").unwrap(),
            database: "bread_free".into(),
            is_pooled,
            cluster: "c".into(),
            service: None,
            task_definition: "arn:aws:ecs:eu-west-1:123456789012:task-definition/konta-prod-bread-free:7".into(),
            log: LogSource { group: "g".into(), streams: "bread-free/odoo/".into() },
            subnets: Vec::new(),
            security_group: "sg".into(),
            public_ip: true,
            tags: Vec::new(),
        }
    }

    fn said(is_pooled: bool, asked: &[&str]) -> String {
        line(&words(&runtime(is_pooled), &asked.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()))
    }

    #[test]
    fn a_command_meets_the_tenants_own_database() {
        assert_eq!(said(false, &[]), "bash");
        assert_eq!(said(false, &["psql", "-c", "select 1"]), "psql -c 'select 1'");
        assert_eq!(said(true, &["psql"]), "env PGDATABASE=bread_free psql");
        assert_eq!(said(false, &["odoo", "shell"]), "odoo shell -c /tmp/konta/odoo.conf -d bread_free --no-http");
        assert_eq!(
            said(true, &["odoo", "shell", "--log-level=warn"]),
            "env PGDATABASE=bread_free odoo shell -c /tmp/konta/odoo.conf -d bread_free --no-http --log-level=warn"
        );
    }

    /// Checked against a real shell, which must split the line into the same words.
    #[test]
    fn a_shell_splits_the_line_into_the_same_words() {
        let words: Vec<String> =
            ["a b", "", "it's", "$HOME", "a\"b", "*", "x=1", "back\\slash", "two\nlines", "~"].map(Into::into).to_vec();
        let script = format!("printf '%s\\0' {}", line(&words));
        let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        let split: Vec<&str> =
            std::str::from_utf8(&output.stdout).unwrap().trim_end_matches('\0').split('\0').collect();
        assert_eq!(split, words);
    }

    #[test]
    fn the_family_is_the_task_definitions_name() {
        assert_eq!(runtime(false).family(), "konta-prod-bread-free");
    }
}
