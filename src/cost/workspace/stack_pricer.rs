//! Prices the stacks of a workspace: each document only once for all stacks that cost the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Display;
use std::sync::Arc;

use crate::cost::allocate::Owner;
use crate::cost::estimate::{self, Estimate};
use crate::cost::evaluate::{Evaluator, Inputs};
use crate::cost::price::PriceTable;
use crate::cost::usage::{Profile, Usage};
use crate::model::{CellNumber, Environment, Isolation, Tenant, TenantName, Workspace};
use crate::stack::build::Builder;
use crate::stack::placement::{Placement, placements};
use crate::stack::{DesiredStack, Observed, ObservedStack, StackKind};
use crate::template::compose::Composer;
use crate::template::condition::Known;
use crate::template::{Document, TemplateError};

use super::outputs::Outputs;
use super::stack_cost::StackCost;

/// Prices an environment's stacks, with parameters as konta would send them.
pub struct StackPricer<'a> {
    workspace: &'a Workspace,
    builder: Builder<'a>,
    environment: &'a Environment,
    usage: Usage,
    prices: PriceTable,
    outputs: Outputs<'a>,
    /// The tenants whose usage counts, if that is not all of them.
    serving: Option<BTreeSet<TenantName>>,
    /// Deployed templates, by their text: many stacks have the same one.
    deployed: HashMap<String, Arc<Document>>,
    /// How documents differ from those that would be deployed, for comparisons.
    patch: Option<Patch>,
    /// The only tenant whose documents are changed.
    patched_tenant: Option<String>,
    patched: HashMap<usize, (Arc<Document>, Arc<Document>)>,
    memo: HashMap<MemoKey, Vec<Remembered>>,
    /// The types of every resource seen so far, by logical id.
    resources: BTreeMap<String, BTreeSet<String>>,
}

/// Changes a document before it is priced.
pub type Patch = fn(&mut Document);

/// A document's digest, and the name of the usage with which it is priced.
type MemoKey = ([u8; 32], &'static str);

/// An estimate, and the values of the parameters that it depends on.
struct Remembered {
    parameters: Vec<(String, Option<String>)>,
    estimate: Arc<Estimate>,
}

impl<'a> StackPricer<'a> {
    /// A pricer for an environment; `usage` is what a usage file says, and each stack adds a profile.
    #[must_use]
    pub fn new(
        workspace: &'a Workspace,
        composer: &'a Composer,
        environment: &'a Environment,
        usage: Usage,
        prices: PriceTable,
    ) -> Self {
        Self {
            workspace,
            builder: Builder::new(workspace, composer),
            environment,
            usage: usage.keeping(environment.backups),
            prices,
            outputs: Outputs::default(),
            serving: None,
            deployed: HashMap::new(),
            patch: None,
            patched_tenant: None,
            patched: HashMap::new(),
            memo: HashMap::new(),
            resources: BTreeMap::new(),
        }
    }

    /// Uses the outputs and the placements of deployed stacks instead of those that a template alone would suggest.
    #[must_use]
    pub fn given(mut self, observed: &'a Observed) -> Self {
        self.outputs.observed = Some(observed);
        self
    }

    /// Uses the outputs that these changing stacks will have, as far as their templates say.
    #[must_use]
    pub fn once_changed(mut self, touched: BTreeSet<String>) -> Self {
        self.outputs.touched = touched;
        self
    }

    /// Counts only the usage of these tenants in what all of them share.
    #[must_use]
    pub fn serving(mut self, tenants: BTreeSet<TenantName>) -> Self {
        self.serving = Some(tenants);
        self
    }

    /// Changes every document before it is priced; with `only`, only those of that tenant.
    #[must_use]
    pub fn patched_by(mut self, patch: Option<Patch>, only: Option<&str>) -> Self {
        self.patch = patch;
        self.patched_tenant = only.map(ToOwned::to_owned);
        self
    }

    /// The document as it is priced.
    fn document(&mut self, document: &Arc<Document>, patch: Patch) -> Arc<Document> {
        // The original is kept, too, so that no other document can get its address.
        let (_, patched) = self.patched.entry(Arc::as_ptr(document) as usize).or_insert_with(|| {
            let mut changed = Document::clone(document);
            patch(&mut changed);
            (Arc::clone(document), Arc::new(changed))
        });
        Arc::clone(patched)
    }

    /// Hours of the month.
    #[must_use]
    pub fn hours(&self) -> rust_decimal::Decimal {
        self.usage.hours()
    }

    /// The types of every resource seen so far, by logical id.
    #[must_use]
    pub fn resources(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let own = self.resources.iter();
        own.map(|(id, types)| (id.as_str(), types.iter().map(String::as_str).collect())).collect()
    }

    /// Where these tenants would be if nothing is deployed yet.
    #[must_use]
    pub fn places(&self, tenants: &[&Tenant]) -> BTreeMap<TenantName, Placement> {
        placements(self.workspace, self.environment, tenants, &Observed::default())
    }

    /// Prices the environment, its cells and the given tenants, which are where `places` says.
    pub fn everything(
        &mut self,
        tenants: &[&Tenant],
        places: &BTreeMap<TenantName, Placement>,
    ) -> Result<Vec<StackCost>, TemplateError> {
        let mut stacks = Vec::new();
        let all = Profile::of_tenants(tenants.iter().copied());
        self.shared(&all, &mut stacks)?;
        let mut cells: BTreeMap<CellNumber, Vec<&Tenant>> = BTreeMap::from([(CellNumber::FIRST, Vec::new())]);
        for tenant in tenants {
            if let Some(place) = places.get(&tenant.name) {
                cells.entry(place.cell).or_default().push(tenant);
            }
        }
        for (cell, tenants) in &cells {
            let stack = self.builder.cell(self.environment, *cell, false)?;
            let usage = self.usage.over(Profile::of_tenants(tenants.iter().copied()));
            stacks.push(self.price(&stack, &usage, "cell"));
        }
        let profiles = self.profiles();
        for tenant in tenants {
            if let Some(place) = places.get(&tenant.name) {
                self.tenant_stacks(tenant, *place, &profiles, &mut stacks)?;
            }
        }
        Ok(stacks)
    }

    /// Prices a tenant's own stacks.
    pub fn tenant(&mut self, tenant: &Tenant) -> Result<Vec<StackCost>, TemplateError> {
        let places = self.places(&[tenant]);
        let Some(place) = places.get(&tenant.name).copied() else { return Ok(Vec::new()) };
        // Their outputs are parameters of the tenant's stack.
        self.shared(&Profile::none(), &mut Vec::new())?;
        let cell = self.builder.cell(self.environment, place.cell, false)?;
        self.register(&cell);
        let mut stacks = Vec::new();
        self.tenant_stacks(tenant, place, &self.profiles(), &mut stacks)?;
        Ok(stacks)
    }

    /// Prices one desired stack.
    pub fn desired(&mut self, stack: &DesiredStack) -> StackCost {
        let (usage, profile) = self.usage_of(&stack.kind);
        self.price(stack, &usage, profile)
    }

    /// Prices one stack as it is deployed, from its template's text and the parameters that AWS reports. The error says
    /// why there is no estimate.
    pub(super) fn deployed<E: Display>(
        &mut self,
        stack: &ObservedStack,
        kind: &StackKind,
        body: Result<String, E>,
    ) -> Result<Arc<Estimate>, String> {
        let body = body.map_err(|error| format!("its deployed template cannot be fetched: {error}"))?;
        let document = if let Some(document) = self.deployed.get(&body) {
            Arc::clone(document)
        } else {
            let document = Document::parse(&stack.name, &body)
                .map_err(|error| format!("its deployed template cannot be read: {error}"))?;
            let document = Arc::new(document);
            self.deployed.insert(body, Arc::clone(&document));
            document
        };
        let parameters = stack.parameters.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect();
        let inputs = Inputs { region: self.environment.region.to_string(), parameters };
        let (usage, profile) = self.usage_of(kind);
        Ok(self.estimate(&document, &inputs, &usage, profile))
    }

    /// The usage with which a stack is priced: that of all tenants, of those in its cell, or of its own tenant.
    fn usage_of(&self, kind: &StackKind) -> (Usage, &'static str) {
        let counts = |tenant: &&Tenant| self.serving.as_ref().is_none_or(|serving| serving.contains(&tenant.name));
        let tenants = self.workspace.tenants_of(&self.environment.name).filter(counts);
        let (profile, name) = match kind {
            StackKind::Dns | StackKind::Environment => (Profile::of_tenants(tenants), "shared"),
            StackKind::Cell(cell) => {
                let tenants: Vec<&Tenant> = tenants.collect();
                let none = Observed::default();
                let places =
                    placements(self.workspace, self.environment, &tenants, self.outputs.observed.unwrap_or(&none));
                let here = |tenant: &&Tenant| places.get(&tenant.name).is_some_and(|place| place.cell == *cell);
                (Profile::of_tenants(tenants.into_iter().filter(here)), "cell")
            }
            StackKind::Addon(tenant, _) | StackKind::Tenant(tenant) => {
                match self.workspace.tenants.get(tenant).map(|tenant| tenant.isolation) {
                    Some(Isolation::Pooled) => (Profile::tenants(1, 0), "pooled"),
                    _ => (Profile::tenants(0, 1), "dedicated"),
                }
            }
        };
        (self.usage.over(profile), name)
    }

    /// The usage of one pooled and one dedicated tenant, with what the file says.
    fn profiles(&self) -> [(Usage, &'static str); 2] {
        [(self.usage.over(Profile::tenants(1, 0)), "pooled"), (self.usage.over(Profile::tenants(0, 1)), "dedicated")]
    }

    fn shared(&mut self, profile: &Profile, stacks: &mut Vec<StackCost>) -> Result<(), TemplateError> {
        let usage = self.usage.over(profile.clone());
        for stack in self.builder.environment(self.environment)? {
            stacks.push(self.price(&stack, &usage, "shared"));
        }
        Ok(())
    }

    fn tenant_stacks(
        &mut self,
        tenant: &Tenant,
        place: Placement,
        profiles: &[(Usage, &'static str); 2],
        stacks: &mut Vec<StackCost>,
    ) -> Result<(), TemplateError> {
        let (usage, name) = match tenant.isolation {
            Isolation::Pooled => &profiles[0],
            Isolation::Dedicated => &profiles[1],
        };
        for stack in self.builder.tenant(self.environment, tenant, place)? {
            stacks.push(self.price(&stack, usage, name));
        }
        Ok(())
    }

    /// Lets other stacks take a stack's outputs.
    pub(super) fn register(&mut self, stack: &DesiredStack) -> Inputs {
        self.outputs.register(stack, self.environment.region.as_str())
    }

    fn price(&mut self, stack: &DesiredStack, usage: &Usage, profile: &'static str) -> StackCost {
        let inputs = self.register(stack);
        let owner = owner_of(&stack.kind);
        let concerned = self.patched_tenant.as_ref().is_none_or(|only| owner == Owner::Tenant(only.clone()));
        let estimate = match self.patch.filter(|_| concerned) {
            Some(patch) => {
                let document = self.document(&stack.document, patch);
                self.estimate(&document, &inputs, usage, profile)
            }
            None => self.estimate(&stack.document, &inputs, usage, profile),
        };
        StackCost::new(&stack.name, &stack.title, estimate).owned_by(owner)
    }

    fn estimate(
        &mut self,
        document: &Arc<Document>,
        inputs: &Inputs,
        usage: &Usage,
        profile: &'static str,
    ) -> Arc<Estimate> {
        // A document that no other stack shares is priced once; computing its digest would take longer.
        let shared = Arc::strong_count(document) > 1 && profile != "cell";
        let key = shared.then(|| (*document.digest(), profile));
        if let Some(found) = key.and_then(|key| recall(self.memo.get(&key)?, &inputs.parameters)) {
            return found;
        }
        for id in document.resources().keys() {
            let types = self.resources.entry(id.clone()).or_default();
            if !types.contains(document.resource_type(id)) {
                types.insert(document.resource_type(id).to_owned());
            }
        }
        let evaluator = Evaluator::new(document, inputs);
        let estimate = Arc::new(estimate::of_evaluated(&evaluator, usage, &self.prices));
        if let Some(key) = key {
            let read = evaluator.parameters_read();
            let parameters = read.into_iter().map(|name| (value_of(&name, &inputs.parameters), name));
            let parameters = parameters.map(|(value, name)| (name, value)).collect();
            self.memo.entry(key).or_default().push(Remembered { parameters, estimate: Arc::clone(&estimate) });
        }
        estimate
    }
}

/// Who causes the cost of a stack.
fn owner_of(kind: &StackKind) -> Owner {
    match kind {
        StackKind::Dns | StackKind::Environment => Owner::Environment,
        StackKind::Cell(cell) => Owner::Cell(cell.get()),
        StackKind::Addon(tenant, _) | StackKind::Tenant(tenant) => Owner::Tenant(tenant.to_string()),
    }
}

/// An estimate that depends on no value that differs now.
fn recall(remembered: &[Remembered], parameters: &Known) -> Option<Arc<Estimate>> {
    let same = |r: &&Remembered| r.parameters.iter().all(|(name, value)| *value == value_of(name, parameters));
    remembered.iter().find(same).map(|remembered| Arc::clone(&remembered.estimate))
}

fn value_of(name: &str, parameters: &Known) -> Option<String> {
    parameters.get(name).cloned().flatten()
}
