//! The bucket of backups, with its versions.

use std::fmt::Write as _;

use super::State;
use crate::support::fake_aws::{Answer, Call, decode};

/// The most versions that one list holds: few, so that a deletion of many can be ended between them.
const PAGE: usize = 4;

/// A refusal of S3.
pub(super) fn refusal(status: u16, code: &str) -> Answer {
    Answer { status, body: format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>") }
}

fn good(body: String) -> Answer {
    Answer { status: 200, body }
}

impl State {
    pub(super) fn object_call(&mut self, call: &Call) -> Answer {
        let path = call.address.split("://").nth(1).and_then(|rest| rest.split_once('/')).map_or("", |(_, path)| path);
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let key = decode(path);
        let has = |word: &str| query.split('&').any(|pair| pair.split('=').next() == Some(word));
        match call.method.as_str() {
            "GET" if has("list-type") => {
                let prefix = call.parameter("prefix").unwrap_or_default();
                let mut list = String::new();
                for (key, content) in self.objects_under(&prefix) {
                    let _ = write!(list, "<Contents><Key>{key}</Key><Size>{}</Size></Contents>", content.len());
                }
                good(format!("<ListBucketResult><IsTruncated>false</IsTruncated>{list}</ListBucketResult>"))
            }
            "GET" if has("versions") => {
                let prefix = call.parameter("prefix").unwrap_or_default();
                let mut list = String::new();
                let under = self.objects.iter().filter(|(key, _)| key.starts_with(&prefix));
                let versions = under.flat_map(|(key, versions)| versions.iter().map(move |one| (key, one)));
                for (key, (id, content)) in versions.take(PAGE) {
                    let kind = if content.is_some() { "Version" } else { "DeleteMarker" };
                    let _ = write!(list, "<{kind}><Key>{key}</Key><VersionId>{id}</VersionId></{kind}>");
                }
                good(format!("<ListVersionsResult><IsTruncated>false</IsTruncated>{list}</ListVersionsResult>"))
            }
            "GET" => match self.object(&key) {
                Some(content) => good(content.to_owned()),
                None => refusal(404, "NoSuchKey"),
            },
            "PUT" => {
                let content = call.body.clone();
                self.put_object(&key, content);
                good(String::new())
            }
            "POST" if has("delete") => {
                let inner = |text: &str, tag: &str| {
                    let after = text.split_once(&format!("<{tag}>"))?.1;
                    Some(after.split_once(&format!("</{tag}>"))?.0.to_owned())
                };
                for one in call.body.split("<Object>").skip(1) {
                    let key = inner(one, "Key").unwrap();
                    self.delete_object(&key, inner(one, "VersionId"));
                }
                good("<DeleteResult></DeleteResult>".to_owned())
            }
            other => {
                self.is_wrong(format!("a call that this S3 does not know: {other} {}", call.address));
                refusal(400, "UnexpectedCall")
            }
        }
    }

    /// The newest version of an object.
    pub fn object(&self, key: &str) -> Option<&str> {
        self.objects.get(key)?.last()?.1.as_deref()
    }

    /// The objects that are there, in the order of their keys.
    pub fn objects_under(&self, prefix: &str) -> Vec<(&str, &str)> {
        let keys = self.objects.keys().filter(|key| key.starts_with(prefix));
        keys.filter_map(|key| Some((key.as_str(), self.object(key)?))).collect()
    }

    pub fn put_object(&mut self, key: &str, content: impl Into<String>) {
        self.versions += 1;
        self.objects.entry(key.to_owned()).or_default().push((self.versions, Some(content.into())));
    }

    fn delete_object(&mut self, key: &str, version: Option<String>) {
        let Some(versions) = self.objects.get_mut(key) else { return };
        match version.and_then(|version| version.parse::<u32>().ok()) {
            Some(version) => versions.retain(|(id, _)| *id != version),
            None if versions.last().is_some_and(|(_, content)| content.is_some()) => {
                self.versions += 1;
                versions.push((self.versions, None));
            }
            None => {}
        }
        self.objects.retain(|_, versions| !versions.is_empty());
    }
}
