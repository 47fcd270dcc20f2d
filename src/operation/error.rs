//! What can go wrong in an operation, each with what to do.

use miette::Diagnostic;
use thiserror::Error;

use crate::aws::AwsError;
use crate::template::TemplateError;

/// Why an operation did not succeed.
#[derive(Debug, Error, Diagnostic)]
pub enum OperationError {
    /// A resource failed. This is the first one; the others are consequences.
    #[error("{stack}: {resource} failed ({status}): {reason}")]
    #[diagnostic(code(konta::resource_failed), help("{help}"))]
    ResourceFailed {
        /// The stack.
        stack: String,
        /// The resource, for people, with its logical id.
        resource: String,
        /// Its status in CloudFormation.
        status: String,
        /// CloudFormation's reason.
        reason: String,
        /// What to do, and what became of the stack.
        help: String,
    },
    /// CloudFormation refused to make a change set.
    #[error("{stack}: CloudFormation refuses the change: {reason}")]
    #[diagnostic(
        code(konta::change_refused),
        help(
            "nothing was changed; correct the manifest, override or addon that the reason names and run the command again"
        )
    )]
    ChangeRefused {
        /// The stack.
        stack: String,
        /// CloudFormation's reason.
        reason: String,
    },
    /// A step failed.
    #[error("{stack}: {step} failed: {reason}")]
    #[diagnostic(code(konta::step_failed), help("{help}"))]
    StepFailed {
        /// The stack it belongs to.
        stack: String,
        /// What the step does.
        step: String,
        /// Why it failed.
        reason: String,
        /// What to do.
        help: String,
    },
    /// The change would lose data.
    #[error("{stack}: {resource} would be replaced or removed, with its data")]
    #[diagnostic(
        code(konta::data_at_risk),
        help(
            "konta does not do that: restore the former value, or move the data first (the plan shows the property that causes it)"
        )
    )]
    DataAtRisk {
        /// The stack.
        stack: String,
        /// The resource.
        resource: String,
    },
    /// The stack is in a state that needs a decision.
    #[error("{stack} is in state {status}")]
    #[diagnostic(code(konta::stuck), help("{help}"))]
    Stuck {
        /// The stack.
        stack: String,
        /// Its status.
        status: String,
        /// What to do.
        help: String,
    },
    /// An output that a stack needs from another one is missing.
    #[error("{stack} needs {missing}, which its environment or cell does not provide")]
    #[diagnostic(code(konta::missing_output), help("run `konta deploy env` first, then this command again"))]
    MissingOutput {
        /// The stack.
        stack: String,
        /// What is missing.
        missing: String,
    },
    /// A service's tasks were asked, and do not answer.
    #[error("{stack}: the health check failed: {reason}")]
    #[diagnostic(
        code(konta::unhealthy),
        help("see the tasks' log; the stack is deployed, so correct the manifest and deploy again")
    )]
    Unhealthy {
        /// The stack.
        stack: String,
        /// How many tasks run and answer.
        reason: String,
    },
    /// The credentials are of another account than the environment's.
    #[error("credentials belong to account {is}, but the environment {environment} is in {wanted}")]
    #[diagnostic(
        code(konta::other_account),
        help(
            "choose the right profile with --profile or AWS_PROFILE; `account` in the environment's manifest guards against mix-ups"
        )
    )]
    OtherAccount {
        /// The credentials' account.
        is: String,
        /// The environment.
        environment: String,
        /// Its account.
        wanted: String,
    },
    /// Another operation is at work on the tenant.
    #[error("{tenant}: {holder} has been running an operation ({verb}) since {since}")]
    #[diagnostic(
        code(konta::tenant_busy),
        help(
            "--wait waits for its end. If it runs no more, --take-over takes its place; konta does so by itself fifteen minutes after it fell silent"
        )
    )]
    Busy {
        /// The tenant.
        tenant: String,
        /// The other operation.
        verb: String,
        /// Who runs it.
        holder: String,
        /// Since when.
        since: String,
    },
    /// Another operation changed the tenant between this command's look and its lease.
    #[error("{tenant} changed while this command was getting ready")]
    #[diagnostic(code(konta::tenant_changed), help("nothing was done; run the same command again"))]
    Changed {
        /// The tenant.
        tenant: String,
    },
    /// Another operation took this one's place.
    #[error("{tenant}: another operation took the place of this one, which stopped")]
    #[diagnostic(code(konta::tenant_taken_over), help("`konta status {tenant}` shows who is at work on it"))]
    TakenOver {
        /// The tenant.
        tenant: String,
    },
    /// The sandbox runs no tasks.
    #[error("the sandbox runs no tasks, so {what}")]
    #[diagnostic(code(konta::no_tasks), help("start it with `konta sandbox start --with-odoo`"))]
    NoTasks {
        /// What cannot be done.
        what: &'static str,
    },
    /// The Data API of a cluster is off.
    #[error("the RDS Data API of {cluster} is off")]
    #[diagnostic(
        code(konta::data_api_off),
        help(
            "turn it on: aws rds enable-http-endpoint --resource-arn {cluster} (a restored or renamed cluster has it off)"
        )
    )]
    DataApiOff {
        /// The cluster's ARN.
        cluster: String,
    },
    /// A cluster that a stack names does not exist.
    #[error("the cluster {cluster} does not exist")]
    #[diagnostic(code(konta::no_cluster), help("`konta status` shows the state of the cell"))]
    NoCluster {
        /// The cluster's ARN.
        cluster: String,
    },
    /// The zone is not delegated.
    #[error("the domain {domain} does not lead to its new zone yet")]
    #[diagnostic(
        code(konta::not_delegated),
        help(
            "at the registrar (or in the parent zone) set the name servers of {domain} to\n  {servers}\nthen run the command again: it continues where it stopped. A certificate requested before that would hang for hours"
        )
    )]
    NotDelegated {
        /// The domain.
        domain: String,
        /// The zone's name servers, one a line.
        servers: String,
    },
    /// A preflight check failed.
    #[error("{problem}")]
    #[diagnostic(code(konta::refused), help("{help}"))]
    Preflight {
        /// What is wrong.
        problem: String,
        /// What to do.
        help: String,
    },
    /// The operator interrupted the operation.
    #[error("stopped: {what}")]
    #[diagnostic(
        code(konta::cancelled),
        help("run the same command again to continue; `konta status` shows the current state")
    )]
    Cancelled {
        /// What was under way.
        what: String,
    },
    /// AWS took longer than konta waits.
    #[error("{what} took longer than {minutes} minutes")]
    #[diagnostic(
        code(konta::timeout),
        help("it continues in AWS: run the same command again to attach to it, or check `konta status`")
    )]
    Timeout {
        /// What was waited for.
        what: String,
        /// How long.
        minutes: u64,
    },
    /// AWS did not answer for longer than konta retries.
    #[error("{what}: AWS has not answered for {minutes} minutes ({reason})")]
    #[diagnostic(
        code(konta::unanswered),
        help(
            "work already started continues in AWS: run the same command again to attach to it, or check `konta status`"
        )
    )]
    Unanswered {
        /// What was waited for.
        what: String,
        /// How long.
        minutes: u64,
        /// The last error.
        reason: String,
    },
    /// A template cannot be deployed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Template(#[from] TemplateError),
    /// A call failed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Aws(#[from] AwsError),
}
