//! Installs a tenant's modules: a one-off task with the tenant's task definition, before the tenant gets traffic.

use crate::odoo::{database, modules};
use crate::operation::context::Context;
use crate::operation::database::Database;
use crate::operation::error::OperationError;
use crate::operation::event::{StepOutcome, StepResult};
use crate::stack::runtime::TenantRuntime;
use crate::task::one_off::{self, OneOff, TaskExit};

/// What an installation needs.
#[derive(Debug, Clone, Copy)]
pub struct Installation<'a> {
    /// The stack it belongs to, for messages.
    pub stack: &'a str,
    /// The database to fill.
    pub database: &'a str,
    /// The desired modules.
    pub modules: &'a [String],
    /// The cluster that holds the database.
    pub data: &'a Database<'a>,
    /// Where the task runs: as the tenant's own tasks, or as the pool's.
    pub runtime: &'a TenantRuntime,
    /// The command that installs modules into a database.
    pub command: fn(&str, &[String]) -> Vec<String>,
}

/// Whether Odoo has ever been set up in the database.
///
/// # Errors
/// When the query fails.
pub(super) async fn is_initialised(request: &Installation<'_>) -> Result<bool, OperationError> {
    request.data.holds(&database::is_initialised(request.database)).await
}

/// Installs what is missing. The database shows what that is, so the same call resumes an interrupted installation.
///
/// # Errors
/// When the task fails, and when it leaves modules that Odoo does not know.
pub async fn install(context: &Context<'_>, request: &Installation<'_>) -> StepResult {
    let mut missing = self::missing(request).await?;
    if missing.is_empty() {
        return Ok((StepOutcome::AlreadyDone, Some(format!("{} modules are installed", request.modules.len()))));
    }
    // The task has the same name in every run: one that an interrupted command left running is found again rather than
    // started twice. It may install another list of modules, so konta checks the database again when it has ended.
    if let Some(exit) = end_of_running(context, request).await? {
        if let TaskExit::NotRun { reason } = exit {
            return Ok((StepOutcome::NotRun, Some(reason)));
        }
        let before = missing;
        missing = self::missing(request).await?;
        if missing.is_empty() {
            return Ok((StepOutcome::Done, Some(before.join(", "))));
        }
    }
    match run_task(context, request, &(request.command)(request.database, &missing)).await? {
        TaskExit::NotRun { reason } => Ok((StepOutcome::NotRun, Some(reason))),
        // Odoo skips modules that it does not know, and still succeeds.
        TaskExit::Succeeded => match self::missing(request).await? {
            left if left.is_empty() => Ok((StepOutcome::Done, Some(missing.join(", ")))),
            left => Err(failed(request, format!("Odoo succeeded, but does not know {}", left.join(", ")))),
        },
        exit => Err(failed(request, problem(&exit))),
    }
}

/// Finishes what an installation left undone: waits for a task that is still running, and runs one with this command
/// unless `done` says that the work is complete.
///
/// # Errors
/// When the task fails, and when it succeeds but the work is not complete.
pub(super) async fn finish_with(
    context: &Context<'_>,
    request: &Installation<'_>,
    command: &[String],
    done: impl AsyncFn() -> Result<bool, OperationError>,
) -> StepResult {
    if end_of_running(context, request).await?.is_some() && done().await? {
        return Ok((StepOutcome::Done, None));
    }
    match run_task(context, request, command).await? {
        TaskExit::NotRun { reason } => Ok((StepOutcome::NotRun, Some(reason))),
        TaskExit::Succeeded if done().await? => Ok((StepOutcome::Done, None)),
        TaskExit::Succeeded => {
            Err(failed(request, "Odoo succeeded, but left attachments outside the database".to_owned()))
        }
        exit => Err(failed(request, problem(&exit))),
    }
}

/// Waits for the end of the task that an interrupted command left running, if there is one.
async fn end_of_running(context: &Context<'_>, request: &Installation<'_>) -> Result<Option<TaskExit>, OperationError> {
    let cluster = &request.runtime.cluster;
    let Some(arn) = one_off::running(context, cluster, &started_by(request.database)).await? else { return Ok(None) };
    one_off::ended(context, cluster, &arn, &what(request), context.polling.task).await.map(Some)
}

async fn run_task(
    context: &Context<'_>,
    request: &Installation<'_>,
    command: &[String],
) -> Result<TaskExit, OperationError> {
    let task = OneOff {
        runtime: request.runtime,
        task_definition: None,
        command,
        database: Some(request.database),
        task_role: None,
        size: Some(modules::INSTALL_SIZE),
        started_by: &started_by(request.database),
    };
    Ok(task.run(context, &what(request), context.polling.task).await?.exit)
}

fn what(request: &Installation<'_>) -> String {
    format!("the installation of {}", request.database)
}

fn problem(exit: &TaskExit) -> String {
    match exit {
        TaskExit::Failed { code, reason } => format!("Odoo ended with exit code {code}: {reason}"),
        exit => exit.problem().unwrap_or_default(),
    }
}

async fn missing(request: &Installation<'_>) -> Result<Vec<String>, OperationError> {
    if !is_initialised(request).await? {
        // Even if the list is empty, `base` sets up Odoo.
        let mut all = vec!["base".to_owned()];
        all.extend(request.modules.iter().filter(|name| *name != "base").cloned());
        return Ok(all);
    }
    let installed = request.data.values(&database::installed_modules(request.database)).await?;
    Ok(modules::missing(request.modules, &installed))
}

fn failed(request: &Installation<'_>, reason: String) -> OperationError {
    OperationError::StepFailed {
        stack: request.stack.to_owned(),
        step: "installing modules".to_owned(),
        reason,
        help: "see the task's output in the environment's log group, correct the modules or the image, and run the command again"
            .to_owned(),
    }
}

/// ECS allows 36 characters: a short name, and a hash of the database's name.
fn started_by(database: &str) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(database.as_bytes());
    format!(
        "konta-install-{:08x}{:08x}",
        u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]),
        u32::from_be_bytes([digest[4], digest[5], digest[6], digest[7]])
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_starters_name_fits_ecs() {
        assert!(super::started_by(&"x".repeat(63)).len() <= 36);
    }
}
