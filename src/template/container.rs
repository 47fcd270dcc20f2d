//! The container of a task and what belongs to it: its variables, secrets, security groups and policies.

use serde_json::{Map, Value, json};

use super::document::Document;

/// The names of konta's server-wide Odoo module: today's, then the former one.
const MODULE_NAMES: [&str; 2] = ["konta_routing", "konta_alb"];

/// The logical id of the first resource of a type, sorted by name.
#[must_use]
pub fn first_of_type(document: &Document, resource_type: &str) -> Option<String> {
    document.resources().keys().find(|id| document.resource_type(id) == resource_type).cloned()
}

/// The properties of the container `odoo`, else of the first one.
fn container(document: &mut Document) -> Option<&mut Map<String, Value>> {
    let id = first_of_type(document, "AWS::ECS::TaskDefinition")?;
    let containers = document.properties_mut(&id)?.get_mut("ContainerDefinitions")?.as_array_mut()?;
    let index = containers.iter().position(|c| c.get("Name").and_then(Value::as_str) == Some("odoo")).unwrap_or(0);
    containers.get_mut(index)?.as_object_mut()
}

/// Whether the container has a variable of this name, plain or secret.
#[must_use]
pub fn has_variable(document: &Document, name: &str) -> bool {
    let Some(id) = first_of_type(document, "AWS::ECS::TaskDefinition") else { return false };
    let containers = document.resources()[&id].get("Properties").and_then(|p| p.get("ContainerDefinitions"));
    let named = |entry: &Value| entry.get("Name").and_then(Value::as_str) == Some(name);
    containers.and_then(Value::as_array).into_iter().flatten().any(|container| {
        ["Environment", "Secrets"]
            .iter()
            .any(|list| container.get(list).and_then(Value::as_array).is_some_and(|entries| entries.iter().any(named)))
    })
}

/// Puts `entry` into a list of named entries, instead of the one with the same name.
fn put_named(container: &mut Map<String, Value>, list: &str, name: &str, entry: Value) -> Option<()> {
    let entries = container.entry(list).or_insert_with(|| json!([])).as_array_mut()?;
    match entries.iter_mut().find(|existing| existing.get("Name").and_then(Value::as_str) == Some(name)) {
        Some(existing) => *existing = entry,
        None => entries.push(entry),
    }
    Some(())
}

/// Gives the container a plain variable. `None` if the document has no container.
pub fn add_variable(document: &mut Document, name: &str, value: &Value) -> Option<()> {
    put_named(container(document)?, "Environment", name, json!({"Name": name, "Value": value}))
}

/// Gives the container a secret variable, by the ARN of the secret. `None` if the document has no container.
pub fn add_secret(document: &mut Document, name: &str, arn: &Value) -> Option<()> {
    put_named(container(document)?, "Secrets", name, json!({"Name": name, "ValueFrom": arn}))
}

/// Makes Odoo load konta's module under the name of the folder that the entry script writes it to.
///
/// The configuration is konta's own, but the script may come from the operator's template or override, written when the
/// module had its former name. Odoo only logs a module that it does not find, and would serve without it.
pub fn load_module_as_written(document: &mut Document) {
    let Some(container) = container(document) else { return };
    let script = container.get("EntryPoint").map(Value::to_string).unwrap_or_default();
    let Some(written) = MODULE_NAMES.into_iter().find(|name| script.contains(&format!("/addons/{name}"))) else {
        return;
    };
    let variables = container.get_mut("Environment").and_then(Value::as_array_mut).into_iter().flatten();
    for variable in variables.filter(|variable| variable["Name"] == "KONTA_ODOO_CONF") {
        let Some(Value::String(conf)) = variable.get_mut("Value") else { continue };
        for name in MODULE_NAMES.into_iter().filter(|name| *name != written) {
            *conf = conf.replace(name, written);
        }
    }
}

/// Gives the tenant's tasks one more security group. `None` if there is no service with a network.
pub fn add_security_group(document: &mut Document, group: Value) -> Option<()> {
    let id = first_of_type(document, "AWS::ECS::Service")?;
    document
        .properties_mut(&id)?
        .get_mut("NetworkConfiguration")?
        .get_mut("AwsvpcConfiguration")?
        .as_object_mut()?
        .entry("SecurityGroups")
        .or_insert_with(|| json!([]))
        .as_array_mut()?
        .push(group);
    Some(())
}

/// Gives the task role one more managed policy. `None` if there is no role.
pub fn add_managed_policy(document: &mut Document, policy: Value) -> Option<()> {
    let id = first_of_type(document, "AWS::IAM::Role")?;
    document.properties_mut(&id)?.entry("ManagedPolicyArns").or_insert_with(|| json!([])).as_array_mut()?.push(policy);
    Some(())
}
