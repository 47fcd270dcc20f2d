//! SSM Parameter Store: passwords as SecureStrings, and reservations that only one writer can make.

use std::collections::BTreeMap;

use aws_sdk_ssm::types::{ParameterTier, ParameterType, ResourceTypeForTagging, Tag};
use secrecy::{ExposeSecret, SecretString};

use super::error::AwsError;
use super::session::Aws;

impl Aws {
    /// Creates a parameter unless it exists; `false` if it did. AWS does this atomically.
    pub async fn create_parameter(
        &self,
        name: &str,
        value: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<bool, AwsError> {
        self.put(name, value, ParameterType::String, tags).await
    }

    /// Creates a SecureString unless it exists; `false` if it did.
    pub async fn create_secret(
        &self,
        name: &str,
        value: &SecretString,
        tags: &BTreeMap<String, String>,
    ) -> Result<bool, AwsError> {
        self.put(name, value.expose_secret(), ParameterType::SecureString, tags).await
    }

    async fn put(
        &self,
        name: &str,
        value: &str,
        kind: ParameterType,
        tags: &BTreeMap<String, String>,
    ) -> Result<bool, AwsError> {
        let tags = tags
            .iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| AwsError::incomplete("ssm PutParameter", "tag key"))?;
        let answer = self
            .ssm
            .put_parameter()
            .name(name)
            .value(value)
            .r#type(kind)
            // An advanced parameter costs money and cannot be changed back.
            .tier(ParameterTier::Standard)
            .overwrite(false)
            .set_tags(Some(tags))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(true),
            Err(error) => {
                let error = AwsError::from_sdk("ssm PutParameter", &error);
                if error.is("ParameterAlreadyExists") { Ok(false) } else { Err(error) }
            }
        }
    }

    /// Sets a plain parameter's value, whether the parameter exists or not; its new version, which is one more than the last.
    pub async fn put_parameter(&self, name: &str, value: &str) -> Result<i64, AwsError> {
        let put = self.ssm.put_parameter().name(name).value(value).r#type(ParameterType::String).overwrite(true);
        put.send().await.map(|put| put.version).map_err(|error| AwsError::from_sdk("ssm PutParameter", &error))
    }

    /// A plain parameter's value with its version; `None` if there is none.
    pub async fn versioned_parameter(&self, name: &str) -> Result<Option<(String, i64)>, AwsError> {
        match self.ssm.get_parameter().name(name).send().await {
            Ok(answer) => Ok(answer.parameter.and_then(|one| Some((one.value?, one.version)))),
            Err(error) => {
                let error = AwsError::from_sdk("ssm GetParameter", &error);
                if error.is("ParameterNotFound") { Ok(None) } else { Err(error) }
            }
        }
    }

    /// Sets a tag of a parameter.
    pub async fn tag_parameter(&self, name: &str, key: &str, value: &str) -> Result<(), AwsError> {
        let tag = Tag::builder().key(key).value(value).build();
        let tag = tag.map_err(|_| AwsError::incomplete("ssm AddTagsToResource", "tag key"))?;
        let add = self.ssm.add_tags_to_resource().resource_type(ResourceTypeForTagging::Parameter).resource_id(name);
        let done = add.tags(tag).send().await;
        done.map(|_| ()).map_err(|error| AwsError::from_sdk("ssm AddTagsToResource", &error))
    }

    /// A parameter's value, decrypted; `None` if there is none.
    pub async fn secret(&self, name: &str) -> Result<Option<SecretString>, AwsError> {
        match self.ssm.get_parameter().name(name).with_decryption(true).send().await {
            Ok(answer) => Ok(answer.parameter.and_then(|p| p.value).map(SecretString::from)),
            Err(error) => {
                let error = AwsError::from_sdk("ssm GetParameter", &error);
                if error.is("ParameterNotFound") { Ok(None) } else { Err(error) }
            }
        }
    }

    /// A plain parameter's value; `None` if there is none.
    pub async fn parameter(&self, name: &str) -> Result<Option<String>, AwsError> {
        Ok(self.secret(name).await?.map(|value| value.expose_secret().to_owned()))
    }

    /// The parameters under a path, at any depth: names without the path, and values. One call per ten parameters.
    pub async fn parameters_under(&self, path: &str) -> Result<BTreeMap<String, String>, AwsError> {
        let mut pages = self.ssm.get_parameters_by_path().path(path).recursive(true).into_paginator().send();
        let mut found = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| AwsError::from_sdk("ssm GetParametersByPath", &e))?;
            found.extend(page.parameters().iter().filter_map(|one| {
                let name = one.name()?.strip_prefix(path)?.strip_prefix('/')?;
                Some((name.to_owned(), one.value().unwrap_or_default().to_owned()))
            }));
        }
        Ok(found)
    }

    /// Whether a parameter exists; its value is not decrypted.
    pub async fn parameter_exists(&self, name: &str) -> Result<bool, AwsError> {
        match self.ssm.get_parameter().name(name).with_decryption(false).send().await {
            Ok(_) => Ok(true),
            Err(error) => {
                let error = AwsError::from_sdk("ssm GetParameter", &error);
                if error.is("ParameterNotFound") { Ok(false) } else { Err(error) }
            }
        }
    }

    /// Deletes a parameter; not an error if there is none.
    pub async fn delete_parameter(&self, name: &str) -> Result<(), AwsError> {
        match self.ssm.delete_parameter().name(name).send().await {
            Ok(_) => Ok(()),
            Err(error) => {
                let error = AwsError::from_sdk("ssm DeleteParameter", &error);
                if error.is("ParameterNotFound") { Ok(()) } else { Err(error) }
            }
        }
    }
}
