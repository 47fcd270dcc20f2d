//! `konta tenant password`: prints the first administrator's password.

use clap::Args;
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::commands::{CommandError, Context};
use crate::odoo::first_setup::ADMINISTRATOR;
use crate::report::{message, output};

use super::target;

/// Print the password that konta generated for a tenant's first administrator.
///
/// The password goes to standard output in clear text. After it is changed in Odoo, this one is of no more use.
#[derive(Debug, Args)]
pub(super) struct PasswordArgs {
    /// Name of the tenant
    name: String,
}

/// Runs `konta tenant password`.
pub(super) async fn run(context: &Context, args: &PasswordArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let standing = target::look(context, &loaded, &args.name).await?;
    let names = loaded.names(standing.environment);
    let name = names.administrator_password(&standing.name);
    let Some(password) = standing.session.aws.secret(&name).await? else {
        return Err(CommandError::Unknown {
            message: format!("konta has no password for the administrator of {}", standing.name),
            help:
                "reset it in Odoo with `Reset Password`: konta has a password only for databases that it set up itself"
                    .to_owned(),
        });
    };
    if context.format().is_json() {
        let text = password.expose_secret();
        output::print_json(&json!({"tenant": standing.name.as_str(), "login": ADMINISTRATOR, "password": text}))?;
        return Ok(0);
    }
    output::print_text(password.expose_secret())?;
    message::note(context.palette(), &format!("login: {ADMINISTRATOR}; kept in the SecureString {name}"));
    Ok(0)
}
