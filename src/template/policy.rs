//! konta's own invariants, checked on every document after overrides: an override may bend much, but not lose a customer's data.

use serde_json::Value;

use super::document::Document;
use super::error::TemplateError;

/// Types that must survive their stack and their own replacement.
const KEPT: &[&str] = &["AWS::RDS::DBCluster", "AWS::EFS::FileSystem", "AWS::Route53::HostedZone", "AWS::S3::Bucket"];

/// Checks a document.
pub fn check(stack: &str, document: &Document) -> Result<(), TemplateError> {
    for id in document.resources().keys() {
        let resource = &document.resources()[id];
        let broken = |problem: &str, help: &str| {
            Err(TemplateError::Policy {
                stack: stack.to_owned(),
                resource: id.clone(),
                problem: problem.to_owned(),
                help: help.to_owned(),
            })
        };
        let kind = document.resource_type(id);
        if KEPT.contains(&kind) {
            for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
                let value = resource.get(policy).and_then(Value::as_str).unwrap_or("absent");
                if !matches!(value, "Retain" | "Snapshot" | "RetainExceptOnCreate") {
                    return broken(
                        &format!("holds data, but its {policy} is {value}"),
                        "set it to Retain or Snapshot: a deletion policy alone does not guard a replacement",
                    );
                }
            }
        }
        let properties = resource.get("Properties").unwrap_or(&Value::Null);
        if matches!(kind, "AWS::RDS::DBCluster") && !is_true(properties.get("StorageEncrypted"))
            || matches!(kind, "AWS::EFS::FileSystem") && !is_true(properties.get("Encrypted"))
        {
            return broken("stores data unencrypted", "set StorageEncrypted (Aurora) or Encrypted (EFS) to true");
        }
        if kind == "AWS::ElasticLoadBalancingV2::Listener"
            && properties.get("Protocol").and_then(Value::as_str) == Some("HTTPS")
            && properties.get("SslPolicy").is_none()
        {
            return broken("has no SslPolicy", "without one AWS takes the policy of 2016, which allows TLS 1.0");
        }
        if kind == "AWS::EC2::SecurityGroup"
            && let Some(port) = open_port(properties)
        {
            return broken(
                &format!("is open to the whole internet on port {port}"),
                "only 80 and 443 of the load balancer may be: take a narrower CidrIp or SourceSecurityGroupId",
            );
        }
    }
    Ok(())
}

fn is_true(value: Option<&Value>) -> bool {
    matches!(value, Some(Value::Bool(true))) || value.and_then(Value::as_str) == Some("true")
}

/// The first port other than 80 and 443 that a security group opens to everybody.
fn open_port(properties: &Value) -> Option<String> {
    let rules = properties.get("SecurityGroupIngress")?.as_array()?;
    for rule in rules {
        let open = rule.get("CidrIp").and_then(Value::as_str) == Some("0.0.0.0/0")
            || rule.get("CidrIpv6").and_then(Value::as_str) == Some("::/0");
        let ports = (rule.get("FromPort").and_then(Value::as_i64), rule.get("ToPort").and_then(Value::as_i64));
        if open && !matches!(ports, (Some(80), Some(80)) | (Some(443), Some(443))) {
            return Some(ports.0.map_or_else(|| "any".to_owned(), |port| port.to_string()));
        }
    }
    None
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
