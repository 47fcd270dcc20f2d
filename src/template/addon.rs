//! A tenant's addons: any CloudFormation templates of the operator, whose outputs reach the container according to
//! their kind.

use serde_json::Value;

use super::document::Document;
use super::error::TemplateError;
use super::intrinsic;

/// How an addon's output reaches the tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wire {
    /// As a plain environment variable.
    Variable(String),
    /// As a secret variable: the output is a secret's ARN.
    Secret(String),
    /// As one more security group of the tenant's tasks.
    SecurityGroup,
    /// As one more managed policy of the tenant's task role.
    ManagedPolicy,
}

/// One output of an addon on its way to the tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddonOutput {
    /// The output's key.
    pub output: String,
    /// The parameter of the tenant's stack that takes it.
    pub parameter: String,
    /// How it reaches the container.
    pub wire: Wire,
}

/// The outputs of an addon, and how each reaches the tenant: a secret, a security group or a managed policy is
/// recognised by the type of the resource to which the output refers; everything else becomes a variable in capitals
/// (`BucketName` -> `BUCKET_NAME`).
#[must_use]
pub fn outputs(addon: &str, document: &Document) -> Vec<AddonOutput> {
    document
        .section("Outputs")
        .iter()
        .map(|(key, output)| {
            let value = output.get("Value").unwrap_or(&Value::Null);
            let wire = match referred_type(value, document) {
                "AWS::SecretsManager::Secret" => Wire::Secret(capitals(key)),
                "AWS::EC2::SecurityGroup" => Wire::SecurityGroup,
                "AWS::IAM::ManagedPolicy" => Wire::ManagedPolicy,
                _ => Wire::Variable(capitals(key)),
            };
            AddonOutput { output: key.clone(), parameter: format!("Addon{}{key}", pascal(addon)), wire }
        })
        .collect()
}

/// The type of the one resource that an output names by Ref, or by an attribute that identifies it; empty otherwise.
fn referred_type<'a>(value: &Value, document: &'a Document) -> &'a str {
    let id = match intrinsic::intrinsic(value) {
        Some(("Ref", Value::String(id))) => id.as_str(),
        Some(("Fn::GetAtt", Value::Array(parts))) => {
            let attribute = parts.get(1).and_then(Value::as_str).unwrap_or_default();
            match (parts.first().and_then(Value::as_str), attribute) {
                (Some(id), "Arn" | "Id" | "GroupId" | "PolicyArn") => id,
                _ => return "",
            }
        }
        _ => return "",
    };
    document.resource_type(id)
}

/// Adds an addon's outputs to a tenant's document: parameters, variables, secrets, groups and policies.
pub fn wire_into(document: &mut Document, addon: &str, outputs: &[AddonOutput]) -> Result<(), TemplateError> {
    for output in outputs {
        refuse_taken(document, addon, output)?;
        if let Some(parameters) = document.section_mut("Parameters") {
            let description = format!("Output {} of the addon {addon}", output.output);
            parameters
                .insert(output.parameter.clone(), serde_json::json!({"Type": "String", "Description": description}));
        }
        let value = intrinsic::reference(&output.parameter);
        let placed = match &output.wire {
            Wire::Variable(name) => super::container::add_variable(document, name, &value),
            Wire::Secret(name) => super::container::add_secret(document, name, &value),
            Wire::SecurityGroup => super::container::add_security_group(document, value),
            Wire::ManagedPolicy => super::container::add_managed_policy(document, value),
        };
        if placed.is_none() {
            return Err(TemplateError::Addon {
                name: format!("addons/{addon}.yml"),
                problem: format!("the tenant's template has no place for its output {}", output.output),
                help: "the tenant's template needs an AWS::ECS::TaskDefinition, an AWS::ECS::Service and an AWS::IAM::Role"
                    .to_owned(),
            });
        }
    }
    Ok(())
}

/// Refuses an output whose variable or parameter already exists: konta's own, the manifest's, or another addon's.
fn refuse_taken(document: &Document, addon: &str, output: &AddonOutput) -> Result<(), TemplateError> {
    let taken = match &output.wire {
        Wire::Variable(name) | Wire::Secret(name) if super::container::has_variable(document, name) => {
            format!("the variable {name}")
        }
        _ if document.section("Parameters").contains_key(&output.parameter) => {
            format!("the parameter {}", output.parameter)
        }
        _ => return Ok(()),
    };
    Err(TemplateError::Addon {
        name: format!("addons/{addon}.yml"),
        problem: format!("its output {} would become {taken}, which the tenant already has", output.output),
        help: "rename the output".to_owned(),
    })
}

/// `BucketName` -> `BUCKET_NAME`, `DBEndpoint` -> `DB_ENDPOINT`.
fn capitals(key: &str) -> String {
    let letters: Vec<char> = key.chars().collect();
    let mut name = String::new();
    for (i, c) in letters.iter().enumerate() {
        let starts_word = c.is_ascii_uppercase()
            && i > 0
            && (!letters[i - 1].is_ascii_uppercase() || letters.get(i + 1).is_some_and(char::is_ascii_lowercase));
        if starts_word {
            name.push('_');
        }
        name.push(c.to_ascii_uppercase());
    }
    name
}

/// `object-store` -> `ObjectStore`: logical names may contain only letters and digits.
fn pascal(slug: &str) -> String {
    slug.split('-')
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map(|c| c.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_go_their_way_by_the_type_they_refer_to() {
        let text = "Resources:\n  B: { Type: 'AWS::S3::Bucket' }\n  S: { Type: 'AWS::SecretsManager::Secret' }\n  G: { Type: 'AWS::EC2::SecurityGroup' }\n  P: { Type: 'AWS::IAM::ManagedPolicy' }\nOutputs:\n  BucketName: { Value: !Ref B }\n  ApiKey: { Value: !Ref S }\n  Group: { Value: !GetAtt G.GroupId }\n  Access: { Value: !Ref P }\n";
        let found = outputs("object-store", &Document::parse("a", text).unwrap());
        let wires: Vec<(&str, &Wire)> = found.iter().map(|o| (o.parameter.as_str(), &o.wire)).collect();
        assert_eq!(
            wires,
            [
                ("AddonObjectStoreAccess", &Wire::ManagedPolicy),
                ("AddonObjectStoreApiKey", &Wire::Secret("API_KEY".into())),
                ("AddonObjectStoreBucketName", &Wire::Variable("BUCKET_NAME".into())),
                ("AddonObjectStoreGroup", &Wire::SecurityGroup),
            ]
        );
    }

    #[test]
    fn an_output_does_not_take_a_variable_that_is_konta_s_own() {
        let tenant = "Parameters: {}\nResources:\n  T:\n    Type: AWS::ECS::TaskDefinition\n    Properties: { ContainerDefinitions: [{ Name: odoo, Environment: [{ Name: PGHOST, Value: x }] }] }\n";
        let mut tenant = Document::parse("t", tenant).unwrap();
        let addon = Document::parse("a", "Resources: {}\nOutputs: { Pghost: { Value: evil } }\n").unwrap();
        let wired = outputs("x", &addon);
        let mut renamed = wired.clone();
        renamed[0].wire = Wire::Variable("PGHOST".into());
        assert!(wire_into(&mut tenant, "x", &renamed).unwrap_err().to_string().contains("PGHOST"));
        assert!(wire_into(&mut tenant, "x", &wired).is_err(), "PGHOST is what Pghost becomes");
    }

    #[test]
    fn capitals_keep_abbreviations_together() {
        assert_eq!(capitals("DBEndpoint"), "DB_ENDPOINT");
        assert_eq!(capitals("BucketName"), "BUCKET_NAME");
        assert_eq!(capitals("URL"), "URL");
    }
}
