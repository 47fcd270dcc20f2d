//! The page that visitors see instead of a tenant's Odoo.

use crate::model::{ServingState, TenantName};
use crate::operation::OperationError;
use crate::operation::context::Context;
use crate::stack::StackKind;
use crate::stack::tags::PAGE;

/// Makes the load balancer show a page to a tenant's visitors, or with [`ServingState::Serving`] lead them to its Odoo
/// again. Returns false if they see that already. Nothing else in the tenant's stack changes, and every deployment keeps
/// the page.
///
/// While a page is shown, the tenant's target group belongs to no load balancer: running tasks continue, but ECS refuses
/// to make or change a service, and considers no new task healthy. So stop the tasks first, or leave them alone until the
/// page is removed.
///
/// # Errors
/// When the tenant is not deployed, and when the update fails.
pub async fn show(context: &Context<'_>, tenant: &TenantName, page: ServingState) -> Result<bool, OperationError> {
    let (stack, title) = (context.names.tenant(tenant), format!("tenant {tenant}"));
    context.set_parameter(StackKind::Tenant(tenant.clone()), &stack, &title, PAGE, page.as_str()).await
}
