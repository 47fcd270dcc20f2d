//! `konta tenant password`: the first administrator's password.

use clap::Args;
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::commands::{CommandError, Context};
use crate::odoo::first_setup::ADMINISTRATOR;
use crate::report::{message, output};
use crate::stack::build::Builder;

use super::target;

/// Show the password that was generated for a tenant's first administrator.
///
/// It is written to standard output, in full. Once it is changed in Odoo this one is of no use any more.
#[derive(Debug, Args)]
pub(super) struct PasswordArgs {
    /// Its name
    name: String,
}

/// Shows.
pub(super) async fn run(context: &Context, args: &PasswordArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let standing = target::look(context, &loaded, &args.name).await?;
    let names = Builder::new(&loaded.workspace, &loaded.composer).names(standing.environment);
    let name = names.administrator_password(&standing.name);
    let Some(password) = standing.session.aws.secret(&name).await? else {
        return Err(CommandError::Unknown {
            message: format!("no password is kept for the administrator of {}", standing.name),
            help: "konta keeps one for databases it has set up itself; reset it in Odoo with `Reset Password`"
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
