//! konta's own invariants, checked on every document after overrides: an override may change much, but must not lose a
//! customer's data.

use serde_json::Value;

use super::document::Document;
use super::error::TemplateError;

/// Types that must survive their stack and their own replacement: those that hold data in konta's own templates, and
/// buckets. An EFS access point is not one of them: it is a door, and what is behind it remains in the file system.
pub const KEPT: &[&str] =
    &["AWS::RDS::DBCluster", "AWS::EFS::FileSystem", "AWS::Route53::HostedZone", "AWS::S3::Bucket"];

/// The longest body with which a load balancer answers by itself, in characters.
/// Source: Elastic Load Balancing API, `FixedResponseActionConfig`.
const LONGEST_PAGE: usize = 1024;

/// Checks a document.
pub fn check(stack: &str, document: &Document) -> Result<(), TemplateError> {
    let mut wrong = Vec::new();
    for id in document.resources().keys() {
        let resource = &document.resources()[id];
        let mut broken = |problem: &str, help: &str| {
            wrong.push(TemplateError::Policy {
                stack: stack.to_owned(),
                resource: id.clone(),
                problem: problem.to_owned(),
                help: help.to_owned(),
            });
        };
        let kind = document.resource_type(id);
        if KEPT.contains(&kind) {
            for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
                let value = resource.get(policy).and_then(Value::as_str).unwrap_or("absent");
                if !matches!(value, "Retain" | "Snapshot" | "RetainExceptOnCreate") {
                    broken(
                        &format!("holds data, but its {policy} is {value}"),
                        "set it to `Retain` or `Snapshot`: a deletion policy alone does not protect against a replacement",
                    );
                }
            }
        }
        let properties = resource.get("Properties").unwrap_or(&Value::Null);
        if matches!(kind, "AWS::RDS::DBCluster") && !is_true(properties.get("StorageEncrypted"))
            || matches!(kind, "AWS::EFS::FileSystem") && !is_true(properties.get("Encrypted"))
        {
            broken("stores data unencrypted", "set `StorageEncrypted` (Aurora) or `Encrypted` (EFS) to `true`");
        }
        if kind == "AWS::ElasticLoadBalancingV2::Listener"
            && properties.get("Protocol").and_then(Value::as_str) == Some("HTTPS")
            && properties.get("SslPolicy").is_none()
        {
            broken(
                "has no SslPolicy",
                "add `SslPolicy`: without one, AWS uses the policy of 2016, which allows TLS 1.0",
            );
        }
        let ingress = match kind {
            "AWS::EC2::SecurityGroup" => properties.get("SecurityGroupIngress"),
            "AWS::EC2::SecurityGroupIngress" => Some(properties),
            _ => None,
        };
        if let Some(port) = ingress.and_then(open_port) {
            broken(
                &format!("is open to the whole internet on port {port}"),
                "use a narrower `CidrIp` or a `SourceSecurityGroupId`: only ports 80 and 443 of the load balancer may be open",
            );
        }
    }
    for (resource, length) in long_pages(document) {
        wrong.push(TemplateError::Policy {
            stack: stack.to_owned(),
            resource,
            problem: format!("has {length} characters"),
            help: format!("shorten the page: a load balancer answers with at most {LONGEST_PAGE}"),
        });
    }
    TemplateError::gathered(wrong)
}

/// The pages that are too long for a load balancer, with their lengths.
fn long_pages(document: &Document) -> Vec<(String, usize)> {
    let pages = document.section("Mappings").get("Pages").and_then(Value::as_object).into_iter().flatten();
    let html = pages.filter_map(|(page, texts)| Some((format!("page {page}"), texts.get("Html")?.as_str()?)));
    let lengths = html.map(|(page, html)| (page, html.chars().count()));
    lengths.filter(|(_, length)| *length > LONGEST_PAGE).collect()
}

fn is_true(value: Option<&Value>) -> bool {
    matches!(value, Some(Value::Bool(true))) || value.and_then(Value::as_str) == Some("true")
}

/// The first port other than 80 and 443 that a rule opens to everyone; rules may be in a list or behind a condition.
fn open_port(rules: &Value) -> Option<String> {
    match rules {
        Value::Array(items) => items.iter().find_map(open_port),
        Value::Object(rule) if rule.contains_key("CidrIp") || rule.contains_key("CidrIpv6") => {
            let everybody = |key: &str, range: &str| rule.get(key).and_then(Value::as_str) == Some(range);
            let open = everybody("CidrIp", "0.0.0.0/0") || everybody("CidrIpv6", "::/0");
            let port = |key: &str| rule.get(key).and_then(|v| v.as_i64().or_else(|| v.as_str()?.parse().ok()));
            let ports = (port("FromPort"), port("ToPort"));
            (open && !matches!(ports, (Some(80), Some(80)) | (Some(443), Some(443))))
                .then(|| ports.0.map_or_else(|| "any".to_owned(), |port| port.to_string()))
        }
        Value::Object(map) => map.values().find_map(open_port),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(resource: &str) -> Result<(), TemplateError> {
        check("s", &Document::parse("t", &format!("Resources:\n  A:\n    {resource}\n")).unwrap())
    }

    #[test]
    fn data_that_would_go_with_its_stack_is_refused() {
        assert!(
            checked("{ Type: 'AWS::EFS::FileSystem', DeletionPolicy: Retain, Properties: { Encrypted: true } }")
                .is_err()
        );
        assert!(
            checked("{ Type: 'AWS::EFS::FileSystem', DeletionPolicy: Retain, UpdateReplacePolicy: Retain, Properties: { Encrypted: true } }")
                .is_ok()
        );
    }

    #[test]
    fn a_page_longer_than_a_load_balancer_answers_is_refused() {
        let page = |length: usize| {
            let text = format!("Mappings: {{ Pages: {{ suspended: {{ Html: {} }} }} }}\n", "é".repeat(length));
            check("s", &Document::parse("t", &text).unwrap())
        };
        assert!(page(LONGEST_PAGE).is_ok());
        let refused = page(LONGEST_PAGE + 1).unwrap_err().to_string();
        assert!(refused.contains("page suspended"), "{refused}");
    }

    #[test]
    fn a_port_open_to_everybody_is_refused() {
        let rule = |port| {
            format!(
                "{{ Type: 'AWS::EC2::SecurityGroup', Properties: {{ SecurityGroupIngress: [{{ IpProtocol: tcp, CidrIp: 0.0.0.0/0, FromPort: {port}, ToPort: {port} }}] }} }}"
            )
        };
        assert!(checked(&rule(5432)).is_err());
        assert!(checked(&rule(443)).is_ok());
    }
}
