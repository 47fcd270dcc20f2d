//! Upgrading a tenant's modules, and with them its image, with a page of maintenance and a way back.
//!
//! Odoo changes a database while it upgrades it, and cannot be asked to undo that. So the work is done in a copy, while nobody can write
//! to the original, and the copy takes its place only when Odoo is content. The original is kept until the upgraded one is seen to serve.
//! Which databases there are says how far an interrupted upgrade came, and the same call goes on from there.

use std::time::Duration;

use crate::aws::data::DataTarget;
use crate::aws::ecs::TaskRequest;
use crate::deploy::steps::{self, StepResult};
use crate::deploy::{DeployError, Deployer, StepOutcome};
use crate::model::{Page, TenantName};
use crate::odoo::{database, modules, upgrade};
use crate::stack::StackKind;
use crate::stack::build::POOL_USER;

use super::place::Place;
use super::suspension;

/// How often the copy is tried while connections of tasks that are ending are still there.
const COPIES: usize = 60;

/// The parameter of a dedicated tenant's stack with its image.
const IMAGE: &str = "Image";

/// What is wanted.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The tenant.
    pub tenant: &'a TenantName,
    /// Where it runs.
    pub place: &'a Place,
    /// The cluster with its database.
    pub data: &'a DataTarget,
    /// The image that serves it now.
    pub image: &'a str,
    /// The image that is to serve it; a pooled tenant keeps its pool's.
    pub new_image: &'a str,
    /// Modules to upgrade; `base` means all that are installed.
    pub upgraded: &'a [String],
    /// Modules to install.
    pub installed: &'a [String],
}

/// Upgrades, and tells how long nobody could work.
///
/// # Errors
/// When a step fails: then the tenant is served by its former image from its former database again, unless that fails too, which the
/// error says.
pub async fn run(deployer: &Deployer<'_>, wanted: &Wanted<'_>) -> Result<Duration, DeployError> {
    let stack = deployer.names.tenant(wanted.tenant);
    let own = wanted.tenant.database();
    let begun = tokio::time::Instant::now();
    let former = kept(deployer, wanted.data, &upgrade::former_name(&own)).await?;
    let former_image = if let Some(image) = former {
        deployer.events.note(format!("{}: its database is upgraded already, the release goes on", wanted.tenant));
        if image.is_empty() { wanted.image.to_owned() } else { image }
    } else {
        suspension::off(deployer, wanted.tenant, Page::Maintenance).await?;
        let work = copy(deployer, wanted, &own);
        deployer.events.step(&stack, "copy", "a copy of its database", work).await?;
        let done = deployer
            .events
            .step(&stack, "upgrade", "its modules, upgraded in the copy", run_odoo(deployer, wanted, &own))
            .await;
        if let Err(error) = done {
            return Err(go_back(deployer, wanted, &own, None, error).await);
        }
        let work = swap(deployer, wanted.data, upgrade::swap(&own, wanted.image));
        deployer.events.step(&stack, "swap", "the upgraded database, in its place", work).await?;
        wanted.image.to_owned()
    };
    if let Err(error) = serve(deployer, wanted, wanted.new_image).await {
        return Err(go_back(deployer, wanted, &own, Some(&former_image), error).await);
    }
    let down = begun.elapsed();
    let work = async {
        steps::run(deployer.aws, wanted.data, &[upgrade::drop_former(&own), upgrade::drop_copy(&own)]).await?;
        Ok((StepOutcome::Done, None))
    };
    deployer.events.step(&stack, "tidy", "the former database, dropped", work).await?;
    Ok(down)
}

async fn kept(deployer: &Deployer<'_>, data: &DataTarget, database: &str) -> Result<Option<String>, DeployError> {
    let question = upgrade::kept(database);
    let rows = deployer.aws.sql(data, &question.database, &question.sql, &[]).await?;
    Ok(rows.into_iter().next().map(|row| row.into_iter().flatten().next().unwrap_or_default()))
}

async fn copy(deployer: &Deployer<'_>, wanted: &Wanted<'_>, own: &str) -> StepResult {
    let copy = upgrade::copy_name(own);
    for attempt in 1.. {
        steps::run(deployer.aws, wanted.data, &upgrade::clear(own)).await?;
        match steps::run(deployer.aws, wanted.data, &[upgrade::copy(own, own)]).await {
            // A task that is ending may open one more connection.
            Err(DeployError::Aws(error))
                if error.message.contains("being accessed by other users") && attempt < COPIES =>
            {
                tokio::time::sleep(deployer.pace.poll).await;
            }
            done => {
                done?;
                break;
            }
        }
    }
    // Rights and the pool's settings belong to a database and are not copied.
    steps::run(deployer.aws, wanted.data, &database::secure_database(&copy, own)).await?;
    if wanted.place.is_pooled {
        steps::run(deployer.aws, wanted.data, &database::join_pool(&copy, own, POOL_USER)).await?;
    }
    Ok((StepOutcome::Done, Some(copy)))
}

/// Runs Odoo in the copy, from the image that is to serve.
async fn run_odoo(deployer: &Deployer<'_>, wanted: &Wanted<'_>, own: &str) -> StepResult {
    let place = wanted.place;
    let copy = upgrade::copy_name(own);
    let changes = !place.is_pooled && wanted.new_image != wanted.image;
    let definition = if changes {
        deployer.aws.define_with_image(&place.task_definition, wanted.new_image).await?
    } else {
        place.task_definition.clone()
    };
    let command = upgrade::command(own, wanted.upgraded, wanted.installed);
    let task = TaskRequest {
        cluster: &place.cluster,
        task_definition: &definition,
        container: "odoo",
        command: &command,
        variables: &[("PGDATABASE".to_owned(), copy.clone())],
        subnets: place.subnets.clone(),
        security_groups: vec![place.security_group.clone()],
        public_ip: place.public_ip,
        task_role: None,
        size: Some(modules::INSTALL_SIZE),
        started_by: "konta-upgrade",
        tags: place.tags.clone(),
    };
    let arn = deployer.aws.run_task(&task).await?.arn;
    let ended =
        crate::deploy::install::ended(deployer.aws, deployer.pace, &deployer.events, &place.cluster, &arn).await?;
    if changes {
        deployer.aws.retire_definition(&definition).await?;
    }
    if let Some(reason) = ended {
        return Err(failed(deployer, wanted, "the upgrade", reason));
    }
    let question = upgrade::unsettled(&copy);
    let rows = deployer.aws.sql(wanted.data, &question.database, &question.sql, &[]).await?;
    let left: Vec<String> = rows.into_iter().flatten().flatten().collect();
    let question = database::installed_modules(&copy);
    let rows = deployer.aws.sql(wanted.data, &question.database, &question.sql, &[]).await?;
    let there: Vec<String> = rows.into_iter().flatten().flatten().collect();
    // Odoo passes over modules that it does not know, and ends well all the same.
    let unknown = modules::missing(wanted.installed, &there);
    if !left.is_empty() || !unknown.is_empty() {
        let reason = format!("Odoo ended well, but left {}", [left, unknown].concat().join(", "));
        return Err(failed(deployer, wanted, "the upgrade", reason));
    }
    Ok((StepOutcome::Done, Some([wanted.upgraded, wanted.installed].concat().join(", "))))
}

async fn swap(deployer: &Deployer<'_>, data: &DataTarget, statement: database::Statement) -> StepResult {
    for attempt in 1.. {
        match steps::run(deployer.aws, data, std::slice::from_ref(&statement)).await {
            Err(DeployError::Aws(error))
                if error.message.contains("being accessed by other users") && attempt < COPIES =>
            {
                tokio::time::sleep(deployer.pace.poll).await;
            }
            done => {
                done?;
                break;
            }
        }
    }
    Ok((StepOutcome::Done, None))
}

/// Takes the page away and lets an image serve.
async fn serve(deployer: &Deployer<'_>, wanted: &Wanted<'_>, image: &str) -> Result<(), DeployError> {
    if !wanted.place.is_pooled {
        // The service must not be changed while its target group belongs to no load balancer: see `page::show`.
        super::page::show(deployer, wanted.tenant, Page::None).await?;
        let stack = deployer.names.tenant(wanted.tenant);
        let kind = StackKind::Tenant(wanted.tenant.clone());
        deployer.set_parameter(kind, &stack, &format!("tenant {}", wanted.tenant), IMAGE, image).await?;
    }
    suspension::resume(deployer, wanted.tenant).await?;
    Ok(())
}

/// Lets the former release serve again, and gives the error with what became of that.
async fn go_back(
    deployer: &Deployer<'_>,
    wanted: &Wanted<'_>,
    own: &str,
    swapped_from: Option<&str>,
    error: DeployError,
) -> DeployError {
    let stack = deployer.names.tenant(wanted.tenant);
    let image = swapped_from.unwrap_or(wanted.image);
    let work = async {
        if swapped_from.is_some() {
            suspension::off(deployer, wanted.tenant, Page::Maintenance).await?;
            swap(deployer, wanted.data, upgrade::swap_back(own)).await?;
        }
        steps::run(deployer.aws, wanted.data, &[upgrade::drop_copy(own)]).await?;
        serve(deployer, wanted, image).await?;
        Ok((StepOutcome::Done, Some(image.to_owned())))
    };
    match deployer.events.step(&stack, "back", "the former release, as it was", work).await {
        Ok(_) => error,
        Err(second) => DeployError::StepFailed {
            stack,
            step: "the way back".to_owned(),
            reason: format!("{second}; it was taken because of: {error}"),
            help: "the data is whole; run the same command again, or `konta tenant resume` to take the page away"
                .to_owned(),
        },
    }
}

fn failed(deployer: &Deployer<'_>, wanted: &Wanted<'_>, step: &str, reason: String) -> DeployError {
    DeployError::StepFailed {
        stack: deployer.names.tenant(wanted.tenant),
        step: step.to_owned(),
        reason,
        help: format!(
            "`konta logs {} --previous` has Odoo's words; the former release serves, from the former data",
            wanted.tenant
        ),
    }
}
