//! Upgrading a tenant's modules, and with them its image, behind a maintenance page and with a way back.
//!
//! Odoo changes a database while it upgrades it, and cannot undo that. So Odoo works in a copy, while nobody can write to
//! the original, and the copy takes the original's place only if Odoo succeeds. The original is kept until the upgraded
//! database serves. Which databases exist, and the notes in their comments, say how far an interrupted upgrade came, and
//! the same call resumes from there. A note names the image that fits its data, so that neither release ever serves the
//! other's data.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::model::{ServingState, TenantName};
use crate::odoo::upgrade::{self, Note, State};
use crate::operation::context::Context;
use crate::operation::database::Database;
use crate::operation::step::Step;
use crate::operation::{OperationError, StepOutcome};
use crate::stack::runtime::TenantRuntime;

use self::databases::Databases;
use super::{backup, suspension};

mod copy;
mod databases;
mod odoo_task;
mod rollback;

pub use self::rollback::take_back;

/// How long after the swap an interrupted upgrade may still be undone if the page is removed and people may have worked.
const FRESH: SignedDuration = SignedDuration::from_hours(2);

const COPY: Step = Step::new("copy", "copy its database");
const UPGRADE: Step = Step::new("upgrade", "upgrade its modules in the copy");
const SWAP: Step = Step::new("swap", "put the upgraded database in its place");
/// An update of the tenant's stack.
const RELEASE: Step = Step::new("release", "serve the upgraded database with the new image");

/// The steps of an upgrade that nothing interrupts.
#[must_use]
pub fn steps(is_pooled: bool, backup: bool, new_image: bool) -> Vec<Step> {
    let mut steps = if backup { vec![backup::BACK_UP] } else { Vec::new() };
    steps.extend(suspension::off_steps(is_pooled));
    steps.extend([COPY, UPGRADE, SWAP]);
    if new_image && !is_pooled {
        steps.push(RELEASE);
    }
    steps.extend(suspension::resume_steps(is_pooled));
    steps.push(databases::TIDY);
    steps
}

/// The steps of [`take_back`].
#[must_use]
pub fn take_back_steps(is_pooled: bool) -> Vec<Step> {
    let mut steps = suspension::resume_steps(is_pooled);
    steps.push(databases::TIDY);
    steps
}

/// The upgrade that is asked for.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The tenant.
    pub tenant: &'a TenantName,
    /// Where it runs.
    pub runtime: &'a TenantRuntime,
    /// The cluster with its database.
    pub data: &'a Database<'a>,
    /// The image that serves it now.
    pub image: &'a str,
    /// The image that will serve it; `None` keeps the one that serves its data. A pooled tenant keeps its pool's.
    pub new_image: Option<&'a str>,
    /// Modules to upgrade; `base` means all installed modules.
    pub upgraded: &'a [String],
    /// Modules to install.
    pub installed: &'a [String],
    /// Whether to make a backup first, while people still work.
    pub backup: bool,
    /// The current time.
    pub now: Timestamp,
}

/// A finished upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The downtime.
    pub off: Duration,
    /// The image that serves now.
    pub image: String,
}

/// An upgrade that did not succeed.
#[derive(Debug)]
pub struct UpgradeError {
    /// Why, and what became of it.
    pub error: OperationError,
    /// Whether the former release is known to serve the former data.
    pub is_back: bool,
}

impl From<OperationError> for UpgradeError {
    fn from(error: OperationError) -> Self {
        Self { error, is_back: false }
    }
}

/// Upgrades a tenant, or resumes its interrupted upgrade.
///
/// # Errors
/// When a step fails. If the upgraded database is not yet in place, or if its tasks provably do not answer, the former
/// image serves the former data again; the error says if that fails, too. If only AWS did not answer, that proves nothing:
/// everything stays as it is, and the same call resumes the upgrade.
pub async fn run(context: &Context<'_>, wanted: &Wanted<'_>) -> Result<Done, UpgradeError> {
    let upgrade = Upgrade { site: Databases::of(context, wanted.tenant, wanted.runtime, wanted.data), wanted };
    if upgrade.site.page() == ServingState::Suspended {
        return Err(refused(wanted.tenant).into());
    }
    match Box::pin(upgrade.earlier()).await? {
        Earlier::Finished(done) => Ok(done),
        Earlier::Serves(image) => Box::pin(upgrade.anew(image)).await,
    }
}

/// The refusal to upgrade a suspended tenant: an upgrade would bring it back online.
#[must_use]
pub fn refused(tenant: &TenantName) -> OperationError {
    OperationError::Preflight {
        problem: format!("{tenant} is suspended, and an upgrade would bring it back online"),
        help: format!("run `konta tenant resume {tenant}` first; `--all` skips suspended tenants"),
    }
}

/// What konta found of an earlier run, once that is dealt with.
enum Earlier {
    /// The same upgrade, which is finished now.
    Finished(Done),
    /// Only a database that this image serves.
    Serves(String),
}

struct Upgrade<'a> {
    site: Databases<'a>,
    wanted: &'a Wanted<'a>,
}

impl Upgrade<'_> {
    /// Checks what an earlier run left, and finishes it.
    async fn earlier(&self) -> Result<Earlier, UpgradeError> {
        let (site, wanted) = (&self.site, self.wanted);
        let shows_page = site.page() != ServingState::Serving;
        let own = site.note(&site.own).await?.flatten();
        let Some(former) = site.note(&upgrade::former_name(&site.own)).await? else {
            // While the tenant shows a page, only the note says which image fits; a tenant that serves runs its stack's image.
            let fits = own.as_ref().filter(|_| shows_page).map_or(wanted.image, |note| &note.image).to_owned();
            if let Some(note) = own.filter(|_| !shows_page) {
                site.data.run(&[upgrade::unmark(&site.own, &note)]).await?;
            }
            return Ok(Earlier::Serves(fits));
        };
        let former = former.ok_or_else(|| unknown(&site.own))?;
        if !shows_page && site.is_seen_healthy().await? {
            site.context.events.note(format!(
                "{}: an earlier upgrade serves; konta drops what it left and starts this one from the beginning",
                wanted.tenant
            ));
            Box::pin(site.tidy()).await?;
            return Ok(Earlier::Serves(wanted.image.to_owned()));
        }
        let image = own.as_ref().map_or(wanted.image, |note| &note.image).to_owned();
        let asked = upgrade::work(&site.own, wanted.upgraded, wanted.new_image.unwrap_or(&image));
        let is_same = own.as_ref().is_some_and(|note| note.work == asked) && wanted.installed.is_empty();
        let is_fresh = former.at.parse::<Timestamp>().is_ok_and(|at| wanted.now.duration_since(at) < FRESH);
        site.context
            .events
            .note(format!("{}: its database is already upgraded; konta continues with the release", wanted.tenant));
        let begun = tokio::time::Instant::now();
        if let Err(error) = Box::pin(site.serve(&image)).await {
            // If the page was removed, people may have worked in the upgraded database since.
            return Err(if shows_page || is_same && is_fresh {
                Box::pin(self.undone(&former, error)).await
            } else {
                error.into()
            });
        }
        let off = begun.elapsed();
        Box::pin(site.tidy()).await?;
        let done = Done { off, image: image.clone() };
        Ok(if is_same && (shows_page || is_fresh) { Earlier::Finished(done) } else { Earlier::Serves(image) })
    }

    /// Upgrades a database that `image` serves, from the beginning. Of an interrupted run, konta takes over only a task that
    /// still does the same work, with its copy, and only if nobody can have written to the original since.
    async fn anew(&self, image: String) -> Result<Done, UpgradeError> {
        let (site, wanted) = (&self.site, self.wanted);
        let new = wanted.new_image.unwrap_or(&image).to_owned();
        let begun = std::cell::Cell::new(None);
        let former = match Box::pin(self.to_the_swap(&image, &new, &begun)).await {
            Ok(former) => former,
            Err(error) if begun.get().is_none() => return Err(UpgradeError { error, is_back: true }),
            Err(error) => return Err(Box::pin(site.go_on_as_before(&image, error)).await),
        };
        let swapped = Box::pin(self.swap(&former)).await;
        if let Err(error) = swapped {
            // The swap may have succeeded, and only the answer was lost.
            match site.note(&upgrade::former_name(&site.own)).await {
                Ok(Some(_)) => {}
                Ok(None) => return Err(Box::pin(site.go_on_as_before(&image, error)).await),
                Err(_) => return Err(error.into()),
            }
        }
        if let Err(error) = Box::pin(site.serve(&new)).await {
            return Err(Box::pin(self.undone(&former, error)).await);
        }
        let off = begun.get().map_or(Duration::ZERO, |begun: tokio::time::Instant| begun.elapsed());
        Box::pin(site.tidy()).await?;
        Ok(Done { off, image: new })
    }

    /// Everything before the swap; returns the note for the database that becomes the former one. `begun` is the moment
    /// when konta begins to stop its tasks.
    async fn to_the_swap(
        &self,
        image: &str,
        new: &str,
        begun: &std::cell::Cell<Option<tokio::time::Instant>>,
    ) -> Result<Note, OperationError> {
        let (site, wanted) = (&self.site, self.wanted);
        let is_off = site.page() != ServingState::Serving;
        if is_off {
            begun.set(Some(tokio::time::Instant::now()));
        }
        let work = upgrade::work(&site.own, wanted.upgraded, new);
        let started_by = upgrade::started_by(&site.stack, &site.own, &work, wanted.installed);
        let running = if is_off { site.running(&started_by).await? } else { None };
        // A task of an interrupted run would continue to work in the copy.
        Box::pin(site.stop_tasks(running.is_some().then_some(started_by.as_str()))).await?;
        if wanted.backup && running.is_none() {
            Box::pin(backup::back_up(site.context, wanted.tenant, wanted.now)).await?;
        }
        if begun.get().is_none() {
            begun.set(Some(tokio::time::Instant::now()));
        }
        Box::pin(suspension::off(site.context, wanted.tenant, ServingState::Maintenance)).await?;
        if running.is_none() {
            site.context.step(&site.stack, COPY, Box::pin(site.copy(wanted.now))).await?;
        }
        let upgraded = Box::pin(self.run_odoo(new, &started_by, running));
        site.context.step(&site.stack, UPGRADE, upgraded).await?;
        let at = wanted.now.to_string();
        let note = |state: State, image: &str, before: String| Note {
            state,
            image: image.to_owned(),
            work: work.clone(),
            modules: wanted.upgraded.to_vec(),
            at: at.clone(),
            before,
        };
        let copy = upgrade::copy_name(&site.own);
        let upgraded = note(State::Upgraded, new, String::new());
        site.data.run(&[crate::odoo::database_swap::mark(&copy, &upgraded.text())]).await?;
        let before = site.comment(&site.own).await?.unwrap_or_default();
        let before = Note::of(&before).map_or(before, |note| note.before);
        Ok(note(State::Former, image, before))
    }

    async fn swap(&self, former: &Note) -> Result<(), OperationError> {
        let site = &self.site;
        let work = async {
            site.exchange(&upgrade::swap(&site.own, former)).await?;
            Ok((StepOutcome::Done, None))
        };
        site.context.step(&site.stack, SWAP, work).await?;
        Ok(())
    }

    /// What happens to an upgraded database that could not be served: the upgrade is undone only if its tasks provably do
    /// not answer.
    async fn undone(&self, former: &Note, error: OperationError) -> UpgradeError {
        if rollback::is_proof(&error) { Box::pin(self.site.go_back(former, error)).await } else { error.into() }
    }
}

fn unknown(own: &str) -> OperationError {
    let former = upgrade::former_name(own);
    OperationError::Preflight {
        problem: format!("konta does not know what the database {former} is"),
        help: format!(
            "look into it, then rename or drop it: an upgrade keeps the former database of {own} under that name"
        ),
    }
}
