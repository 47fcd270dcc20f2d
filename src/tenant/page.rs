//! The page that visitors see in the place of a tenant's Odoo, put up and taken away.

use crate::model::{ServingState, TenantName};
use crate::operation::OperationError;
use crate::operation::context::Context;
use crate::stack::StackKind;
use crate::stack::tags::PAGE;

/// Lets the load balancer show a page to a tenant's visitors, or with [`ServingState::Serving`] lead them to its Odoo again; false when they see
/// that already. Nothing else of the tenant's stack changes, and every deployment keeps the page.
///
/// While a page is shown the tenant's target group belongs to no load balancer: tasks that run go on, but ECS refuses to make or
/// change a service, and takes no new task for healthy. So stop the tasks before, or leave them alone until the page is gone.
///
/// # Errors
/// When the tenant does not stand, and when the update fails.
pub async fn show(context: &Context<'_>, tenant: &TenantName, page: ServingState) -> Result<bool, OperationError> {
    let (stack, title) = (context.names.tenant(tenant), format!("tenant {tenant}"));
    context.set_parameter(StackKind::Tenant(tenant.clone()), &stack, &title, PAGE, page.as_str()).await
}
