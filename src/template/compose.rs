//! Makes one document of a template, a tenant and the operator's patches, by structure and never by pasting text.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::addon::{self, AddonOutput};
use super::container::{add_secret, add_variable, first_of_type, load_module_as_written};
use super::document::Document;
use super::error::TemplateError;
use super::intrinsic::reference;
use super::source::{MODULE_INIT, MODULE_MANIFEST, ODOO_CONF, Sources};
use super::{limits, overrides, policy};
use crate::model::{DatabaseChoice, HostName, Isolation, Schedule, SecretReference, Tenant, TenantHost};

/// The database in which konta records, for a cell's pool, which host leads to which tenant's database.
pub const REGISTRY: &str = "konta_registry";

/// The addon that gives a tenant its own Aurora cluster.
pub const AURORA: &str = "aurora";

/// Makes documents. Those of one shape are made once and shared: a thousand tenants without their own variables share
/// one document.
#[derive(Debug)]
pub struct Composer {
    sources: Sources,
    shapes: Mutex<HashMap<String, Arc<Document>>>,
}

impl Composer {
    /// A composer for a workspace's sources.
    #[must_use]
    pub fn new(sources: Sources) -> Self {
        Self { sources, shapes: Mutex::new(HashMap::new()) }
    }

    /// The sources.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The document of `dns`, `environment` or `cell`, patched for the stack of this name.
    pub fn shared(&self, template: &str, stack: &str) -> Result<Arc<Document>, TemplateError> {
        self.composed(template, stack, Some(template), |document| {
            add_konta_environment(document);
            if template == "cell" {
                // The pool finds a request's database by its host in this registry; a dedicated tenant has PGDATABASE
                // instead.
                add_variable(document, "KONTA_REGISTRY_DATABASE", &json!(REGISTRY));
            }
            Ok(())
        })
    }

    /// An addon's document.
    pub fn addon(&self, name: &str, stack: &str) -> Result<Arc<Document>, TemplateError> {
        let template = format!("addons/{name}");
        self.composed(&template, stack, Some(&template), |_| Ok(()))
    }

    /// The outputs of a tenant's own addons, and how each reaches the tenant; the built-in database is wired as the
    /// database, not here.
    pub fn addon_outputs(&self, tenant: &Tenant) -> Result<Vec<(String, Vec<AddonOutput>)>, TemplateError> {
        let mut found = Vec::new();
        for name in &tenant.addons {
            if name.as_str() == AURORA && tenant.database == DatabaseChoice::Dedicated {
                continue;
            }
            let document = self.sources.get(&format!("addons/{name}")).ok_or_else(|| TemplateError::Unreadable {
                name: format!("addons/{name}.yml"),
                problem: "there is no such file".to_owned(),
            })?;
            found.push((name.to_string(), addon::outputs(name.as_str(), document)));
        }
        Ok(found)
    }

    /// A tenant's document; `domain` is the environment's, whose zone holds the names of hosts without their own zone.
    pub fn tenant(&self, tenant: &Tenant, domain: &HostName, stack: &str) -> Result<Arc<Document>, TemplateError> {
        let template = match tenant.isolation {
            Isolation::Dedicated => "tenant/dedicated",
            Isolation::Pooled => "tenant/pooled",
        };
        let custom: Vec<_> =
            tenant.hosts.iter().filter(|h| h.certificate.is_some() || h.hosted_zone.is_some()).collect();
        let in_zone = |host: &&TenantHost| host.hosted_zone.is_none() && host.host.is_under(domain);
        let first = tenant.hosts.first().filter(in_zone).map(|host| host.host.as_str());
        let others: Vec<&str> = tenant.hosts.iter().skip(1).filter(in_zone).map(|host| host.host.as_str()).collect();
        let shape = format!(
            "{template} {} {:?} {:?} {custom:?} {others:?} {:?} {:?} {:?}",
            first.is_some(),
            tenant.variables,
            tenant.secrets,
            tenant.schedule,
            tenant.addons,
            tenant.database
        );
        // A document that only this tenant can use is not kept: ten thousand of them would fill the memory for nothing.
        let alone =
            !(tenant.variables.is_empty() && tenant.secrets.is_empty() && custom.is_empty() && others.is_empty());
        let shape = if alone { None } else { Some(shape) };
        self.composed(template, stack, shape.as_deref(), |document| {
            add_konta_environment(document);
            for (name, value) in &tenant.variables {
                add_variable(document, name, &json!(value));
            }
            for (name, secret) in &tenant.secrets {
                add_secret(document, name, &secret_arn(secret));
            }
            for host in &custom {
                add_certificate(document, host.host.as_str(), host.certificate.as_deref(), host.hosted_zone.as_deref());
            }
            add_aliases(document, first, &others);
            if let Some(schedule) = &tenant.schedule {
                add_schedule(document, schedule);
            }
            for (name, outputs) in self.addon_outputs(tenant)? {
                addon::wire_into(document, &name, &outputs)?;
            }
            Ok(())
        })
    }

    /// Makes a document, or returns the one made earlier for the same shape. Without a shape, or with a patch for this
    /// one stack, it is made each time.
    fn composed(
        &self,
        template: &str,
        stack: &str,
        shape: Option<&str>,
        merge: impl FnOnce(&mut Document) -> Result<(), TemplateError>,
    ) -> Result<Arc<Document>, TemplateError> {
        let own_patch = self.sources.patch(stack);
        let shape = shape.filter(|_| own_patch.is_none());
        let shapes = || self.shapes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(document) = shape.and_then(|shape| shapes().get(shape).map(Arc::clone)) {
            return Ok(document);
        }
        let mut document = self.sources.get(template).cloned().ok_or_else(|| TemplateError::Unreadable {
            name: format!("{template}.yml"),
            problem: "there is no such template".to_owned(),
        })?;
        merge(&mut document)?;
        let mut wrong = Vec::new();
        for patch in [self.sources.patch(&template.replace('/', "-")), own_patch].into_iter().flatten() {
            wrong.extend(overrides::apply(patch.0, patch.1, &mut document).err());
        }
        TemplateError::gathered(wrong)?;
        load_module_as_written(&mut document);
        let checks = [limits::check(stack, &document), policy::check(stack, &document)];
        TemplateError::gathered(checks.into_iter().filter_map(Result::err).collect())?;
        let document = Arc::new(document);
        if let Some(shape) = shape {
            shapes().insert(shape.to_owned(), Arc::clone(&document));
        }
        Ok(document)
    }
}

/// Gives Odoo its configuration and konta's server-wide module; templates without a container are not changed.
fn add_konta_environment(document: &mut Document) {
    for (name, text) in
        [("KONTA_ODOO_CONF", ODOO_CONF), ("KONTA_MODULE_INIT", MODULE_INIT), ("KONTA_MODULE_MANIFEST", MODULE_MANIFEST)]
    {
        add_variable(document, name, &json!(text));
    }
}

/// The ARN of a secret; a parameter's name becomes its ARN in the stack's own account and region, without a double
/// slash.
fn secret_arn(secret: &SecretReference) -> Value {
    match secret {
        SecretReference::Arn(arn) => json!(arn),
        // Joined rather than substituted: a name that contains `${` remains text.
        SecretReference::Parameter(name) => json!({"Fn::Join": ["", [
            "arn:", reference("AWS::Partition"), ":ssm:", reference("AWS::Region"), ":", reference("AWS::AccountId"),
            ":parameter", name
        ]]}),
    }
}

/// Attaches a custom host's certificate to the listener: an issued one, or one created and validated in the host's own
/// zone, which then also gets the host's record.
///
/// The logical ids are derived from the host. If hosts were counted, a removed host would pass its id on to the next
/// one, whose record would then be created again before the old one is deleted, which Route 53 refuses.
fn add_certificate(document: &mut Document, host: &str, issued: Option<&str>, zone: Option<&str>) {
    let own = host_id(host);
    let Some(resources) = document.section_mut("Resources") else { return };
    let arn = match (issued, zone) {
        (Some(arn), _) => json!(arn),
        (None, zone) => {
            let id = format!("HostCertificate{own}");
            resources.insert(
                id.clone(),
                json!({
                    "Type": "AWS::CertificateManager::Certificate",
                    "Metadata": {"konta:description": format!("The certificate of {host}")},
                    "Properties": {
                        "DomainName": host,
                        "ValidationMethod": "DNS",
                        "DomainValidationOptions": [{"DomainName": host, "HostedZoneId": zone}],
                    },
                }),
            );
            reference(&id)
        }
    };
    resources.insert(
        format!("HostListenerCertificate{own}"),
        json!({
            "Type": "AWS::ElasticLoadBalancingV2::ListenerCertificate",
            "Metadata": {"konta:description": format!("The load balancer showing the certificate of {host}")},
            "Properties": {"ListenerArn": reference("HttpsListenerArn"), "Certificates": [{"CertificateArn": arn}]},
        }),
    );
    if let Some(zone) = zone {
        resources.insert(
            format!("HostRecord{own}"),
            json!({
                "Type": "AWS::Route53::RecordSet",
                "Metadata": {"konta:description": format!("The name {host}")},
                "Properties": {
                    "HostedZoneId": zone,
                    "Name": host,
                    "Type": "A",
                    "AliasTarget": {
                        "DNSName": reference("LoadBalancerDnsName"),
                        "HostedZoneId": reference("LoadBalancerHostedZoneId"),
                    },
                },
            }),
        );
    }
    // The template of a pooled tenant may not have the load balancer's address otherwise.
    if let Some(parameters) = document.section_mut("Parameters") {
        for name in ["HttpsListenerArn", "LoadBalancerDnsName", "LoadBalancerHostedZoneId"] {
            parameters.entry(name).or_insert_with(|| json!({"Type": "String"}));
        }
    }
}

/// If the wildcard does not lead to the tenant, the template has a record for the first host. This adds records for the
/// other hosts, all sorted by name. A first host outside the environment's zone gets no record there.
fn add_aliases(document: &mut Document, first: Option<&str>, others: &[&str]) {
    const ALIASES: &str = "Aliases";
    if first.is_none() && others.is_empty() {
        document.section_mut("Resources").map(|resources| resources.remove(ALIASES));
        return;
    }
    if others.is_empty() {
        return;
    }
    let Some(records) = document
        .properties_mut(ALIASES)
        .and_then(|properties| properties.get_mut("RecordSets"))
        .and_then(Value::as_array_mut)
    else {
        return;
    };
    let Some(record) = records.first().cloned() else { return };
    let mut hosts: Vec<&str> = first.into_iter().chain(others.iter().copied()).collect();
    hosts.sort_unstable();
    *records = hosts
        .into_iter()
        .map(|host| {
            let mut own = record.clone();
            own["Name"] = json!(host);
            own
        })
        .collect();
}

/// The ending of the logical ids of a host's resources: ten hexadecimal digits of its SHA-256.
fn host_id(host: &str) -> String {
    use std::fmt::Write as _;
    Sha256::digest(host.as_bytes()).iter().take(5).fold(String::new(), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    })
}

/// Puts the tenant to sleep and wakes it: two scheduled actions on its scalable target.
fn add_schedule(document: &mut Document, schedule: &Schedule) {
    let Some(id) = first_of_type(document, "AWS::ApplicationAutoScaling::ScalableTarget") else { return };
    let Some(target) = document.properties_mut(&id) else { return };
    let action = |name: &str, cron: &str, min: Value, max: Value| {
        json!({
            "ScheduledActionName": name,
            "Schedule": format!("cron({cron})"),
            "Timezone": schedule.timezone,
            "ScalableTargetAction": {"MinCapacity": min, "MaxCapacity": max},
        })
    };
    let awake = (target.get("MinCapacity").cloned(), target.get("MaxCapacity").cloned());
    let actions = json!([
        action("sleep", &schedule.sleep, json!(0), json!(0)),
        action("wake", &schedule.wake, awake.0.unwrap_or(json!(1)), awake.1.unwrap_or(json!(1))),
    ]);
    target.insert("ScheduledActions".to_owned(), actions);
}
