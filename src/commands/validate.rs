//! `konta validate`: checks every manifest and cross-reference, and every rendered document, without AWS.

use clap::Args;
use serde::Serialize;

use crate::report::output;
use crate::report::text::count;
use crate::stack::validate;

use super::{CommandError, Context};

/// Check every manifest, override and addon, without AWS
#[derive(Debug, Args)]
pub struct ValidateArgs {}

#[derive(Debug, Serialize)]
struct Summary {
    application: String,
    environments: usize,
    tiers: usize,
    tenants: usize,
    stacks: usize,
}

/// Checks and counts.
pub fn run(context: &Context, _args: &ValidateArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let stacks = validate::everything(&loaded)?.len();
    let summary = Summary {
        application: loaded.workspace.application.to_string(),
        environments: loaded.workspace.environments.len(),
        tiers: loaded.workspace.tiers.len(),
        tenants: loaded.workspace.tenants.len(),
        stacks,
    };
    if context.format().is_json() {
        output::print_json(&summary)?;
    } else {
        output::print_text(&format!(
            "{}: all is well ({}, {}, {}, {})",
            summary.application,
            count(summary.environments, "environment"),
            count(summary.tiers, "tier"),
            count(summary.tenants, "tenant"),
            count(stacks, "stack")
        ))?;
    }
    Ok(0)
}
