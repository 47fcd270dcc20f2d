//! `tenants/NAME.yml`: one customer, as written, before its tier is added.

use std::collections::BTreeMap;

use super::cron;
use super::diagnostic::{Code, choose};
use super::environment::file_name;
use super::parse::{Key, Kind, Node, Span};
use super::read::{Field, Fields, Reader, Refusal};
use super::workload;
use crate::model::{
    AddonName, CellNumber, DatabaseChoice, FargateSize, HostName, Schedule, SecretReference, TaskRange, TenantName,
};

const KEYS: &[&str] = &[
    "tenant",
    "tier",
    "environment",
    "hosts",
    "modules",
    "image",
    "size",
    "tasks",
    "spot",
    "on_demand",
    "variables",
    "secrets",
    "database",
    "addons",
    "cell",
    "schedule",
];

/// A rule of a load balancer compares at most five values, one of which is the path of websockets.
/// Source: Elastic Load Balancing, "Quotas for your Application Load Balancers".
const MOST_HOSTS: usize = 4;

/// A host as written.
pub(super) struct HostEntry<'n> {
    pub(super) host: HostName,
    pub(super) place: &'n Span,
    pub(super) certificate: Option<Field<'n>>,
    pub(super) hosted_zone: Option<Field<'n>>,
}

/// A tenant as written; `None` for a field that is missing or was refused.
pub(super) struct TenantManifest<'n> {
    pub(super) fields: Fields<'n>,
    pub(super) name: Option<TenantName>,
    pub(super) tier: Option<Field<'n>>,
    pub(super) environment: Option<Field<'n>>,
    pub(super) hosts: Vec<HostEntry<'n>>,
    pub(super) modules: Vec<String>,
    pub(super) image: Option<String>,
    pub(super) size: Option<FargateSize>,
    pub(super) tasks: Option<TaskRange>,
    pub(super) spot: Option<bool>,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) secrets: BTreeMap<String, SecretReference>,
    pub(super) database: DatabaseChoice,
    pub(super) addons: Vec<(AddonName, &'n Span)>,
    pub(super) cell: Option<CellNumber>,
    pub(super) schedule: Option<Schedule>,
}

/// Reads a tenant; `stem` is the file's name without `.yml`.
pub(super) fn read<'n>(reader: &mut Reader<'_>, root: &'n Node, stem: &str) -> Option<TenantManifest<'n>> {
    let fields = reader.root(root, "tenant", KEYS)?;
    let variables = fields.get("variables").map_or_else(BTreeMap::new, |field| variables(reader, field));
    let secrets = fields.get("secrets").map_or_else(BTreeMap::new, |field| secrets(reader, field, &variables));
    Some(TenantManifest {
        name: file_name(reader, &fields, root, "tenant", stem, tenant_name),
        tier: fields.required("tier", "tier: catalogue", reader),
        environment: fields.get("environment"),
        hosts: hosts(reader, &fields),
        modules: fields.get("modules").map_or_else(Vec::new, |field| workload::modules(reader, field)),
        image: fields.get("image").and_then(|field| workload::image(reader, field)),
        size: fields.get("size").and_then(|field| workload::size(reader, field)),
        tasks: fields.get("tasks").and_then(|field| workload::tasks(reader, field)),
        spot: fields.get("spot").and_then(|field| reader.flag(field)),
        variables,
        secrets,
        database: database(reader, &fields),
        addons: fields.get("addons").map_or_else(Vec::new, |field| addons(reader, field)),
        cell: fields.get("cell").and_then(|field| reader.whole(field, 1..=9999)).and_then(CellNumber::new),
        schedule: fields.get("schedule").and_then(|field| schedule(reader, field)),
        fields,
    })
}

fn tenant_name(text: &str) -> Result<TenantName, Refusal> {
    let name = TenantName::new(text)?;
    if name.is_reserved() {
        let problem = format!(
            "no tenant can be called `{text}`: its database or role would collide with one that is not a tenant's"
        );
        return Err(Refusal::new(problem, "choose another name, for example the shop's"));
    }
    Ok(name)
}

fn hosts<'n>(reader: &mut Reader<'_>, fields: &Fields<'n>) -> Vec<HostEntry<'n>> {
    let Some(field) = fields.required("hosts", "hosts: [shop.example.com]", reader) else { return Vec::new() };
    let items = reader.items(field);
    let listed = matches!(field.node.kind, Kind::Seq(_));
    if listed && !(1..=MOST_HOSTS).contains(&items.len()) {
        let help = format!("name 1 to {MOST_HOSTS} hosts: a rule of the load balancer accepts no more");
        let message = format!("a tenant cannot have {} hosts", items.len());
        reader.add(Code::InvalidValue, &field.key.span, "here", message, help);
    }
    items.into_iter().filter_map(|item| host(reader, item)).collect()
}

/// A host by itself, or with what a host outside the environment's domain needs.
fn host<'n>(reader: &mut Reader<'_>, item: Field<'n>) -> Option<HostEntry<'n>> {
    let Kind::Map(_) = item.node.kind else {
        let host = reader.checked(item, HostName::new)?;
        return Some(HostEntry { host, place: &item.node.span, certificate: None, hosted_zone: None });
    };
    let fields = reader.fields(item, "host", &["host", "certificate", "hosted_zone"])?;
    let named = fields.required("host", "host: www.example.com", reader);
    let (certificate, hosted_zone) = (fields.get("certificate"), fields.get("hosted_zone"));
    if let (Some(_), Some(zone)) = (certificate, hosted_zone) {
        let message = "a host has a `certificate` or a `hosted_zone` in which to validate one, not both";
        reader.add(Code::NotAllowed, &zone.key.span, "in addition to a `certificate`", message, "keep one of the two");
    }
    let named = named?;
    let host = reader.checked(named, HostName::new)?;
    Some(HostEntry { host, place: &named.node.span, certificate, hosted_zone })
}

fn database(reader: &mut Reader<'_>, fields: &Fields<'_>) -> DatabaseChoice {
    let words = [("shared", DatabaseChoice::Shared), ("dedicated", DatabaseChoice::Dedicated)];
    fields.get("database").and_then(|field| reader.word(field, &words)).unwrap_or(DatabaseChoice::Shared)
}

/// Why a variable's name is refused, if it is.
fn name_refused(name: &str) -> Option<&'static str> {
    let formed = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !formed || name.len() > 128 {
        return Some("use letters, digits and `_`, and do not begin with a digit");
    }
    let upper = name.to_ascii_uppercase();
    let own = ["PG", "KONTA_"].iter().any(|prefix| upper.starts_with(prefix))
        || matches!(upper.as_str(), "ODOO_RC" | "HOST" | "PORT" | "USER" | "PASSWORD");
    own.then_some("konta sets PG*, KONTA_*, ODOO_RC, HOST, PORT, USER and PASSWORD itself; choose another name")
}

fn check_name(reader: &mut Reader<'_>, key: &Key) {
    if let Some(help) = name_refused(&key.text) {
        let message = format!("`{}` cannot be a variable's name", key.text);
        reader.add(Code::InvalidValue, &key.span, "this name", message, help);
    }
}

/// CloudFormation fills in `{{resolve:...}}` in any text: a secret fetched this way would be readable in the task
/// definition.
fn variable_value(text: &str) -> Result<String, Refusal> {
    if text.contains("{{resolve:") {
        let help = "everyone who may describe a task can read a variable's value; name the parameter or secret under `secrets`";
        return Err(Refusal::new("a variable contains a dynamic reference, which CloudFormation would fill in", help));
    }
    Ok(text.to_owned())
}

fn variables(reader: &mut Reader<'_>, field: Field<'_>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in reader.entries(field, "write `variables: { NAME: value }`") {
        check_name(reader, entry.key);
        let value = reader.checked(entry, variable_value);
        found.extend(value.map(|value| (entry.key.text.clone(), value)));
    }
    found
}

fn secrets(
    reader: &mut Reader<'_>,
    field: Field<'_>,
    variables: &BTreeMap<String, String>,
) -> BTreeMap<String, SecretReference> {
    let help = "write `secrets: { NAME: /path/of/a/parameter }`";
    let mut found = BTreeMap::new();
    let Kind::Map(_) = field.node.kind else {
        // The value is never shown: it may be the secret.
        reader.add(Code::WrongType, &field.key.span, "here", "`secrets` must be a map of names and references", help);
        return found;
    };
    for entry in reader.entries(field, help) {
        check_name(reader, entry.key);
        if variables.contains_key(&entry.key.text) {
            let message = format!("`{}` is both a variable and a secret", entry.key.text);
            reader.add(Code::Clash, &entry.key.span, "also under `variables`", message, "keep one of the two");
        }
        match super::secret::reference(entry.node) {
            Ok(reference) => {
                found.insert(entry.key.text.clone(), reference);
            }
            Err(problem) => {
                let message = format!("the secret `{}` {problem}", entry.key.text);
                let help = "store the value with `aws ssm put-parameter --type SecureString` and write the parameter's name, \
                            such as /konta/prod/token, or the full ARN of a parameter or a secret";
                reader.add(Code::InvalidValue, &entry.node.span, "not a reference", message, help);
            }
        }
    }
    found
}

fn addons<'n>(reader: &mut Reader<'_>, field: Field<'n>) -> Vec<(AddonName, &'n Span)> {
    let mut found: Vec<(AddonName, &Span)> = Vec::new();
    for item in reader.items(field) {
        let name = reader.checked(item, AddonName::new);
        let new = name.filter(|name| !found.iter().any(|(known, _)| known == name));
        found.extend(new.map(|name| (name, &item.node.span)));
    }
    found
}

fn schedule(reader: &mut Reader<'_>, field: Field<'_>) -> Option<Schedule> {
    let fields = reader.fields(field, "schedule", &["sleep", "wake", "timezone"])?;
    let sleep = fields.required("sleep", "sleep: \"0 22 ? * MON-FRI *\"", reader);
    let sleep = sleep.and_then(|field| expression(reader, field));
    let wake = fields.required("wake", "wake: \"0 7 ? * MON-FRI *\"", reader);
    let wake = wake.and_then(|field| expression(reader, field));
    let timezone = fields.required("timezone", "timezone: Europe/Madrid", reader);
    let timezone = timezone.and_then(|field| reader.checked(field, timezone_name));
    Some(Schedule { sleep: sleep?, wake: wake?, timezone: timezone? })
}

fn expression(reader: &mut Reader<'_>, field: Field<'_>) -> Option<String> {
    reader.checked(field, |text| {
        let help = "write six fields (minute, hour, day of the month, month, day of the week, year), such as \"0 22 ? * MON-FRI *\"";
        cron::check(text).map_err(|problem| Refusal::new(format!("the expression {problem}"), help))
    })
}

/// A zone of the IANA database, in its own spelling, which AWS requires.
fn timezone_name(text: &str) -> Result<String, Refusal> {
    let known = jiff::tz::db();
    if known.get(text).is_ok_and(|zone| zone.iana_name() == Some(text)) {
        return Ok(text.to_owned());
    }
    // A machine without a time zone database cannot check it; AWS will.
    let formed = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-' | b'+'));
    if known.is_definitively_empty() && formed && text.contains('/') {
        return Ok(text.to_owned());
    }
    let names: Vec<String> = known.available().map(|name| name.as_str().to_owned()).collect();
    let near = names.iter().find(|name| name.eq_ignore_ascii_case(text)).map(String::as_str);
    let help = match near {
        Some(name) => format!("write {name}"),
        None => format!("write a zone such as Europe/Madrid; {}", choose(text, names.iter().map(String::as_str))),
    };
    Err(Refusal::new(format!("`{text}` is not a time zone"), help))
}
