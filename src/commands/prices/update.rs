//! `konta prices update`: the Price List's prices, compared and kept in the workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;

use clap::Args;
use futures::StreamExt as _;
use serde::Serialize;

use crate::auth::session;
use crate::aws::{Aws, AwsError, Target};
use crate::cost::price_list::{self, Verdict};
use crate::cost::{Price, PriceTable};
use crate::report::{message, output, text};

use super::super::credentials::Gathered;
use super::super::{CommandError, Context};

/// The workspace's own prices.
pub const LOCK: &str = "prices.lock.csv";

/// Questions asked side by side: the Price List takes about ten a second.
const SIDE_BY_SIDE: usize = 4;

/// Take the prices of the workspace's regions from the AWS Price List.
#[derive(Debug, Args)]
pub(super) struct UpdateArgs {
    /// Only a service; may be repeated
    #[arg(long = "service", value_name = "SERVICE")]
    services: Vec<String>,
    /// Take prices that cannot be right too
    #[arg(long)]
    force: bool,
}

/// What became of the prices that were asked for.
#[derive(Debug, Default, Serialize)]
pub struct Updated {
    /// Those that are another now.
    pub changed: Vec<Change>,
    /// How many are the same, with a newer date.
    pub same: usize,
    /// Those that are not believable; taken only by force.
    pub absurd: Vec<Change>,
    /// Those that were not taken, with the reason.
    pub not_taken: Vec<NotTaken>,
    /// The rows for the lock.
    #[serde(skip)]
    pub rows: Vec<Price>,
}

/// A price that changed.
#[derive(Debug, Serialize)]
pub struct Change {
    /// The service.
    pub service: String,
    /// The usage type.
    pub usage_type: String,
    /// The region.
    pub region: String,
    /// Before, tier by tier, in USD.
    pub before: Vec<String>,
    /// After.
    pub after: Vec<String>,
}

/// A price that was not taken.
#[derive(Debug, Serialize)]
pub struct NotTaken {
    /// The service.
    pub service: String,
    /// The usage type.
    pub usage_type: String,
    /// The region.
    pub region: String,
    /// Why.
    pub reason: String,
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
    let table = super::table(context)?;
    let updated = fetch(&aws, &table, &regions, &args.services, args.force).await?;
    let path = loaded.root.join(LOCK);
    write(&path, &updated.rows)?;
    report(context, &updated, &path)?;
    Ok(u8::from(!updated.absurd.is_empty() && !args.force))
}

/// Asks the Price List for every price of the table in these regions, and compares.
///
/// # Errors
/// When AWS refuses or cannot be reached: half a list is none.
pub async fn fetch(
    aws: &Aws,
    table: &PriceTable,
    regions: &BTreeSet<String>,
    services: &[String],
    force: bool,
) -> Result<Updated, AwsError> {
    let mut keys: BTreeSet<(String, String, String)> = BTreeSet::new();
    for price in table.all() {
        let asked = regions.contains(&price.region) || price.region == "global";
        if asked && (services.is_empty() || services.contains(&price.service)) {
            keys.insert((price.service, price.usage_type, price.region));
        }
    }
    let mut updated = Updated::default();
    let mut questions = Vec::new();
    for key in keys {
        match price_list::question(&key.0, &key.1, &key.2) {
            Ok(question) => questions.push((key, question)),
            Err(reason) => {
                updated.not_taken.push(NotTaken { service: key.0, usage_type: key.1, region: key.2, reason });
            }
        }
    }
    let mut answers = futures::stream::iter(questions.into_iter().map(async |(key, question)| {
        let attributes: Vec<(&str, &str)> =
            question.attributes.iter().map(|(name, value)| (*name, value.as_str())).collect();
        (key, aws.products(&question.service, &attributes).await)
    }))
    .buffered(SIDE_BY_SIDE);
    while let Some((key, answer)) = answers.next().await {
        updated.take(table, key, &answer?, force);
    }
    Ok(updated)
}

impl Updated {
    fn take(&mut self, table: &PriceTable, key: (String, String, String), answer: &[String], force: bool) {
        let (service, usage_type, region) = key;
        let known: Vec<Price> =
            table.lookup(&service, &usage_type, &region).iter().map(|price| (**price).clone()).collect();
        let new = match price_list::read(answer, &known) {
            Ok(new) => new,
            Err(reason) => {
                self.not_taken.push(NotTaken { service, usage_type, region, reason });
                return;
            }
        };
        let usd = |prices: &[Price]| prices.iter().map(|price| price.usd.normalize().to_string()).collect();
        let change = Change { service, usage_type, region, before: usd(&known), after: usd(&new) };
        match price_list::compare(&known, &new) {
            Verdict::Same => self.same += 1,
            Verdict::Changed => self.changed.push(change),
            Verdict::Absurd => {
                self.absurd.push(change);
                if !force {
                    return;
                }
            }
        }
        self.rows.extend(new);
    }
}

/// Writes the lock, all or nothing; rows that were not asked for this time are kept.
fn write(path: &Path, rows: &[Price]) -> Result<(), CommandError> {
    let failed =
        |source: std::io::Error| CommandError::Io { what: format!("cannot write {}", path.display()), reason: source };
    let key = |price: &Price| (price.service.clone(), price.usage_type.clone(), price.region.clone(), price.from);
    let mut all: BTreeMap<_, Price> = BTreeMap::new();
    if let Ok(text) = std::fs::read_to_string(path) {
        let kept = PriceTable::of(&path.display().to_string(), &text)?;
        all.extend(kept.all().map(|price| (key(&price), price)));
    }
    all.extend(rows.iter().map(|price| (key(price), price.clone())));
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().permissions(readable()).tempfile_in(folder).map_err(failed)?;
    file.write_all(PriceTable::text(all.values()).as_bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Prices are no secret, and belong into the workspace's repository.
fn readable() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::Permissions::from_mode(0o644)
}

fn report(context: &Context, updated: &Updated, path: &Path) -> Result<(), CommandError> {
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
            &format!("{what}: {before} -> {after} USD cannot be right; --force takes it"),
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
