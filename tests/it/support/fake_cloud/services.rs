//! ECS services, and the health of their tasks as a load balancer sees it.

use serde_json::{Value, json};

use super::{State, refused, text};
use crate::support::fake_aws::{Answer, Call};

/// Looks until a service has as many tasks as it wants.
const LOOKS: usize = 2;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The stack that it belongs to.
    pub stack: String,
    pub target_group: String,
    pub image: String,
    pub desired: i64,
    pub running: i64,
    /// Looks until `running` is `desired`.
    pub looks: usize,
}

impl State {
    pub(super) fn service_call(&mut self, action: &str, call: &Call, body: &Value) -> Answer {
        match action {
            "DescribeServices" => {
                let asked: Vec<String> = body["services"].as_array().into_iter().flatten().map(text).collect();
                let mut shown = Vec::new();
                for (name, service) in self.services.iter_mut().filter(|(name, _)| asked.contains(name)) {
                    if service.running != service.desired {
                        service.looks = service.looks.saturating_sub(1);
                        if service.looks == 0 {
                            service.running = service.desired;
                        }
                    }
                    let pending = (service.desired - service.running).max(0);
                    shown.push(json!({"serviceName": name, "status": "ACTIVE", "desiredCount": service.desired,
                        "runningCount": service.running, "pendingCount": pending,
                        "deployments": [{"rolloutState": "COMPLETED"}]}));
                }
                Answer::json(200, &json!({"services": shown}))
            }
            "UpdateService" => {
                let (name, count) = (text(&body["service"]), body["desiredCount"].as_i64().unwrap());
                let Some(service) = self.services.get(&name) else {
                    return refused("ServiceNotFoundException", "none");
                };
                if count > 0 && self.shows_page(&service.stack) {
                    self.is_wrong("a service was started whose rule shows a page");
                    let said = "The target group does not have an associated load balancer.";
                    return refused("InvalidParameterException", said);
                }
                self.want(&name, count);
                Answer::json(200, &json!({"service": {}}))
            }
            "DescribeRules" => Answer::xml(action, "<Rules></Rules>"),
            _ => {
                let group = call.parameter("TargetGroupArn").unwrap_or_default();
                let found = self.services.values().find(|service| service.target_group == group);
                let answering = found.filter(|service| !self.shows_page(&service.stack));
                let count = answering.map_or(0, |service| service.running);
                let one = "<member><TargetHealth><State>healthy</State></TargetHealth></member>";
                let all = one.repeat(usize::try_from(count).unwrap());
                Answer::xml(action, &format!("<TargetHealthDescriptions>{all}</TargetHealthDescriptions>"))
            }
        }
    }

    pub(super) fn want(&mut self, name: &str, count: i64) {
        let service = self.services.get_mut(name).unwrap();
        (service.desired, service.looks) = (count, LOOKS);
    }

    /// Whether visitors of a tenant's stack see a page.
    pub fn shows_page(&self, stack: &str) -> bool {
        let page = self.stacks.get(stack).and_then(|stack| stack.seen.parameters.get("Page"));
        page.is_some_and(|page| !matches!(page.as_str(), "none" | "waking"))
    }

    pub(super) fn finish_services(&mut self) {
        for service in self.services.values_mut() {
            service.running = service.desired;
        }
    }
}
