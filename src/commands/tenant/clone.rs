//! `konta tenant clone`: makes another tenant a neutralised copy.

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use crate::commands::{CommandError, Context, context};
use crate::operation::step::Operation;
use crate::report::prompt;
use crate::tenant::restore::{self, Wanted};
use crate::tenant::{backup, backup_store};

use super::{restore as restoring, target};

/// Make another tenant a neutralised copy of a tenant, for tests.
///
/// The copy sends no mail, takes no payments, and runs only the scheduled jobs that Odoo's neutralisation leaves active. It
/// has its own database id, secret and address, shows on every page that it is a copy, and asks search engines not to
/// index it. The other tenant must have a manifest and be deployed; its former database is kept, as after `konta tenant
/// restore`.
#[derive(Debug, Args)]
pub(super) struct CloneArgs {
    /// Name of the tenant to copy
    name: String,
    /// Name of the tenant that becomes the copy
    #[arg(long = "as", value_name = "NAME")]
    copy: String,
    /// Backup to copy, or `latest` [default: make a new one]
    #[arg(long, value_name = "BACKUP")]
    from: Option<String>,
    /// Show the steps and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs `konta tenant clone`.
pub(super) async fn run(context: &Context, args: &CloneArgs) -> Result<u8, CommandError> {
    if args.name == args.copy {
        return Err(CommandError::Usage {
            message: format!("{} cannot be a copy of itself", args.name),
            help: "name the tenant that becomes the copy with `--as`".to_owned(),
        });
    }
    let loaded = context.load()?;
    let url = context::tenant(&loaded.workspace, &args.copy)?.url();
    let source = target::find(context, &loaded, &args.name).await?;
    let mut copy = target::find(context, &loaded, &args.copy).await?;
    if source.environment.name != copy.environment.name {
        return Err(CommandError::Usage {
            message: format!("{} and {} belong to different environments", args.name, args.copy),
            help: "choose a tenant of the same environment: its bucket holds the backup".to_owned(),
        });
    }
    let backing_up = Operation::new("backup", vec![backup::BACK_UP]).shared();
    let copying = Operation::new("clone", restore::restore_steps(true)).with(&[source.name.as_str()]);
    if args.dry_run {
        if args.from.is_none() {
            source.show(context, &backing_up)?;
        }
        return copy.show(context, &copying);
    }
    if !context.global().yes {
        let question = format!(
            "Make the tenant {} of {} in {} a neutralised copy of {}? Its current data is set aside",
            copy.name,
            copy.environment.name,
            copy.place(),
            source.name
        );
        if !prompt::confirm(&question)? {
            return Err(CommandError::Declined("the copy was not confirmed".to_owned()));
        }
    }
    context.outlast(&mut copy.session, SignedDuration::from_hours(1)).await?;
    let manifest = if let Some(from) = &args.from {
        let bucket = backup_store::bucket(&copy.observed, &copy.names().environment())?;
        backup::find(&copy.session.aws, &bucket, source.name.as_str(), Some(from)).await?
    } else {
        let name = source.name.clone();
        let made = source
            .operate(context, &backing_up, async |context| backup::back_up(context, &name, Timestamp::now()).await);
        made.await?.manifest
    };
    let name = copy.name.clone();
    let wanted = Wanted {
        source: source.name.as_str(),
        id: &manifest.id,
        neutralized_at: Some(&url),
        again: args.from.is_none(),
    };
    let done = copy.operate(context, &copying, async |context| restore::restore(context, &name, &wanted).await).await?;
    restoring::show(context, &copy, &manifest, &done)?;
    Ok(0)
}
