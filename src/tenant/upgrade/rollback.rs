//! Which release serves: the upgraded one, or after a rollback the former one, each with the image that fits its data.

use crate::model::{ServingState, TenantName};
use crate::odoo::database_swap;
use crate::odoo::upgrade::{self, Note, State};
use crate::operation::context::Context;
use crate::operation::database::Database;
use crate::operation::event::StepResult;
use crate::operation::step::Step;
use crate::operation::{OperationError, StepOutcome};
use crate::stack::StackKind;
use crate::stack::runtime::TenantRuntime;
use crate::stack::tags::PAGE;
use crate::tenant::{page, suspension};

use super::UpgradeError;
use super::databases::Databases;

/// The parameter of a dedicated tenant's stack with its image.
const IMAGE: &str = "Image";

const BACK: Step = Step::on_the_way_back("back", "bring the former release back");
const SWAP_BACK: Step = Step::on_the_way_back("swap-back", "put the former database back in its place");

/// Whether an error proves that the tasks do not answer, rather than that AWS did not.
pub(super) fn is_proof(error: &OperationError) -> bool {
    matches!(error, OperationError::Unhealthy { .. })
}

/// Removes the page of an interrupted upgrade: the image that fits the tenant's current data serves it. Returns what konta
/// could not check. Once the tasks answer, konta drops what the upgrade left.
///
/// # Errors
/// When a step fails, and when its tasks do not answer; then the same call resumes.
pub async fn take_back(
    context: &Context<'_>,
    tenant: &TenantName,
    runtime: &TenantRuntime,
    data: &Database<'_>,
) -> Result<Vec<String>, OperationError> {
    let site = Databases::of(context, tenant, runtime, data);
    let note = site.note(&site.own).await?.flatten();
    let not_run = match &note {
        Some(note) => Box::pin(site.serve(&note.image)).await?,
        None => Box::pin(suspension::resume(context, tenant)).await?,
    };
    if !not_run.is_empty() {
        return Ok(not_run);
    }
    Box::pin(site.stop_tasks(None)).await?;
    if note.is_some() {
        Box::pin(site.tidy()).await?;
    } else {
        data.run(&[database_swap::drop(&upgrade::copy_name(&site.own))]).await?;
    }
    Ok(not_run)
}

impl Databases<'_> {
    /// Removes the page and lets an image serve; returns what konta could not check.
    ///
    /// A dedicated tenant's service must not be changed while its rule shows a page (see [`page::show`]), and without the
    /// page, a schedule or scaling may start it immediately, with the former image. So for a moment the tenant has neither
    /// page nor tasks.
    pub(super) async fn serve(&self, image: &str) -> Result<Vec<String>, OperationError> {
        if !self.runtime.is_pooled {
            let standing = self.context.observed().get(&self.stack).cloned().unwrap_or_default();
            // Whatever ends this run, the next one checks the tasks.
            self.context.not_seen_healthy(&self.stack, &standing.tags).await?;
            let fits = standing.parameters.get(IMAGE).is_some_and(|now| now == image);
            if !fits && standing.page() != ServingState::Serving {
                let between = self.context.takes(&self.stack, PAGE, ServingState::Resuming.as_str()).await?;
                let between = if between { ServingState::Resuming } else { ServingState::Serving };
                Box::pin(page::show(self.context, self.tenant, between)).await?;
            }
            let kind = StackKind::Tenant(self.tenant.clone());
            let values = [(IMAGE, image), (PAGE, ServingState::Serving.as_str())];
            Box::pin(self.context.set_parameters(kind, &self.stack, &format!("tenant {}", self.tenant), &values))
                .await?;
        }
        Box::pin(suspension::resume(self.context, self.tenant)).await
    }

    /// The way back before the swap: lets the former image serve the original database, which was never changed.
    pub(super) async fn go_on_as_before(&self, image: &str, error: OperationError) -> UpgradeError {
        let work = async {
            // A task in the copy does not harm the original, so it must not keep the tenant offline.
            let stopped = Box::pin(self.stop_tasks(None)).await;
            Box::pin(self.serve(image)).await?;
            stopped?;
            let mut statements = vec![database_swap::drop(&upgrade::copy_name(&self.own))];
            if let Some(note) = self.note(&self.own).await?.flatten() {
                statements.push(upgrade::unmark(&self.own, &note));
            }
            self.data.run(&statements).await?;
            Ok((StepOutcome::Done, Some(image.to_owned())))
        };
        Box::pin(self.way_back(work, error)).await
    }

    /// The way back after the swap: puts the former database back in its place, and lets the former image serve it. The
    /// upgraded database is kept under another name.
    pub(super) async fn go_back(&self, former: &Note, error: OperationError) -> UpgradeError {
        let failed = upgrade::failed_name(&self.own);
        let work = async {
            Box::pin(suspension::off(self.context, self.tenant, ServingState::Maintenance)).await?;
            Box::pin(self.stop_tasks(None)).await?;
            let back = self.swap_back(former);
            self.context.step(&self.stack, SWAP_BACK, back).await?;
            Box::pin(self.serve(&former.image)).await?;
            self.data.run(&[upgrade::unmark(&self.own, former)]).await?;
            Ok((StepOutcome::Done, Some(format!("{}; the upgraded database is kept as {failed}", former.image))))
        };
        let broken = Box::pin(self.way_back(work, error)).await;
        if broken.is_back {
            self.context.events.note(format!(
                "{}: the upgraded database, which did not serve, is kept as {failed} until the next upgrade succeeds",
                self.tenant
            ));
        }
        broken
    }

    /// Swaps the databases back. The former database keeps its note, which names its image, until it serves.
    async fn swap_back(&self, former: &Note) -> StepResult {
        let failed = Note { state: State::Failed, before: String::new(), ..former.clone() };
        let upgraded = self.note(&self.own).await?.flatten();
        let failed = Note { image: upgraded.map_or(failed.image.clone(), |note| note.image), ..failed };
        // A database of an earlier try: the tenant was never served from it for long.
        self.data.run(&[database_swap::drop(&upgrade::failed_name(&self.own))]).await?;
        if let Err(error) = self.exchange(&upgrade::swap_back(&self.own, &failed)).await {
            // The swap may have succeeded, and only the answer was lost.
            if self.comment(&upgrade::former_name(&self.own)).await?.is_some() {
                return Err(error);
            }
        }
        Ok((StepOutcome::Done, None))
    }

    /// Returns the error, with the result of the way back.
    async fn way_back(&self, work: impl Future<Output = StepResult>, error: OperationError) -> UpgradeError {
        match self.context.step(&self.stack, BACK, work).await {
            Ok(_) => UpgradeError { error, is_back: true },
            Err(second) => {
                let error = OperationError::StepFailed {
                    stack: self.stack.clone(),
                    step: "the way back".to_owned(),
                    reason: format!("{second}; konta took it because of: {error}"),
                    help: format!(
                        "the data is whole. Run the same command again to continue, or run `konta tenant resume {}` to remove the page \
                         and serve the data with the image that fits it",
                        self.tenant
                    ),
                };
                UpgradeError { error, is_back: false }
            }
        }
    }
}
