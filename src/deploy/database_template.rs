//! A tenant's first database: copied from a template where there is one or one can be made, and then made the tenant's own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::aws::Aws;
use crate::odoo::{database, first_setup, modules, password, template};
use crate::operation::error::OperationError;
use crate::operation::event::StepOutcome;
use crate::operation::polling::Polling;

use super::install::{self, Installation};
use super::steps;

/// What a tenant's first database needs beside its modules.
#[derive(Debug)]
pub struct TemplateSpec<'a> {
    /// The tier, for the template's comment.
    pub tier: &'a str,
    /// The modules of the tier, which the template has.
    pub tier_modules: &'a [String],
    /// The image.
    pub image: &'a str,
    /// The tenant's address.
    pub url: &'a str,
    /// The tenant's role, which will own everything.
    pub owner: &'a str,
    /// The role as which the task connects: the tenant's own, or the pool's.
    pub user: &'a str,
    /// Whether the cluster holds more than this tenant, so that a template is worth its while.
    pub from_template: bool,
    /// The parameter that keeps the first administrator's password.
    pub password_name: String,
    /// Templates that are being made by this command.
    pub templates: &'a TemplateLocks,
}

/// A lock for each cluster, so that two tenants of one command do not fill the same template, nor does one that closes its template
/// take the owner's role from a user who fills another.
#[derive(Debug, Clone, Default)]
pub struct TemplateLocks(Arc<Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>>);

impl TemplateLocks {
    fn lock(&self, cluster: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(cluster.to_owned()).or_default())
    }
}

/// Gives the tenant a copy of its tier's template in place of its empty database. `Some` says why nothing was run.
pub(super) async fn fill(
    aws: &Aws,
    polling: Polling,
    request: &Installation<'_>,
    first: &TemplateSpec<'_>,
) -> Result<Option<String>, OperationError> {
    let name = template::name(first.image, first.tier_modules);
    let lock = first.templates.lock(&request.data.cluster);
    let held = lock.lock().await;
    if let Some(reason) = provide(aws, polling, request, first, &name).await? {
        return Ok(Some(reason));
    }
    drop(held);
    let draft = template::draft(request.database);
    steps::run(aws, request.data, &[database::drop_database(&draft)]).await?;
    steps::make(aws, request.data, &template::copy(&name, &draft, first.owner)).await?;
    steps::run(aws, request.data, &[template::take_over(&draft, first.owner)]).await?;
    steps::run(aws, request.data, &database::secure_database(&draft, first.owner)).await?;
    own(aws, request, first, &draft).await?;
    // Asked at the last moment: what somebody has set up by now is not thrown away.
    if !install::is_initialised(aws, request).await? {
        steps::run(aws, request.data, &template::replace(request.database, &draft)).await?;
        if first.user != first.owner {
            steps::run(aws, request.data, &database::join_pool(request.database, first.owner, first.user)).await?;
        }
    }
    Ok(None)
}

/// Makes the template unless it is there; what was left half made is gone on with.
async fn provide(
    aws: &Aws,
    polling: Polling,
    request: &Installation<'_>,
    first: &TemplateSpec<'_>,
    name: &str,
) -> Result<Option<String>, OperationError> {
    let question = template::state(name);
    let state = aws.sql(request.data, &question.database, &question.sql, &[]).await?;
    match state.into_iter().flatten().flatten().next().as_deref() {
        Some("false") => return Ok(None),
        Some(_) => {}
        None => {
            if !steps::holds(aws, request.data, &database::role_exists(template::ROLE)).await? {
                for statement in template::create_role() {
                    steps::make(aws, request.data, &statement).await?;
                }
            }
            steps::make(aws, request.data, &database::create_database(name, template::ROLE)).await?;
        }
    }
    steps::run(aws, request.data, &database::secure_database(name, template::ROLE)).await?;
    steps::run(aws, request.data, &database::join_pool(name, template::ROLE, first.user)).await?;
    let filling = Installation {
        database: name,
        modules: first.tier_modules,
        command: modules::fill_template,
        first: None,
        tags: request.tags.clone(),
        ..*request
    };
    if let (StepOutcome::NotRun, reason) = install::install(aws, polling, &filling).await? {
        return Ok(Some(reason.unwrap_or_default()));
    }
    // A task that died after the modules has left attachments in files, which no copy would have.
    let settled = async || steps::holds(aws, request.data, &template::is_settled(name)).await;
    if !settled().await? {
        let (outcome, reason) =
            install::finish_with(aws, polling, &filling, &modules::settle_template(name), settled).await?;
        if outcome == StepOutcome::NotRun {
            return Ok(Some(reason.unwrap_or_default()));
        }
    }
    steps::run(aws, request.data, &template::close(name, first.tier)).await?;
    let former = template::former(name, first.tier);
    for old in aws.sql(request.data, &former.database, &former.sql, &[]).await?.into_iter().flatten().flatten() {
        steps::run(aws, request.data, &template::drop(&old)).await?;
    }
    Ok(None)
}

/// Gives a database that nobody has used yet its identity, its secrets, its address and its administrator's password.
pub(super) async fn own(
    aws: &Aws,
    request: &Installation<'_>,
    first: &TemplateSpec<'_>,
    database: &str,
) -> Result<bool, OperationError> {
    if !steps::holds(aws, request.data, &first_setup::is_needed(database)).await? {
        return Ok(false);
    }
    let tags: BTreeMap<String, String> =
        request.tags.iter().filter(|(key, _)| key != crate::stack::tags::CELL_TAG).cloned().collect();
    // Kept before it is set: a password that nobody knows would be of no use. Without the cell's tag, so that no task can read it.
    aws.create_secret(&first.password_name, &password::generate(&mut rand::rng()), &tags).await?;
    let password = aws.secret(&first.password_name).await?.ok_or_else(|| OperationError::Preflight {
        problem: format!("the password {} is gone", first.password_name),
        help: "run the command again: it makes a new one".to_owned(),
    })?;
    for bound in first_setup::statements(database, first.url, &password) {
        let parameters: Vec<(&str, &str)> =
            bound.parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        aws.sql(request.data, &bound.statement.database, &bound.statement.sql, &parameters).await?;
    }
    Ok(true)
}
