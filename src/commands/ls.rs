//! `konta ls`: lists the tenants and what they run on.

use clap::Args;

use crate::deploy::observe;
use crate::model::{CellNumber, ServingState, Tenant, TenantName};
use crate::report::table::{self, TenantRow};
use crate::report::{message, output};
use crate::stack::tags::TIER_TAG;

use super::{CommandError, Context};

/// List tenants and what they run on, also deployed ones without a manifest
#[derive(Debug, Args)]
pub struct LsArgs {}

/// Lists.
pub async fn run(context: &Context, _args: &LsArgs) -> Result<u8, CommandError> {
    let loaded = context.load()?;
    let environment = context.environment(&loaded.workspace, None)?;
    let session = context.session(&loaded, environment).await?;
    let observed =
        observe::sweep(&session.aws, loaded.workspace.application.as_str(), environment.name.as_str()).await?;
    let tenants: Vec<&Tenant> = loaded.workspace.tenants_of(&environment.name).collect();
    let mut found = table::tenant_rows(&tenants, &loaded.names(environment), &observed);
    let strangers = observed.iter().filter_map(|stack| {
        let tenant = stack.tenant()?;
        (!tenants.iter().any(|known| known.name.as_str() == tenant)).then(|| TenantRow {
            tenant: tenant.to_owned(),
            url: stack.outputs.get("Url").cloned().unwrap_or_default(),
            tier: stack.tags.get(TIER_TAG).cloned().unwrap_or_default(),
            cell: stack.cell().map(CellNumber::get),
            database: tenant.replace('-', "_"),
            stack: stack.name.clone(),
            state: format!("{} (no manifest)", stack.status),
            page: stack.page(),
            moving: TenantName::new(tenant).is_ok_and(|tenant| observed.is_on_its_way(&tenant)),
        })
    });
    found.extend(strangers);
    for (tenant, cell) in observed.kept() {
        let state = format!("not deployed, data kept in cell {cell}");
        match found.iter_mut().find(|row| row.tenant == tenant.as_str()) {
            Some(row) => row.state = state,
            None => found.push(TenantRow {
                tenant: tenant.to_string(),
                url: String::new(),
                tier: String::new(),
                cell: Some(cell.get()),
                database: tenant.database(),
                stack: String::new(),
                state,
                page: ServingState::Serving,
                moving: false,
            }),
        }
    }
    if context.format().is_json() {
        output::print_json(&found)?;
    } else if found.is_empty() {
        message::hint(context.palette(), "no tenants yet: write one in tenants/NAME.yml");
    } else {
        output::print_text(&table::tenants(&found))?;
    }
    Ok(0)
}
