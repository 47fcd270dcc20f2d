//! CloudFormation: stacks that change by change sets and take their time. The values in a template are literal.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use konta::stack::ObservedStack;
use serde_json::Value;

use super::State;
use super::services::Service;
use crate::support::fake_aws::{Answer, Call, escape, stack_xml};

/// Looks until an update or a deletion ends, or comes to its wait condition.
const LOOKS: usize = 2;

#[derive(Debug, Clone, Default)]
pub struct Stack {
    pub seen: ObservedStack,
    pub template: Value,
    /// Logical id and status, the oldest first.
    pub events: Vec<(String, String)>,
    pub change_sets: BTreeMap<String, ChangeSet>,
    under_way: Option<UnderWay>,
    is_gone: bool,
}

#[derive(Debug, Clone, Default)]
pub struct ChangeSet {
    template: Value,
    parameters: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
enum UnderWay {
    /// An update, until it comes to its wait condition.
    Begun(ChangeSet, usize),
    /// An update that waits for a signal.
    Waits(ChangeSet),
    /// An update, until its end.
    Ending(ChangeSet, usize),
    Deletion(usize),
}

impl Stack {
    pub fn new(name: &str, template: Value, parameters: &[(&str, &str)], tags: &[(&str, &str)]) -> Self {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let seen = ObservedStack {
            name: name.into(),
            status: "CREATE_COMPLETE".into(),
            parameters: map(parameters),
            outputs: outputs(&template),
            tags: map(tags),
            ..ObservedStack::default()
        };
        let events = vec![(name.to_owned(), "CREATE_COMPLETE".to_owned())];
        Self { seen, template, events, ..Self::default() }
    }

    fn tell(&mut self, logical: &str, status: &str) {
        self.events.push((logical.to_owned(), status.to_owned()));
    }

    fn rests(&mut self, status: &str) {
        status.clone_into(&mut self.seen.status);
        let name = self.seen.name.clone();
        self.tell(&name, status);
    }
}

fn outputs(template: &Value) -> BTreeMap<String, String> {
    let all = template["Outputs"].as_object();
    all.into_iter().flatten().map(|(key, one)| (key.clone(), one["Value"].as_str().unwrap().to_owned())).collect()
}

/// The resources of a type, with their properties.
fn resources<'a>(template: &'a Value, kind: &str) -> Vec<(&'a str, &'a Value)> {
    let all = template["Resources"].as_object().into_iter().flatten();
    all.filter(|(_, one)| one["Type"] == kind).map(|(id, one)| (id.as_str(), &one["Properties"])).collect()
}

fn absent(name: &str) -> Answer {
    Answer::error("ValidationError", &format!("Stack with id {name} does not exist"))
}

impl State {
    pub(super) fn stack_call(&mut self, call: &Call) -> Option<Answer> {
        let action = call.action.as_str();
        let Some(asked) = call.parameter("StackName") else {
            if action != "DescribeStacks" {
                return None;
            }
            let all: String = self.stacks.values().filter(|one| !one.is_gone).map(|one| stack_xml(&one.seen)).collect();
            return Some(Answer::xml(action, &format!("<Stacks>{all}</Stacks>")));
        };
        let by_id = asked.split_once(":stack/").and_then(|(_, rest)| rest.split('/').next()).map(ToOwned::to_owned);
        let name = by_id.clone().unwrap_or_else(|| asked.clone());
        if self.stacks.get(&name).is_none_or(|one| one.is_gone && by_id.is_none()) {
            return Some(absent(&asked));
        }
        if action == "DescribeStacks" {
            self.pass(&name);
        }
        let stack = self.stacks.get_mut(&name).unwrap();
        Some(match action {
            "DescribeStacks" if stack.is_gone && by_id.is_none() => absent(&asked),
            "DescribeStacks" => Answer::xml(action, &format!("<Stacks>{}</Stacks>", stack_xml(&stack.seen))),
            "GetTemplate" => {
                Answer::xml(action, &format!("<TemplateBody>{}</TemplateBody>", escape(&stack.template.to_string())))
            }
            "DescribeStackEvents" => Answer::xml(action, &events(stack)),
            "ListStackResources" => Answer::xml(action, &resource_list(stack)),
            "CreateChangeSet" | "ExecuteChangeSet" | "DeleteStack" if stack.under_way.is_some() => {
                let status = stack.seen.status.clone();
                self.is_wrong(format!("{action} while {name} is {status}"));
                Answer::error("ValidationError", &format!("{name} is in {status} state and can not be updated."))
            }
            "CreateChangeSet" => {
                stack.change_sets.insert(call.parameter("ChangeSetName").unwrap(), change_set(call));
                Answer::xml(action, "<Id>arn:x</Id><StackId>arn:y</StackId>")
            }
            "DescribeChangeSet" => match stack.change_sets.get(&call.parameter("ChangeSetName").unwrap()) {
                Some(set) if set.changes_nothing(stack) => Answer::xml(
                    action,
                    "<Status>FAILED</Status><StatusReason>The submitted information didn't contain changes.</StatusReason>",
                ),
                Some(_) => Answer::xml(action, "<Status>CREATE_COMPLETE</Status><Changes/>"),
                None => Answer::error("ChangeSetNotFound", "none"),
            },
            "DeleteChangeSet" => {
                stack.change_sets.remove(&call.parameter("ChangeSetName").unwrap());
                Answer::xml(action, "")
            }
            "ExecuteChangeSet" => {
                let Some(set) = stack.change_sets.remove(&call.parameter("ChangeSetName").unwrap()) else {
                    return Some(Answer::error("ChangeSetNotFound", "none"));
                };
                // All other change sets of the stack go with it.
                stack.change_sets.clear();
                stack.under_way = Some(UnderWay::Begun(set, LOOKS));
                stack.rests("UPDATE_IN_PROGRESS");
                Answer::xml(action, "")
            }
            "SignalResource" => self.signal(&name, call),
            "UpdateTerminationProtection" => {
                stack.seen.protected = call.parameter("EnableTerminationProtection").as_deref() == Some("true");
                Answer::xml(action, "")
            }
            "DeleteStack" if stack.seen.protected => {
                self.is_wrong(format!("{name} was deleted while it is protected"));
                Answer::error("ValidationError", "TerminationProtection is enabled")
            }
            "DeleteStack" => {
                stack.under_way = Some(UnderWay::Deletion(LOOKS));
                stack.rests("DELETE_IN_PROGRESS");
                for cluster in self.clusters_of(&name) {
                    self.clusters.get_mut(&cluster).unwrap().is_going = true;
                }
                Answer::xml(action, "")
            }
            _ => return None,
        })
    }

    fn signal(&mut self, name: &str, call: &Call) -> Answer {
        let stack = self.stacks.get_mut(name).unwrap();
        let Some(UnderWay::Waits(set)) = stack.under_way.clone() else {
            return Answer::error("ValidationError", "the stack waits for no signal");
        };
        if call.parameter("Status").as_deref() == Some("SUCCESS") {
            stack.tell("Installed", "CREATE_COMPLETE");
            stack.under_way = Some(UnderWay::Ending(set, LOOKS));
        } else {
            stack.under_way = None;
            stack.rests("UPDATE_ROLLBACK_COMPLETE");
        }
        Answer::xml("SignalResource", "")
    }

    /// Lets what is under way with a stack go on.
    fn pass(&mut self, name: &str) {
        let stack = self.stacks.get_mut(name).unwrap();
        let waits = |set: &ChangeSet, stack: &Stack| {
            let conditions = |template: &Value| resources(template, "AWS::CloudFormation::WaitCondition").len();
            conditions(&set.template) > conditions(&stack.template)
        };
        match stack.under_way.take() {
            Some(UnderWay::Begun(set, 0 | 1)) if waits(&set, stack) => {
                stack.tell("Installed", "CREATE_IN_PROGRESS");
                stack.under_way = Some(UnderWay::Waits(set));
            }
            Some(UnderWay::Begun(set, 0 | 1) | UnderWay::Ending(set, 0 | 1)) => self.update(name, set),
            Some(UnderWay::Begun(set, looks)) => stack.under_way = Some(UnderWay::Begun(set, looks - 1)),
            Some(UnderWay::Ending(set, looks)) => stack.under_way = Some(UnderWay::Ending(set, looks - 1)),
            Some(UnderWay::Deletion(0 | 1)) => self.delete(name),
            Some(UnderWay::Deletion(looks)) => stack.under_way = Some(UnderWay::Deletion(looks - 1)),
            other => stack.under_way = other,
        }
    }

    /// The update has come to its end.
    fn update(&mut self, name: &str, set: ChangeSet) {
        let found = resources(&set.template, "AWS::ECS::Service");
        let service = found.first().map(|(_, properties)| (*properties).clone());
        let stack = self.stacks.get_mut(name).unwrap();
        let changes_image = stack.seen.parameters.get("Image") != set.parameters.get("Image");
        let (parameters, tags) = (set.parameters.clone(), set.tags.clone());
        (stack.seen.outputs, stack.template) = (outputs(&set.template), set.template);
        (stack.seen.parameters, stack.seen.tags) = (parameters, tags);
        stack.rests("UPDATE_COMPLETE");
        let image = stack.seen.parameters.get("Image").cloned().unwrap_or_default();
        let Some(service) = service else {
            self.services.retain(|_, one| one.stack != name);
            return;
        };
        if changes_image && self.shows_page(name) {
            self.is_wrong("a service was changed whose rule shows a page");
        }
        let text = |key: &str| service[key].as_str().unwrap().to_owned();
        let fresh = Service {
            stack: name.to_owned(),
            target_group: text("TargetGroup"),
            image: String::new(),
            desired: 1,
            running: 1,
            looks: 0,
        };
        self.services.entry(text("ServiceName")).or_insert(fresh).image = image;
    }

    fn clusters_of(&self, stack: &str) -> Vec<String> {
        let own = resources(&self.stacks[stack].template, "AWS::RDS::DBCluster");
        own.iter().filter_map(|(_, properties)| properties["Arn"].as_str()).map(ToOwned::to_owned).collect()
    }

    fn delete(&mut self, name: &str) {
        for cluster in self.clusters_of(name) {
            let Some(gone) = self.clusters.remove(&cluster) else { continue };
            if gone.is_protected {
                self.is_wrong(format!("{cluster} was deleted while it is protected"));
            }
            let held: Vec<&str> = gone.databases.values().map(|one| one.data.as_str()).collect();
            self.snapshots.push(format!("{cluster}: {}", held.join(", ")));
        }
        self.services.retain(|_, service| service.stack != name);
        let stack = self.stacks.get_mut(name).unwrap();
        stack.is_gone = true;
        stack.rests("DELETE_COMPLETE");
    }

    pub(super) fn finish_stacks(&mut self) {
        for name in self.stacks.keys().cloned().collect::<Vec<_>>() {
            for _ in 0..LOOKS {
                self.pass(&name);
            }
        }
    }

    /// A stack that is there.
    pub fn stack(&self, name: &str) -> Option<&Stack> {
        self.stacks.get(name).filter(|stack| !stack.is_gone)
    }
}

impl ChangeSet {
    fn changes_nothing(&self, stack: &Stack) -> bool {
        self.template == stack.template && self.parameters == stack.seen.parameters && self.tags == stack.seen.tags
    }
}

fn change_set(call: &Call) -> ChangeSet {
    let pairs = |list: &str, key: &str, value: &str| {
        let of = |n: usize, what: &str| call.parameter(&format!("{list}.member.{n}.{what}"));
        (1..).map_while(|n| Some((of(n, key)?, of(n, value)?))).collect()
    };
    ChangeSet {
        template: serde_json::from_str(&call.parameter("TemplateBody").unwrap()).unwrap(),
        parameters: pairs("Parameters", "ParameterKey", "ParameterValue"),
        tags: pairs("Tags", "Key", "Value"),
    }
}

fn events(stack: &Stack) -> String {
    let mut list = String::new();
    let name = &stack.seen.name;
    for (n, (logical, status)) in stack.events.iter().enumerate().rev() {
        let _ = write!(
            list,
            "<member><EventId>{n}</EventId><StackId>s</StackId><StackName>{name}</StackName><LogicalResourceId>{logical}</LogicalResourceId><ResourceType>t</ResourceType><ResourceStatus>{status}</ResourceStatus><Timestamp>2026-11-24T12:00:00Z</Timestamp></member>"
        );
    }
    format!("<StackEvents>{list}</StackEvents>")
}

/// What a stack holds, with what an update under way has made already.
fn resource_list(stack: &Stack) -> String {
    let template = match &stack.under_way {
        Some(UnderWay::Begun(set, _) | UnderWay::Waits(set) | UnderWay::Ending(set, _)) => &set.template,
        _ => &stack.template,
    };
    let mut list = String::new();
    for (id, one) in template["Resources"].as_object().into_iter().flatten() {
        let (kind, arn) = (one["Type"].as_str().unwrap(), one["Properties"]["Arn"].as_str().unwrap_or_default());
        let _ = write!(
            list,
            "<member><LogicalResourceId>{id}</LogicalResourceId><ResourceType>{kind}</ResourceType><PhysicalResourceId>{arn}</PhysicalResourceId><ResourceStatus>CREATE_COMPLETE</ResourceStatus><LastUpdatedTimestamp>2026-11-24T12:00:00Z</LastUpdatedTimestamp></member>"
        );
    }
    format!("<StackResourceSummaries>{list}</StackResourceSummaries>")
}
