//! `konta tenant`: the life of a tenant after its first deployment.

use clap::{Args, Subcommand};

use super::{CommandError, Context};

mod backup;
mod backups;
mod clone;
mod modules;
mod moving;
mod password;
mod resize;
mod restore;
mod resume;
mod standing;
mod suspend;
mod upgrade;

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
    /// Give a tenant another tier of the same isolation, or another size
    Resize(resize::ResizeArgs),
    /// Move a tenant into the pool or out of it, to another cell, or into a cluster of its own or out of it, with its data
    Move(moving::MoveArgs),
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
    /// Show which modules a tenant has, in which version, and which of its manifest's are missing
    Modules(modules::ModulesArgs),
    /// Upgrade a tenant's modules, and take it to the image of its manifest
    Upgrade(upgrade::UpgradeArgs),
    /// Show the password that was generated for a tenant's first administrator
    Password(password::PasswordArgs),
}

/// Does what is asked.
pub async fn run(context: &Context, args: &TenantArgs) -> Result<u8, CommandError> {
    match &args.what {
        What::Suspend(args) => suspend::run(context, args).await,
        What::Resize(args) => resize::run(context, args).await,
        What::Move(args) => moving::run(context, args).await,
        What::Resume(args) => resume::run(context, args).await,
        What::Backup(args) => backup::run(context, args).await,
        What::Backups(args) => backups::run(context, args).await,
        What::Restore(args) => restore::run(context, args).await,
        What::Clone(args) => clone::run(context, args).await,
        What::Modules(args) => modules::run(context, args).await,
        What::Upgrade(args) => upgrade::run(context, args).await,
        What::Password(args) => password::run(context, args).await,
    }
}
