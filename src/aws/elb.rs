//! Elastic Load Balancing: listener rules and target health.

use super::error::AwsError;
use super::session::Aws;

/// A listener's rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// Its ARN.
    pub arn: String,
    /// Its priority; `None` for the default rule.
    pub priority: Option<u32>,
    /// The hosts for which it answers.
    pub hosts: Vec<String>,
    /// The target group it forwards to.
    pub target_group: Option<String>,
    /// The response it gives by itself, instead of a target's.
    pub fixed_response: Option<FixedResponse>,
}

/// What a load balancer answers by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FixedResponse {
    /// The HTTP status, three digits.
    pub status: String,
    /// The kind of its body, such as `text/html`.
    pub content_type: String,
    /// Its body, at most 1,024 characters.
    pub body: String,
}

impl Aws {
    /// All rules of a listener.
    pub async fn rules(&self, listener: &str) -> Result<Vec<Rule>, AwsError> {
        let mut found = Vec::new();
        let mut marker = None;
        loop {
            let answer = self
                .elb
                .describe_rules()
                .listener_arn(listener)
                .set_marker(marker)
                .send()
                .await
                .map_err(|e| AwsError::from_sdk("elasticloadbalancing DescribeRules", &e))?;
            found.extend(answer.rules().iter().map(|rule| {
                Rule {
                    arn: rule.rule_arn().unwrap_or_default().to_owned(),
                    priority: rule.priority().and_then(|text| text.parse().ok()),
                    hosts: rule
                        .conditions()
                        .iter()
                        .filter_map(|condition| condition.host_header_config())
                        .flat_map(|config| config.values().iter().cloned())
                        .collect(),
                    target_group: rule.actions().iter().find_map(|a| a.target_group_arn()).map(ToOwned::to_owned),
                    fixed_response: rule.actions().iter().find_map(|a| a.fixed_response_config()).map(fixed_response),
                }
            }));
            marker = answer.next_marker;
            if marker.is_none() {
                return Ok(found);
            }
        }
    }

    /// The targets of a group: how many are healthy, how many there are, and the first reason why one is not.
    pub async fn target_health(&self, group: &str) -> Result<(usize, usize, Option<String>), AwsError> {
        let answer = self
            .elb
            .describe_target_health()
            .target_group_arn(group)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("elasticloadbalancing DescribeTargetHealth", &e))?;
        let states: Vec<_> = answer.target_health_descriptions().iter().filter_map(|t| t.target_health()).collect();
        let healthy = states.iter().filter(|s| s.state().is_some_and(|s| s.as_str() == "healthy")).count();
        let reason = states.iter().find_map(|s| s.description()).map(ToOwned::to_owned);
        Ok((healthy, states.len(), reason))
    }

    /// Whether the region knows a TLS policy.
    pub async fn knows_ssl_policy(&self, name: &str) -> Result<bool, AwsError> {
        let answer = self
            .elb
            .describe_ssl_policies()
            .names(name)
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("elasticloadbalancing DescribeSSLPolicies", &e))?;
        Ok(!answer.ssl_policies().is_empty())
    }
}

impl Aws {
    /// Turns off a load balancer's deletion protection.
    pub async fn unprotect_load_balancer(&self, arn: &str) -> Result<(), AwsError> {
        use aws_sdk_elasticloadbalancingv2::types::LoadBalancerAttribute;
        self.elb
            .modify_load_balancer_attributes()
            .load_balancer_arn(arn)
            .attributes(LoadBalancerAttribute::builder().key("deletion_protection.enabled").value("false").build())
            .send()
            .await
            .map_err(|e| AwsError::from_sdk("elasticloadbalancing ModifyLoadBalancerAttributes", &e))?;
        Ok(())
    }
}

fn fixed_response(config: &aws_sdk_elasticloadbalancingv2::types::FixedResponseActionConfig) -> FixedResponse {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    FixedResponse {
        status: text(config.status_code()),
        content_type: text(config.content_type()),
        body: text(config.message_body()),
    }
}
