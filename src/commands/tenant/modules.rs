//! `konta tenant modules`: shows which modules a tenant has, and which its manifest asks for.

use clap::Args;
use serde_json::json;

use crate::commands::{CommandError, Context};
use crate::odoo::{modules, upgrade};
use crate::report::{message, output, table};

use super::target;

/// Show a tenant's modules with their versions, and which modules of its manifest are missing.
#[derive(Debug, Args)]
pub(super) struct ModulesArgs {
    /// Name of the tenant
    name: String,
    /// Show only the modules of the manifest and the tier, not their dependencies
    #[arg(long)]
    wanted: bool,
}

/// Runs `konta tenant modules`.
pub(super) async fn run(context: &Context, args: &ModulesArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let standing = target::find(context, &loaded, &args.name).await?;
    let names = loaded.names(standing.environment);
    let data = standing.database(&names)?;
    let question = upgrade::versions(&standing.name.database());
    let wanted: &[String] = loaded.workspace.tenants.get(&standing.name).map_or(&[], |tenant| &tenant.modules);
    let there = data.pairs(&question).await?;
    let installed: Vec<String> = there.iter().map(|(name, _)| name.clone()).collect();
    let missing = modules::missing(wanted, &installed);
    let shown = there.iter().filter(|(name, _)| !args.wanted || wanted.contains(name));
    if context.format().is_json() {
        let installed: Vec<_> = shown
            .map(|(name, version)| json!({"name": name, "version": version, "wanted": wanted.contains(name)}))
            .collect();
        output::print_json(&json!({"tenant": standing.name.as_str(), "installed": installed, "missing": missing}))?;
        return Ok(0);
    }
    let word = |name: &String| if wanted.contains(name) { "yes".to_owned() } else { String::new() };
    let rows = shown.map(|(name, version)| vec![name.clone(), version.clone(), word(name)]).collect();
    output::print_text(&table::table(&["module", "version", "wanted"], rows))?;
    if !missing.is_empty() {
        let text = format!("missing: {}; `konta tenant upgrade {}` installs them", missing.join(", "), standing.name);
        message::note(context.palette(), &text);
    }
    Ok(0)
}
