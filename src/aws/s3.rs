//! S3: the objects of one bucket, as backups need them.

use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use super::error::AwsError;
use super::session::Aws;

/// How many objects one call deletes at most. Source: S3 API reference, `DeleteObjects`.
const MOST_AT_ONCE: usize = 1000;

/// An object without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectHead {
    /// Its key.
    pub key: String,
    /// Its size, in bytes.
    pub bytes: u64,
}

impl Aws {
    /// The objects whose keys begin with a prefix, in the order of their keys. One call per thousand.
    pub async fn objects(&self, bucket: &str, prefix: &str) -> Result<Vec<ObjectHead>, AwsError> {
        let mut pages = self.s3.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| AwsError::from_sdk("s3 ListObjectsV2", &e))?;
            found.extend(page.contents().iter().filter_map(|object| {
                let bytes = object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
                Some(ObjectHead { key: object.key()?.to_owned(), bytes })
            }));
        }
        Ok(found)
    }

    /// A small object's content; `None` if it does not exist.
    pub async fn object(&self, bucket: &str, key: &str) -> Result<Option<Vec<u8>>, AwsError> {
        const OPERATION: &str = "s3 GetObject";
        let answer = match self.s3.get_object().bucket(bucket).key(key).send().await {
            Ok(answer) => answer,
            Err(error) => {
                let error = AwsError::from_sdk(OPERATION, &error);
                return if error.is("NoSuchKey") { Ok(None) } else { Err(error) };
            }
        };
        let body = answer.body.collect().await.map_err(|_| AwsError::incomplete(OPERATION, "whole body"))?;
        Ok(Some(body.to_vec()))
    }

    /// Writes a small object.
    pub async fn put_object(&self, bucket: &str, key: &str, content: Vec<u8>) -> Result<(), AwsError> {
        let body = ByteStream::from(content);
        let answer = self.s3.put_object().bucket(bucket).key(key).body(body).send().await;
        answer.map(|_| ()).map_err(|e| AwsError::from_sdk("s3 PutObject", &e))
    }

    /// Deletes objects; skips those that do not exist.
    pub async fn delete_objects(&self, bucket: &str, keys: &[String]) -> Result<(), AwsError> {
        for some in keys.chunks(MOST_AT_ONCE) {
            let named = some
                .iter()
                .map(|key| ObjectIdentifier::builder().key(key).build())
                .collect::<Result<Vec<_>, _>>()
                .map_err(|_| AwsError::incomplete("s3 DeleteObjects", "key"))?;
            self.delete_named(bucket, named).await?;
        }
        Ok(())
    }

    async fn delete_named(&self, bucket: &str, named: Vec<ObjectIdentifier>) -> Result<(), AwsError> {
        const OPERATION: &str = "s3 DeleteObjects";
        let delete = Delete::builder()
            .set_objects(Some(named))
            .quiet(true)
            .build()
            .map_err(|_| AwsError::incomplete(OPERATION, "object"))?;
        let answer = self.s3.delete_objects().bucket(bucket).delete(delete).send().await;
        let answer = answer.map_err(|e| AwsError::from_sdk(OPERATION, &e))?;
        if let Some(error) = answer.errors().first() {
            return Err(AwsError {
                operation: OPERATION,
                code: error.code().unwrap_or("Unknown").to_owned(),
                message: format!("{}: {}", error.key().unwrap_or_default(), error.message().unwrap_or_default()),
                help: None,
            });
        }
        Ok(())
    }

    /// Deletes every version of the objects whose keys begin with a prefix, and the delete markers of those deleted
    /// before. Returns how many there were. Source: S3 API reference, `ListObjectVersions`, `DeleteObjects`.
    pub async fn delete_for_ever(&self, bucket: &str, prefix: &str) -> Result<usize, AwsError> {
        const OPERATION: &str = "s3 ListObjectVersions";
        let mut deleted = 0;
        // Each page is the first page of what is left.
        loop {
            let page = self.s3.list_object_versions().bucket(bucket).prefix(prefix).send().await;
            let page = page.map_err(|e| AwsError::from_sdk(OPERATION, &e))?;
            let versions = page.versions().iter().map(|one| (one.key(), one.version_id()));
            let marks = page.delete_markers().iter().map(|one| (one.key(), one.version_id()));
            let named = versions
                .chain(marks)
                .filter_map(|(key, version)| Some((key?, version)))
                .map(|(key, version)| {
                    ObjectIdentifier::builder().key(key).set_version_id(version.map(ToOwned::to_owned)).build()
                })
                .collect::<Result<Vec<_>, _>>()
                .map_err(|_| AwsError::incomplete(OPERATION, "key"))?;
            if named.is_empty() {
                return Ok(deleted);
            }
            deleted += named.len();
            for some in named.chunks(MOST_AT_ONCE) {
                self.delete_named(bucket, some.to_vec()).await?;
            }
        }
    }

    /// An address that gives an object to anyone who has it, for a while. Makes no call to AWS.
    pub async fn lent_address(&self, bucket: &str, key: &str, validity: Duration) -> Result<String, AwsError> {
        const OPERATION: &str = "s3 GetObject";
        let config = PresigningConfig::expires_in(validity).map_err(|_| AwsError::incomplete(OPERATION, "validity"))?;
        let request = self.s3.get_object().bucket(bucket).key(key).presigned(config).await;
        request.map(|request| request.uri().to_owned()).map_err(|e| AwsError::from_sdk(OPERATION, &e))
    }
}
