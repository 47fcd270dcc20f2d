//! SSM parameters.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{State, refused, text};
use crate::support::fake_aws::Answer;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameter {
    pub value: String,
    pub is_secret: bool,
    pub tags: BTreeMap<String, String>,
}

fn tags(list: &Value) -> impl Iterator<Item = (String, String)> {
    list.as_array().into_iter().flatten().map(|tag| (text(&tag["Key"]), text(&tag["Value"])))
}

impl State {
    pub(super) fn parameter_call(&mut self, action: &str, body: &Value) -> Answer {
        let name = text(&body["Name"]);
        let missing = || refused("ParameterNotFound", "none");
        match action {
            "PutParameter" => {
                let is_there = self.parameters.contains_key(&name);
                if is_there && body["Overwrite"] != true {
                    return refused("ParameterAlreadyExists", "it exists");
                }
                let one = self.parameters.entry(name).or_default();
                one.value = text(&body["Value"]);
                one.is_secret = body["Type"] == "SecureString";
                one.tags.extend(tags(&body["Tags"]));
                Answer::json(200, &json!({"Version": 1}))
            }
            "AddTagsToResource" => match self.parameters.get_mut(&text(&body["ResourceId"])) {
                Some(one) => {
                    one.tags.extend(tags(&body["Tags"]));
                    Answer::json(200, &json!({}))
                }
                None => refused("InvalidResourceId", "none"),
            },
            "GetParameter" => match self.parameters.get(&name) {
                Some(one) => Answer::json(200, &json!({"Parameter": {"Name": name, "Value": one.value}})),
                None => missing(),
            },
            "GetParametersByPath" => {
                let path = format!("{}/", text(&body["Path"]));
                let found: Vec<Value> = self
                    .parameters
                    .iter()
                    .filter(|(name, _)| name.starts_with(&path))
                    .map(|(name, one)| json!({"Name": name, "Value": one.value}))
                    .collect();
                Answer::json(200, &json!({"Parameters": found}))
            }
            _ => match self.parameters.remove(&name) {
                Some(_) => Answer::json(200, &json!({})),
                None => missing(),
            },
        }
    }
}
