//! `konta cost diff`: what the workspace costs more or less than what is deployed, or than a revision of git.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::commands::context::{self, Loaded, Session};
use crate::commands::{CommandError, Context, prices};
use crate::cost::{Difference, PriceTable, estimate};
use crate::deploy::observe;
use crate::model::{Environment, Tenant, TenantName};
use crate::report::cost::StackCost;
use crate::report::cost::difference::{self, Base, DifferenceReport};
use crate::stack::build::Builder;
use crate::stack::plan::{action, touched};
use crate::stack::scope::{Scope, Shared, wanted};
use crate::stack::tags::{APPLICATION_TAG, TENANT_TAG};
use crate::stack::{Action, DesiredStack, Observed, ObservedStack, StackKind};

use super::difference::templates;
use super::show::Shown;
use super::stacks::StackPricer;
use super::{UsageFile, profile_of, revision, usage_file};

/// Show what the workspace costs a month more or less than what is deployed.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct DiffArgs {
    #[command(subcommand)]
    what: Option<What>,
    /// The environment [default: the only one]
    #[arg(value_name = "ENV")]
    environment: Option<String>,
    #[command(flatten)]
    form: Form,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A tenant's own stacks
    Tenant {
        /// Its name
        name: String,
        #[command(flatten)]
        form: Form,
    },
}

#[derive(Debug, Clone, Args)]
struct Form {
    /// Compare with the workspace at this revision of git, in place of what is deployed; AWS is not asked
    #[arg(long, value_name = "REF")]
    base: Option<String>,
    /// How much is used, a YAML file; the same for both
    #[arg(long, value_name = "FILE")]
    usage: Option<PathBuf>,
    #[command(flatten)]
    shown: Shown,
}

impl DiffArgs {
    fn base(&self) -> Option<&str> {
        match &self.what {
            Some(What::Tenant { form, .. }) => form.base.as_deref(),
            None => self.form.base.as_deref(),
        }
    }
}

/// Gathers both sides, compares, shows.
pub(super) async fn run(context: &Context, loaded: &Loaded, args: &DiffArgs) -> Result<u8, CommandError> {
    let (tenant, form) = match &args.what {
        Some(What::Tenant { name, form }) => (Some(name.as_str()), form),
        None => (None, &args.form),
    };
    let usage = usage_file(form.usage.as_deref())?;
    let table = prices::table(context)?;
    let report = if form.base.is_some() {
        against_revision(context, loaded, args, tenant, &usage, &table)?
    } else {
        let environment = match tenant {
            Some(name) => context.environment_of(&loaded.workspace, &[name.to_owned()])?,
            None => context.environment(&loaded.workspace, args.environment.as_deref())?,
        };
        let tenant = tenant.map(|name| context::tenant(&loaded.workspace, name)).transpose()?;
        let session = context.session(loaded, environment).await?;
        let (app, env) = (loaded.workspace.application.as_str(), environment.name.as_str());
        let observed = observe::sweep(&session.aws, app, env).await?;
        let sides = Sides { loaded, environment, tenant, usage: &usage, table, observed: &observed };
        let changes = sides.against_deployed(&session).await?;
        DifferenceReport::new(Base::Deployed, environment.region.as_str(), usage.usage.hours(), changes)
    };
    form.shown.show_with(context, &report, |width| difference::text(&report, width), || report.page())?;
    Ok(0)
}

/// The workspace, and what stands.
struct Sides<'a> {
    loaded: &'a Loaded,
    environment: &'a Environment,
    tenant: Option<&'a Tenant>,
    usage: &'a UsageFile,
    table: PriceTable,
    observed: &'a Observed,
}

impl Sides<'_> {
    /// What is wanted against what stands. Only the templates of stacks that differ are asked for.
    async fn against_deployed(&self, session: &Session) -> Result<Difference, CommandError> {
        let everything = self.everything()?;
        let stacks: Vec<&DesiredStack> = everything.iter().filter(|stack| self.concerns(stack)).collect();
        let gone = self.gone(&stacks);
        let differing = stacks.iter().copied().filter(|stack| action(stack, self.observed) != Action::Nothing);
        let asked = differing.filter_map(|stack| self.standing(&stack.name)).chain(gone.iter().copied());
        let mut bodies = templates(session, asked.map(|stack| stack.name.as_str())).await;
        let mut now = self.pricer().once_changed(touched(&everything, self.observed));
        let mut then = self.pricer().serving(self.standing_tenants());
        let mut difference = Difference::default();
        for stack in everything.iter().filter(|stack| !self.concerns(stack)) {
            now.stand(stack);
            then.stand(stack);
        }
        for stack in stacks {
            let after = now.desired(stack).estimate;
            let before = match (self.standing(&stack.name), bodies.remove(&stack.name)) {
                (None, _) => Ok(None),
                (Some(_), None) => Ok(Some(then.desired(stack).estimate)),
                (Some(standing), Some(body)) => then.deployed(standing, &stack.kind, body).map(Some),
            };
            match before {
                Ok(before) => difference.add(&stack.name, &stack.title, before.as_deref(), Some(&after)),
                Err(reason) => difference.add_unread(&stack.name, &stack.title, reason),
            }
        }
        for stack in gone {
            let Some(body) = bodies.remove(&stack.name) else { continue };
            match then.deployed(stack, &kind_of(stack), body) {
                Ok(before) => difference.add(&stack.name, &stack.name, Some(&before), None),
                Err(reason) => difference.add_unread(&stack.name, &stack.name, reason),
            }
        }
        self.usage.check(&now)?;
        if self.tenant.is_none() {
            let all: Vec<&Tenant> = self.loaded.workspace.tenants_of(&self.environment.name).collect();
            let standing = self.standing_tenants();
            let before = all.iter().copied().filter(|tenant| standing.contains(&tenant.name));
            let traffic = |profile| {
                let usage = self.usage.usage.over(profile);
                estimate::of_account(self.environment.region.as_str(), &usage, &self.table)
            };
            let (before, after) = (traffic(profile_of(before)), traffic(profile_of(all.iter().copied())));
            difference.add("account", "traffic of the account", Some(&before), Some(&after));
        }
        Ok(difference.without_same())
    }

    fn pricer(&self) -> StackPricer<'_> {
        let (workspace, composer) = (&self.loaded.workspace, &self.loaded.composer);
        StackPricer::new(workspace, composer, self.environment, self.usage.usage.clone(), self.table.clone())
            .given(self.observed)
    }

    /// The stacks as wanted: all of the environment, or a tenant's own and those before them.
    fn everything(&self) -> Result<Vec<DesiredStack>, CommandError> {
        let workspace = &self.loaded.workspace;
        let builder = Builder::new(workspace, &self.loaded.composer);
        let tenants = match self.tenant {
            Some(tenant) => vec![tenant],
            None => workspace.tenants_of(&self.environment.name).collect(),
        };
        let scope = Scope { shared: Shared::All, tenants };
        Ok(wanted(&builder, workspace, self.environment, &scope, self.observed)?.stacks)
    }

    /// Whether a stack's cost is asked for: of a tenant only its own.
    fn concerns(&self, stack: &DesiredStack) -> bool {
        self.tenant.is_none() || matches!(stack.kind, StackKind::Addon(..) | StackKind::Tenant(_))
    }

    /// A stack that stands and costs; what a failed creation left is none.
    fn standing(&self, name: &str) -> Option<&ObservedStack> {
        self.observed.get(name).filter(|standing| !standing.must_be_remade())
    }

    /// Stacks that stand and that nothing wants any more.
    fn gone(&self, wanted: &[&DesiredStack]) -> Vec<&ObservedStack> {
        let wanted: BTreeSet<&str> = wanted.iter().map(|stack| stack.name.as_str()).collect();
        let ours = |stack: &&ObservedStack| match self.tenant {
            Some(tenant) => stack.tags.get(TENANT_TAG).is_some_and(|name| name == tenant.name.as_str()),
            None => stack.tags.contains_key(APPLICATION_TAG),
        };
        let stands = |stack: &&ObservedStack| !wanted.contains(stack.name.as_str()) && !stack.must_be_remade();
        self.observed.iter().filter(ours).filter(stands).collect()
    }

    /// The tenants that have a stack.
    fn standing_tenants(&self) -> BTreeSet<TenantName> {
        let names = self.observed.iter().filter_map(ObservedStack::tenant);
        names.filter_map(|name| TenantName::new(name).ok()).collect()
    }
}

/// What a stack holds that no manifest names any more.
fn kind_of(stack: &ObservedStack) -> StackKind {
    let tenant = stack.tags.get(TENANT_TAG).and_then(|name| TenantName::new(name).ok());
    match (tenant, stack.cell()) {
        (Some(tenant), _) => StackKind::Tenant(tenant),
        (None, Some(cell)) => StackKind::Cell(cell),
        (None, None) => StackKind::Environment,
    }
}

/// The workspace against itself at a revision, each with its own tenants.
fn against_revision(
    context: &Context,
    loaded: &Loaded,
    args: &DiffArgs,
    tenant: Option<&str>,
    usage: &UsageFile,
    table: &PriceTable,
) -> Result<DifferenceReport, CommandError> {
    let base = args.base().unwrap_or_default();
    let past = revision::read(&loaded.root, base)?;
    let environment = match tenant {
        // Who is gone now, or new, has only one side.
        Some(name) if loaded.workspace.tenants.keys().any(|known| known.as_str() == name) => {
            context.environment_of(&loaded.workspace, &[name.to_owned()])?
        }
        Some(name) => context.environment_of(&past.loaded.workspace, &[name.to_owned()])?,
        None => context.environment(&loaded.workspace, args.environment.as_deref())?,
    };
    let after = side(loaded, environment.name.as_str(), tenant, usage, table, true)?;
    let before = side(&past.loaded, environment.name.as_str(), tenant, usage, table, false)?;
    let mut difference = Difference::default();
    let mut old: BTreeMap<&str, &StackCost> = before.iter().map(|stack| (stack.stack.as_str(), stack)).collect();
    for stack in &after {
        let before = old.remove(stack.stack.as_str()).map(|stack| &*stack.estimate);
        difference.add(&stack.stack, &stack.title, before, Some(&stack.estimate));
    }
    for stack in old.into_values() {
        difference.add(&stack.stack, &stack.title, Some(&stack.estimate), None);
    }
    let base = Base::Revision { revision: base.to_owned(), commit: past.commit };
    let region = environment.region.as_str();
    Ok(DifferenceReport::new(base, region, usage.usage.hours(), difference.without_same()))
}

/// The stacks of one side; none where it has no such environment or tenant.
fn side(
    loaded: &Loaded,
    environment: &str,
    tenant: Option<&str>,
    usage: &UsageFile,
    table: &PriceTable,
    checked: bool,
) -> Result<Vec<StackCost>, CommandError> {
    let workspace = &loaded.workspace;
    let Some(environment) = workspace.environments.values().find(|known| known.name.as_str() == environment) else {
        return Ok(Vec::new());
    };
    let mut pricer = StackPricer::new(workspace, &loaded.composer, environment, usage.usage.clone(), table.clone());
    let stacks = if let Some(name) = tenant {
        match workspace.tenants.values().find(|tenant| tenant.name.as_str() == name) {
            Some(tenant) => pricer.tenant(tenant)?,
            None => Vec::new(),
        }
    } else {
        let tenants: Vec<&Tenant> = workspace.tenants_of(&environment.name).collect();
        let mut stacks = pricer.everything(&tenants, &pricer.places(&tenants))?;
        let traffic = usage.usage.over(profile_of(tenants.iter().copied()));
        stacks.push(StackCost::of_account(estimate::of_account(environment.region.as_str(), &traffic, table)));
        stacks
    };
    if checked {
        usage.check(&pricer)?;
    }
    Ok(stacks)
}
