//! `konta tenant`: the life of a tenant after its first deployment.

use clap::{Args, Subcommand};

use super::{CommandError, Context};

mod backup;
mod backups;
mod clone;
mod restore;
mod resume;
mod standing;
mod suspend;

/// The life of a tenant after its first deployment.
#[derive(Debug, Args)]
pub struct TenantArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Take a tenant off the net: a page says so, none of its tasks runs, its data stays
    Suspend(suspend::SuspendArgs),
    /// Bring a suspended tenant back, or one whose page of maintenance was left behind
    Resume(resume::ResumeArgs),
    /// Back up database and files together, to the environment's bucket
    Backup(backup::BackupArgs),
    /// List a tenant's backups
    Backups(backups::BackupsArgs),
    /// Restore a backup beside the tenant, count it, and put it in the tenant's place
    Restore(restore::RestoreArgs),
    /// Make another tenant a neutralised copy of this one
    Clone(clone::CloneArgs),
}

/// Does what is asked.
pub async fn run(context: &Context, args: &TenantArgs) -> Result<u8, CommandError> {
    match &args.what {
        What::Suspend(args) => suspend::run(context, args).await,
        What::Resume(args) => resume::run(context, args).await,
        What::Backup(args) => backup::run(context, args).await,
        What::Backups(args) => backups::run(context, args).await,
        What::Restore(args) => restore::run(context, args).await,
        What::Clone(args) => clone::run(context, args).await,
    }
}
