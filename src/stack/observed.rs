//! Stacks as AWS reports them, in one sweep.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::{CellNumber, ServingState, TenantName};

use super::tags::{APPLICATION_TAG, CELL_TAG, ENVIRONMENT_TAG, PAGE, TENANT_TAG};

/// A stack as AWS describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ObservedStack {
    /// Its name.
    pub name: String,
    /// CloudFormation's status, such as `CREATE_COMPLETE`.
    pub status: String,
    /// CloudFormation's reason for it, if any.
    pub reason: Option<String>,
    /// Outputs by key.
    pub outputs: BTreeMap<String, String>,
    /// Parameters by key; values of `NoEcho` parameters are asterisks.
    pub parameters: BTreeMap<String, String>,
    /// Tags by key.
    pub tags: BTreeMap<String, String>,
    /// Whether termination protection is on.
    pub protected: bool,
    /// The last change, RFC 3339, UTC.
    pub changed_at: Option<String>,
}

impl ObservedStack {
    /// Whether the stack is only the shell of a change set that was never executed, and so does not really exist yet.
    #[must_use]
    pub fn is_shell(&self) -> bool {
        self.status == "REVIEW_IN_PROGRESS"
    }

    /// Whether an operation is under way (`*_IN_PROGRESS`); a shell does not count.
    #[must_use]
    pub fn in_progress(&self) -> bool {
        self.status.ends_with("_IN_PROGRESS") && !self.is_shell()
    }

    /// Whether the stack must be deleted before it can be made: its creation failed and left nothing usable.
    #[must_use]
    pub fn must_be_remade(&self) -> bool {
        matches!(self.status.as_str(), "ROLLBACK_COMPLETE" | "CREATE_FAILED" | "ROLLBACK_FAILED" | "DELETE_FAILED")
    }

    /// The tenant whose own stack this is, by its tags; the stack of an addon is not a tenant's own.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.named("-tenant-", self.tags.get(TENANT_TAG)?)
    }

    /// The cell whose stack this is, by its tags.
    #[must_use]
    pub fn own_cell(&self) -> Option<CellNumber> {
        self.named("-cell-", self.tags.get(CELL_TAG)?).and(self.cell())
    }

    /// The cell it is in, by its tags.
    #[must_use]
    pub fn cell(&self) -> Option<CellNumber> {
        self.tags.get(CELL_TAG)?.parse().ok().and_then(CellNumber::new)
    }

    /// What visitors see instead of its Odoo.
    #[must_use]
    pub fn page(&self) -> ServingState {
        self.parameters.get(PAGE).map(|word| ServingState::of(word)).unwrap_or_default()
    }

    /// Whether it is a pooled tenant's stack.
    #[must_use]
    pub fn is_pooled(&self) -> bool {
        self.parameters.contains_key("PoolTargetGroupArn")
    }

    fn named<'a>(&self, kind: &str, name: &'a str) -> Option<&'a str> {
        let (application, environment) = (self.tags.get(APPLICATION_TAG)?, self.tags.get(ENVIRONMENT_TAG)?);
        (self.name == format!("{application}-{environment}{kind}{name}")).then_some(name)
    }

    /// Whether both an update and its rollback failed; only `ContinueUpdateRollback` helps then.
    #[must_use]
    pub fn rollback_is_stuck(&self) -> bool {
        self.status == "UPDATE_ROLLBACK_FAILED"
    }
}

/// Every stack of the application that exists, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    stacks: BTreeMap<String, ObservedStack>,
    kept: BTreeMap<TenantName, CellNumber>,
    moving: BTreeMap<TenantName, String>,
    operations: BTreeMap<TenantName, String>,
    bound: BTreeMap<TenantName, CellNumber>,
    in_account: usize,
}

impl Observed {
    /// What was observed, from a list of stacks.
    #[must_use]
    pub fn new(stacks: Vec<ObservedStack>) -> Self {
        let in_account = stacks.len();
        let stacks = stacks.into_iter().map(|stack| (stack.name.clone(), stack)).collect();
        Self { stacks, in_account, ..Self::default() }
    }

    /// Adds the number of stacks that the account has in the region, and the deleted tenants whose data was kept, each
    /// with the cell that holds it.
    #[must_use]
    pub fn with(self, in_account: usize, kept: BTreeMap<TenantName, CellNumber>) -> Self {
        Self { kept, in_account, ..self }
    }

    /// Adds the tenants whose move is not complete, each with its record.
    #[must_use]
    pub fn with_moving(self, moving: BTreeMap<TenantName, String>) -> Self {
        Self { moving, ..self }
    }

    /// Says that the command at hand moves a tenant to a cell, or to another location in its cell: then the rules that
    /// keep a tenant where and as it is do not apply to it.
    #[must_use]
    pub fn bound_for(mut self, tenant: TenantName, cell: CellNumber) -> Self {
        self.bound.insert(tenant, cell);
        self
    }

    /// The cell to which the command at hand moves a tenant.
    #[must_use]
    pub fn bound(&self, tenant: &TenantName) -> Option<CellNumber> {
        self.bound.get(tenant).copied()
    }

    /// The same, with the operations under way on tenants, each as its record is kept.
    #[must_use]
    pub fn with_operations(self, operations: BTreeMap<TenantName, String>) -> Self {
        Self { operations, ..self }
    }

    /// The record of the operation under way on the tenant.
    #[must_use]
    pub fn operation(&self, tenant: &TenantName) -> Option<&str> {
        self.operations.get(tenant).map(String::as_str)
    }

    /// The record of the tenant's move, if it is not complete.
    #[must_use]
    pub fn moving(&self, tenant: &TenantName) -> Option<&str> {
        self.moving.get(tenant).map(String::as_str)
    }

    /// Whether the tenant's move is not complete and the command at hand does not resume it: then the command
    /// must not touch the tenant.
    #[must_use]
    pub fn is_on_its_way(&self, tenant: &TenantName) -> bool {
        self.moving.contains_key(tenant) && !self.bound.contains_key(tenant)
    }

    /// Tenants without a stack whose data is kept, with the cell that holds it: deleted tenants, and those whose
    /// first deployment ended early.
    pub fn kept(&self) -> impl Iterator<Item = (&TenantName, CellNumber)> {
        let gone = |tenant: &TenantName| !self.iter().any(|stack| stack.tenant() == Some(tenant.as_str()));
        self.kept.iter().filter(move |(tenant, _)| gone(tenant)).map(|(tenant, cell)| (tenant, *cell))
    }

    /// Whether a mark says that the tenant's data was kept when it was deleted.
    #[must_use]
    pub fn is_kept(&self, tenant: &TenantName) -> bool {
        self.kept.contains_key(tenant)
    }

    /// How many stacks the account has in the region, including those that are not konta's.
    #[must_use]
    pub fn in_account(&self) -> usize {
        self.in_account
    }

    /// One stack; a shell of a change set that was never executed counts as absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&ObservedStack> {
        self.stacks.get(name).filter(|stack| !stack.is_shell())
    }

    /// One stack, even if it is a shell.
    #[must_use]
    pub fn get_with_shells(&self, name: &str) -> Option<&ObservedStack> {
        self.stacks.get(name)
    }

    /// One output of one stack.
    #[must_use]
    pub fn output(&self, stack: &str, output: &str) -> Option<&str> {
        self.get(stack)?.outputs.get(output).map(String::as_str)
    }

    /// Puts in a stack as it is now.
    pub fn put(&mut self, stack: ObservedStack) {
        self.stacks.insert(stack.name.clone(), stack);
    }

    /// Removes a stack that was deleted.
    pub fn remove(&mut self, name: &str) {
        self.stacks.remove(name);
    }

    /// All stacks except shells, by name.
    pub fn iter(&self) -> impl Iterator<Item = &ObservedStack> {
        self.stacks.values().filter(|stack| !stack.is_shell())
    }
}
