//! `konta tenant`: operations on a tenant after its first deployment.

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
mod suspend;
mod target;
mod upgrade;

/// Operate a tenant after its first deployment.
#[derive(Debug, Args)]
pub struct TenantArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Suspend(suspend::SuspendArgs),
    Resize(resize::ResizeArgs),
    Move(moving::MoveArgs),
    Resume(resume::ResumeArgs),
    Backup(backup::BackupArgs),
    Backups(backups::BackupsArgs),
    Restore(restore::RestoreArgs),
    Clone(clone::CloneArgs),
    Modules(modules::ModulesArgs),
    Upgrade(upgrade::UpgradeArgs),
    Password(password::PasswordArgs),
}

/// Runs the chosen command.
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
