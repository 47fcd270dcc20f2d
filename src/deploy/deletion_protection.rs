//! Turns off the deletion protection of databases and load balancers whose stack will be deleted.

use crate::aws::{Aws, AwsError};
use crate::operation::error::OperationError;
use crate::operation::event::{StepOutcome, StepResult};
use crate::operation::polling::Polling;
use crate::operation::retry::Retry;
use crate::operation::step::Step;

/// Before a stack with a protected database or load balancer can be deleted. Also runs when a failed first creation is removed.
pub(super) const TAKE_OFF: Step = Step::on_the_way_back("protection", "turn deletion protection off");

/// Turns off the deletion protection of a stack's databases and load balancers. Skips what is deleted or being deleted.
pub async fn take_off(aws: &Aws, polling: Polling, stack: &str) -> StepResult {
    let resources = match aws.stack_resources(stack).await {
        // The stack itself was deleted meanwhile.
        Err(error) if error.code == "ValidationError" && error.message.contains("does not exist") => Vec::new(),
        resources => resources?,
    };
    let mut count = 0;
    for (_, kind, id, status) in resources {
        if id.is_empty() || matches!(status.as_str(), "DELETE_IN_PROGRESS" | "DELETE_COMPLETE" | "DELETE_SKIPPED") {
            continue;
        }
        match kind.as_str() {
            "AWS::RDS::DBCluster" => cluster(aws, polling, &id).await?,
            // A load balancer that could not be made may have only a name, and no ARN to call AWS with.
            "AWS::ElasticLoadBalancingV2::LoadBalancer" if !id.starts_with("arn:") => continue,
            "AWS::ElasticLoadBalancingV2::LoadBalancer" => gone_is_done(aws.unprotect_load_balancer(&id).await)?,
            _ => continue,
        }
        count += 1;
    }
    let outcome = if count == 0 { StepOutcome::AlreadyDone } else { StepOutcome::Done };
    Ok((outcome, Some(format!("{count} resources"))))
}

/// Turns it off for a cluster. RDS changes a cluster only while it is available, so this waits for one that is still
/// being made or backed up.
async fn cluster(aws: &Aws, polling: Polling, id: &str) -> Result<(), OperationError> {
    let begun = tokio::time::Instant::now();
    let mut retry = Retry::new(polling, None, format!("the deletion protection of {id}"));
    loop {
        match aws.unprotect_cluster(id).await {
            Err(error) if error.is("InvalidDBClusterStateFault") && begun.elapsed() <= polling.task => {
                let status = retry.ask(async || aws.cluster_status(id).await).await?;
                if status.is_none_or(|status| status == "deleting") {
                    return Ok(());
                }
                tokio::time::sleep(polling.poll).await;
            }
            done => return gone_is_done(done).map_err(OperationError::from),
        }
    }
}

fn gone_is_done(done: Result<(), AwsError>) -> Result<(), AwsError> {
    match done {
        Err(error) if error.is("DBClusterNotFoundFault") || error.is("LoadBalancerNotFound") => Ok(()),
        done => done,
    }
}
