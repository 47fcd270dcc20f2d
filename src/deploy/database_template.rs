//! A tenant's first database: copied from a database template if there is one or one can be made, then set up for the
//! tenant.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::odoo::{database, first_setup, modules, password, template};
use crate::operation::context::Context;
use crate::operation::error::OperationError;
use crate::operation::event::{StepOutcome, StepResult};

use super::install::{self, Installation};

/// What a tenant's first database needs in addition to its modules.
#[derive(Debug)]
pub struct TemplateSpec<'a> {
    /// The tier, for the template's comment.
    pub tier: &'a str,
    /// The modules of the tier, which the template contains.
    pub tier_modules: &'a [String],
    /// The image.
    pub image: &'a str,
    /// The tenant's address.
    pub url: &'a str,
    /// The tenant's role, which will own everything.
    pub owner: &'a str,
    /// The role as which the task connects: the tenant's own, or the pool's.
    pub user: &'a str,
    /// Whether the cluster holds more than this tenant, so that a template pays off.
    pub from_template: bool,
    /// The parameter that keeps the first administrator's password.
    pub password_name: String,
    /// The locks on the templates that this command makes.
    pub templates: &'a TemplateLocks,
}

/// One lock per cluster. Without it two tenants of one command could fill the same template, or one that closes its
/// template could take the owner's role from a user who still fills another.
#[derive(Debug, Clone, Default)]
pub struct TemplateLocks(Arc<Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>>);

impl TemplateLocks {
    fn lock(&self, cluster: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(cluster.to_owned()).or_default())
    }
}

/// Sets up a tenant's new database, from its tier's template if that helps, and installs missing modules.
///
/// # Errors
/// When a statement or a task fails; the same call resumes it.
pub async fn set_up(context: &Context<'_>, request: &Installation<'_>, spec: &TemplateSpec<'_>) -> StepResult {
    let copies = spec.from_template && !install::is_initialised(request).await?;
    if copies && let Some(reason) = fill(context, request, spec).await? {
        return Ok((StepOutcome::NotRun, Some(reason)));
    }
    let (outcome, detail) = install::install(context, request).await?;
    if outcome == StepOutcome::NotRun {
        return Ok((outcome, detail));
    }
    own(context, request, spec, request.database).await?;
    if copies && outcome == StepOutcome::AlreadyDone {
        let detail = format!("{} modules, copied from the tier's template", request.modules.len());
        return Ok((StepOutcome::Done, Some(detail)));
    }
    Ok((outcome, detail))
}

/// Replaces the tenant's empty database with a copy of its tier's template. `Some` says why nothing ran.
async fn fill(
    context: &Context<'_>,
    request: &Installation<'_>,
    spec: &TemplateSpec<'_>,
) -> Result<Option<String>, OperationError> {
    let name = template::name(spec.image, spec.tier_modules);
    let lock = spec.templates.lock(request.data.cluster());
    let held = lock.lock().await;
    if let Some(reason) = provide(context, request, spec, &name).await? {
        return Ok(Some(reason));
    }
    drop(held);
    let draft = template::draft(request.database);
    request.data.run(&[database::drop_database(&draft)]).await?;
    request.data.make(&template::copy(&name, &draft, spec.owner)).await?;
    request.data.run(&[template::take_over(&draft, spec.owner)]).await?;
    request.data.run(&database::secure_database(&draft, spec.owner)).await?;
    own(context, request, spec, &draft).await?;
    // Checked at the last moment, so that a database that someone has set up meanwhile is kept.
    if !install::is_initialised(request).await? {
        request.data.run(&template::replace(request.database, &draft)).await?;
        if spec.user != spec.owner {
            request.data.run(&database::join_pool(request.database, spec.owner, spec.user)).await?;
        }
    }
    Ok(None)
}

/// Makes the template unless it exists; resumes a half-made template.
async fn provide(
    context: &Context<'_>,
    request: &Installation<'_>,
    spec: &TemplateSpec<'_>,
    name: &str,
) -> Result<Option<String>, OperationError> {
    match request.data.value(&template::state(name)).await?.as_deref() {
        Some("false") => return Ok(None),
        Some(_) => {}
        None => {
            if !request.data.holds(&database::role_exists(template::ROLE)).await? {
                for statement in template::create_role() {
                    request.data.make(&statement).await?;
                }
            }
            request.data.make(&database::create_database(name, template::ROLE)).await?;
        }
    }
    request.data.run(&database::secure_database(name, template::ROLE)).await?;
    request.data.run(&database::join_pool(name, template::ROLE, spec.user)).await?;
    let filling =
        Installation { database: name, modules: spec.tier_modules, command: modules::fill_template, ..*request };
    if let (StepOutcome::NotRun, reason) = install::install(context, &filling).await? {
        return Ok(Some(reason.unwrap_or_default()));
    }
    // A task that died after installing the modules left attachments in files, which no copy would contain.
    let settled = async || request.data.holds(&template::is_settled(name)).await;
    if !settled().await? {
        let (outcome, reason) =
            install::finish_with(context, &filling, &modules::settle_template(name), settled).await?;
        if outcome == StepOutcome::NotRun {
            return Ok(Some(reason.unwrap_or_default()));
        }
    }
    request.data.run(&template::close(name, spec.tier)).await?;
    for old in request.data.values(&template::former(name, spec.tier)).await? {
        request.data.run(&template::drop(&old)).await?;
    }
    Ok(None)
}

/// Gives an unused database its identity, its secrets, its address and its administrator's password.
async fn own(
    context: &Context<'_>,
    request: &Installation<'_>,
    spec: &TemplateSpec<'_>,
    database: &str,
) -> Result<bool, OperationError> {
    if !request.data.holds(&first_setup::is_needed(database)).await? {
        return Ok(false);
    }
    let tags: BTreeMap<String, String> =
        request.runtime.tags.iter().filter(|(key, _)| key != crate::stack::tags::CELL_TAG).cloned().collect();
    // Stored before it is set: a password that nobody knows would be useless. Without the cell's tag, so that no task
    // can read it.
    context.aws.create_secret(&spec.password_name, &password::generate(&mut rand::rng()), &tags).await?;
    let password = context.aws.secret(&spec.password_name).await?.ok_or_else(|| OperationError::Preflight {
        problem: format!("the password {} no longer exists", spec.password_name),
        help: "run the command again: it makes a new one".to_owned(),
    })?;
    for bound in first_setup::statements(database, spec.url, &password) {
        request.data.run_bound(&bound).await?;
    }
    Ok(true)
}
