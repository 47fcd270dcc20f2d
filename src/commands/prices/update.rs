//! `konta prices update`: compares the Price List's prices with konta's, and keeps them in the workspace.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use clap::Args;

use crate::auth::session;
use crate::aws::{Aws, Target};
use crate::cost::Price;
use crate::cost::price_update::{LOCK, PriceUpdate, merged};
use crate::report::{message, output, text};

use super::super::credentials::Gathered;
use super::super::{CommandError, Context};

/// Take the prices of the workspace's regions from the AWS Price List
#[derive(Debug, Args)]
pub(super) struct UpdateArgs {
    /// Update only this service; may be repeated
    #[arg(long = "service", value_name = "SERVICE")]
    services: Vec<String>,
    /// Take implausible prices, too
    #[arg(long)]
    force: bool,
}

/// Asks, compares, writes the lock, reports.
pub(super) async fn run(context: &Context, args: &UpdateArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    if context.global().sandbox {
        return Err(CommandError::Usage {
            message: "the sandbox has no Price List".to_owned(),
            help: "leave out --sandbox: prices come from AWS, with any credentials that may call pricing:GetProducts"
                .to_owned(),
        });
    }
    let environments = loaded.workspace.environments.values();
    let regions: BTreeSet<String> = match &context.global().region {
        Some(region) => BTreeSet::from([region.clone()]),
        None => environments.map(|environment| environment.region.to_string()).collect(),
    };
    let target = Target { region: "us-east-1".to_owned(), ..Target::default() };
    let gathered = Gathered::of(context, None)?;
    let opened = session::open(&gathered.request()).await?;
    let aws = Aws::open_as(&target, opened.provider.clone()).await;
    let table = context.prices()?;
    let (update, questions) = PriceUpdate::ask(&table, &regions, &args.services);
    let answers =
        aws.products_of_each(questions.iter().map(|question| (&*question.service, &*question.attributes))).await?;
    let updated = update.answered(&table, &answers, args.force);
    let path = loaded.root.join(LOCK);
    write(&path, &updated.rows)?;
    report(context, &updated, &path)?;
    Ok(u8::from(!updated.absurd.is_empty() && !args.force))
}

/// Writes the lock, all or nothing; keeps rows that this run did not ask for.
fn write(path: &Path, rows: &[Price]) -> Result<(), CommandError> {
    let failed =
        |source: std::io::Error| CommandError::Io { what: format!("cannot write {}", path.display()), reason: source };
    let kept = std::fs::read_to_string(path).ok();
    let text = merged(&path.display().to_string(), kept.as_deref(), rows)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().permissions(readable()).tempfile_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Prices are not secret, and belong in the workspace's repository.
fn readable() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::Permissions::from_mode(0o644)
}

fn report(context: &Context, updated: &PriceUpdate, path: &Path) -> Result<(), CommandError> {
    if context.format().is_json() {
        return Ok(output::print_json(updated)?);
    }
    for change in &updated.changed {
        let (before, after) = (change.before.join(" / "), change.after.join(" / "));
        message::line(&format!("{} {} {}: {before} -> {after} USD", change.service, change.usage_type, change.region));
    }
    for change in &updated.absurd {
        let (before, after) = (change.before.join(" / "), change.after.join(" / "));
        let what = format!("{} {} {}", change.service, change.usage_type, change.region);
        message::warning(
            context.palette(),
            &format!("{what}: {before} -> {after} USD is implausible; --force takes it"),
        );
    }
    if context.global().verbose {
        for one in &updated.not_taken {
            let what = format!("{} {} {}", one.service, one.usage_type, one.region);
            message::note(context.palette(), &format!("{what}: not taken, {}", one.reason));
        }
    } else if !updated.not_taken.is_empty() {
        message::note(
            context.palette(),
            &format!("{} not taken; --verbose says why", text::count(updated.not_taken.len(), "price")),
        );
    }
    output::print_text(&format!(
        "{} the same, {} changed; kept in {}",
        text::count(updated.same, "price"),
        updated.changed.len(),
        path.display()
    ))?;
    Ok(())
}
