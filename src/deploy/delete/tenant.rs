//! Deletes a tenant, and as much of its data as the operator says.

use crate::deploy::deletion_protection;
use crate::deploy::steps::{self, REGISTRY};
use crate::model::{CellNumber, TenantName};
use crate::odoo::backup::MANIFEST;
use crate::odoo::database;
use crate::operation::database::Database;
use crate::operation::error::OperationError;
use crate::operation::event::StepOutcome;
use crate::operation::step::Step;
use crate::stack::ObservedStack;
use crate::stack::tags::{HASH_TAG, TENANT_TAG};

use super::{BACKUP_BUCKET, Deleter, STACK};

/// What konta keeps of a deleted tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Database, files, password, addons and backups.
    Data,
    /// Its backups, and its files in the cell's file system.
    Backups,
    /// Only its files in the cell's file system.
    Files,
}

const HOSTS: Step = Step::harmless("hosts", "take the tenant's hosts out of the pool's registry");
const PRIORITY: Step = Step::new("priority", "release the listener rule's priority");
const DATABASE: Step = Step::new("database", "drop the tenant's database and role");
const PASSWORD: Step = Step::new("password", "delete the passwords of the tenant's role and first administrator");
const ADDONS: Step = Step::new("addons", "delete the stacks of its addons");
const BACKUPS: Step = Step::new("backups", "delete the tenant's backups for ever");

/// The steps of a tenant's deletion.
#[must_use]
pub fn tenant_steps(keeps: Kept, has_addons: bool) -> Vec<Step> {
    let mut steps = vec![HOSTS, STACK, PRIORITY];
    if keeps != Kept::Data {
        steps.extend([DATABASE, PASSWORD]);
        if has_addons {
            steps.extend([deletion_protection::TAKE_OFF, ADDONS]);
        }
    }
    if keeps == Kept::Files {
        steps.push(BACKUPS);
    }
    steps
}

impl Deleter<'_> {
    /// Deletes a tenant: its stack and its reservation, and, unless its data is kept, its addons, databases, role and
    /// password.
    pub async fn tenant(&self, tenant: &TenantName, keeps: Kept) -> Result<(), OperationError> {
        let purge = keeps != Kept::Data;
        let name = self.context.names.tenant(tenant);
        let standing = self.observed.get_with_shells(&name);
        let cell = standing.and_then(ObservedStack::cell);
        let priority = standing.and_then(|s| s.parameters.get("ListenerRulePriority")).cloned();
        let kept = self.context.names.kept_tenant(tenant);
        if let (Some(cell), false) = (cell, purge) {
            // Before the stack is deleted, which alone knows the cell: a tenant deployed again must find its database.
            let tags = standing.map(|s| s.tags.clone()).unwrap_or_default();
            let tags = tags.into_iter().filter(|(key, _)| key != HASH_TAG).collect();
            self.context.aws.create_parameter(&kept, &cell.to_string(), &tags).await?;
        }
        let cell = cell.or_else(|| self.observed.kept().find(|(name, _)| *name == tenant).map(|(_, cell)| cell));
        let targets = self.data_targets(tenant, cell).await?;
        for target in &targets {
            self.context.step(&name, HOSTS, self.forget(target, tenant)).await?;
        }
        self.stack(&name, &format!("tenant {tenant}")).await?;
        self.context.aws.delete_parameter(&self.context.names.unverified_stack(&name)).await?;
        if let (Some(cell), Some(priority)) = (cell, priority.and_then(|p| p.parse().ok())) {
            let parameter = self.context.names.priority(cell, priority);
            let work = async {
                self.context.aws.delete_parameter(&parameter).await?;
                Ok((StepOutcome::Done, Some(priority.to_string())))
            };
            self.context.step(&name, PRIORITY, work).await?;
        } else {
            // An earlier run deleted the stack, which alone knew the number.
            let cells = cell.map_or_else(|| self.cells(), |cell| vec![cell]);
            for cell in cells {
                let work = steps::release_priorities(self.context.aws, &self.context.names, tenant, cell);
                self.context.step(&name, PRIORITY, work).await?;
            }
        }
        if !purge {
            return Ok(());
        }
        // The tenant's own cluster is deleted as a whole, below: its last snapshot must hold the data, not an empty
        // database.
        let own = Database::of_stacks(self.context.aws, &self.observed, &[self.context.names.addon(tenant, "aurora")]);
        for target in targets.iter().filter(|target| own.as_ref().is_none_or(|own| own.cluster() != target.cluster())) {
            self.context.step(&name, DATABASE, steps::drop_tenant(target, tenant)).await?;
        }
        let password = self.context.names.tenant_password(tenant);
        let work = async {
            self.context.aws.delete_parameter(&self.context.names.administrator_password(tenant)).await?;
            self.context.aws.delete_parameter(&password).await?;
            Ok((StepOutcome::Done, Some(password.clone())))
        };
        self.context.step(&name, PASSWORD, work).await?;
        // By tag and not by name alone: the addons of `foo-bar` begin like those of `foo`.
        let prefix = self.context.names.addon(tenant, "");
        let own = |stack: &&ObservedStack| {
            stack.name.starts_with(&prefix) && stack.tags.get(TENANT_TAG).is_some_and(|tag| tag == tenant.as_str())
        };
        for addon in self.observed.iter().filter(own) {
            self.addon(addon, tenant).await?;
        }
        if keeps == Kept::Files {
            self.backups(&name, tenant).await?;
        }
        // Last, so that an interrupted purge still knows the cell.
        Ok(self.context.aws.delete_parameter(&kept).await?)
    }

    /// Deletes a tenant's backups, with what the bucket keeps of those deleted earlier. An environment deployed before
    /// konta had backups has no bucket.
    async fn backups(&self, stack: &str, tenant: &TenantName) -> Result<(), OperationError> {
        let Some(bucket) = self.observed.output(&self.context.names.environment(), BACKUP_BUCKET) else {
            return Ok(());
        };
        let work = async {
            let (aws, prefix) = (self.context.aws, format!("{tenant}/"));
            // The manifests first: what is left of a deletion that was interrupted is no backup.
            let keys = aws.objects(bucket, &prefix).await?.into_iter().map(|object| object.key);
            let manifests: Vec<String> = keys.filter(|key| key.ends_with(MANIFEST)).collect();
            aws.delete_objects(bucket, &manifests).await?;
            // Each of them has left a delete marker.
            let count = aws.delete_for_ever(bucket, &prefix).await?.saturating_sub(manifests.len());
            let outcome = if count == 0 { StepOutcome::AlreadyDone } else { StepOutcome::Done };
            Ok((outcome, Some(format!("{count} objects"))))
        };
        self.context.step(stack, BACKUPS, work).await.map(|_| ())
    }

    /// The clusters that may hold the tenant's database: its own and its cell's, or every cell's if its stack no longer
    /// exists and its cell is unknown.
    async fn data_targets(
        &self,
        tenant: &TenantName,
        cell: Option<CellNumber>,
    ) -> Result<Vec<Database<'_>>, OperationError> {
        let prefix = format!("{}-cell-", self.context.names.environment());
        let mut stacks = vec![self.context.names.addon(tenant, "aurora")];
        match cell {
            Some(cell) => stacks.push(self.context.names.cell(cell)),
            None => {
                stacks.extend(self.observed.iter().map(|s| s.name.clone()).filter(|name| name.starts_with(&prefix)));
            }
        }
        let mut targets = Vec::new();
        for stack in stacks {
            let Some(target) = Database::of_stacks(self.context.aws, &self.observed, std::slice::from_ref(&stack))
            else {
                continue;
            };
            if !self.is_going(&stack, &target).await? {
                targets.push(target);
            }
        }
        Ok(targets)
    }

    /// Whether an earlier run deletes the cluster's stack and has deleted the cluster or is about to: it no longer
    /// takes SQL.
    async fn is_going(&self, stack: &str, target: &Database<'_>) -> Result<bool, OperationError> {
        let status = self.observed.get(stack).map(|standing| standing.status.as_str()).unwrap_or_default();
        if !status.starts_with("DELETE_") {
            return Ok(false);
        }
        let cluster = self.context.aws.cluster_status(target.cluster()).await?;
        Ok(status == "DELETE_IN_PROGRESS" || cluster.is_none_or(|status| status == "deleting"))
    }

    /// Every cell of the environment.
    fn cells(&self) -> Vec<CellNumber> {
        self.observed.iter().filter_map(ObservedStack::own_cell).collect()
    }

    async fn forget(
        &self,
        target: &Database<'_>,
        tenant: &TenantName,
    ) -> Result<(StepOutcome, Option<String>), OperationError> {
        let question = database::database_exists(REGISTRY);
        if !target.holds(&question).await? {
            return Ok((StepOutcome::AlreadyDone, None));
        }
        let statement = database::forget_hosts(REGISTRY, &tenant.database());
        target.run(&[statement]).await?;
        Ok((StepOutcome::Done, None))
    }
}
