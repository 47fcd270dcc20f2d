//! One error for every AWS call: the call, and AWS's own code and message.

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use miette::Diagnostic;
use thiserror::Error;

/// A call to AWS that failed.
#[derive(Debug, Clone, Error, Diagnostic)]
#[error("{operation}: {code}: {message}")]
#[diagnostic(code(konta::aws))]
pub struct AwsError {
    /// Service and operation, such as `cloudformation CreateChangeSet`.
    pub operation: &'static str,
    /// AWS's code, such as `AccessDenied`; `Unreachable` if there was no answer.
    pub code: String,
    /// AWS's message.
    pub message: String,
    /// What to do, if it is known.
    #[help]
    pub help: Option<String>,
}

impl AwsError {
    /// From an SDK's error.
    pub fn from_sdk<E, R>(operation: &'static str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        if let Some(provider) = beneath::<CredentialsError>(error) {
            return Self { operation, ..Self::from_provider(provider) };
        }
        let (code, message) = match error {
            SdkError::ServiceError(service) => (
                service.err().code().unwrap_or("Unknown").to_owned(),
                service.err().message().unwrap_or("AWS gave no message").to_owned(),
            ),
            SdkError::TimeoutError(_) => ("Timeout".to_owned(), "no answer in time".to_owned()),
            other => ("Unreachable".to_owned(), sources(other)),
        };
        let help = advice(&code).map(ToOwned::to_owned);
        Self { operation, code, message, help }
    }

    /// From a provider that gave no credentials: the code is AWS's own if a call was made for them, `ExpiredToken` if
    /// the session has ended, else `NoCredentials`.
    #[must_use]
    pub fn from_provider(error: &CredentialsError) -> Self {
        if let Some(call) = beneath::<Self>(error) {
            return call.clone();
        }
        if let Some(refused) = beneath::<AssumeRoleWithWebIdentityError>(error) {
            let code = refused.code().unwrap_or("Unknown").to_owned();
            let message = refused.message().unwrap_or("AWS gave no message").to_owned();
            let help = advice(&code).map(ToOwned::to_owned);
            return Self { operation: "sts AssumeRoleWithWebIdentity", code, message, help };
        }
        let ended = beneath::<SessionEnded>(error).map(ToString::to_string);
        let has_ended = ended.is_some();
        let message = ended.unwrap_or_else(|| sources(error));
        let code =
            if has_ended || message.to_lowercase().contains("expired") { "ExpiredToken" } else { "NoCredentials" };
        let help = advice(code).map(ToOwned::to_owned);
        Self { operation: "credentials", code: code.to_owned(), message, help }
    }

    /// An answer that lacks what the documentation promises.
    #[must_use]
    pub fn incomplete(operation: &'static str, what: &str) -> Self {
        Self {
            operation,
            code: "IncompleteAnswer".to_owned(),
            message: format!("the answer has no {what}"),
            help: None,
        }
    }

    /// Whether the code is this one.
    #[must_use]
    pub fn is(&self, code: &str) -> bool {
        self.code == code || self.code.strip_suffix("Exception") == Some(code)
    }

    /// Whether the same call may well succeed a while later: AWS throttles, has a fault or cannot be reached.
    /// Source: the services' common errors; ECS calls its own one `ServerException`.
    #[must_use]
    pub fn passes(&self) -> bool {
        const CODES: &[&str] = &[
            "InternalError",
            "InternalFailure",
            "InternalServerError",
            "PriorRequestNotComplete",
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestTimeout",
            "Server",
            "ServiceUnavailable",
            "Throttled",
            "Throttling",
            "Timeout",
            "TooManyRequests",
        ];
        let code = self.code.strip_suffix("Exception").unwrap_or(&self.code);
        code == "Unreachable" || CODES.contains(&code)
    }

    /// Whether this is AWS's answer to the request, rather than AWS being overloaded or out of reach.
    #[must_use]
    pub fn is_an_answer(&self) -> bool {
        const SILENT: &[&str] =
            &["Unreachable", "Timeout", "IncompleteAnswer", "Throttling", "ServiceUnavailable", "InternalFailure"];
        !SILENT.iter().any(|code| self.is(code))
    }

    /// Whether the credentials are the cause, rather than the request.
    #[must_use]
    pub fn concerns_credentials(&self) -> bool {
        const CODES: &[&str] = &[
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "ExpiredToken",
            "ExpiredTokenException",
            "SignatureDoesNotMatch",
            "AuthFailure",
            "InvalidAccessKeyId",
            "NoCredentials",
        ];
        CODES.contains(&self.code.as_str())
    }
}

/// An error of this kind among an error's sources.
fn beneath<'a, T: std::error::Error + 'static>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The chain of sources as one sentence: the SDK hides the reason in them.
fn sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        source = inner.source();
    }
    text
}

fn advice(code: &str) -> Option<&'static str> {
    Some(match code {
        "NoCredentials" => {
            "no credentials found: set `AWS_PROFILE` or `--profile`, or try konta without an account with `--sandbox`"
        }
        "Unreachable" => "check that the network is up and the region's name is right",
        "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId" | "AuthFailure" => {
            "AWS does not know this key: check that it is active, complete (key, secret and session token) and of this partition"
        }
        "ExpiredToken" | "ExpiredTokenException" => {
            "the session has ended: log in (`konta auth login`) and run the same command again; what AWS has begun continues by itself, and the command attaches to it"
        }
        "SignatureDoesNotMatch" => "the secret does not belong to the key, or this machine's clock is wrong",
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => {
            "the identity may not do this: check its policies, and whether it must use MFA"
        }
        "InsufficientCapabilitiesException" => {
            "the template creates IAM roles; this is a bug in konta, please report it"
        }
        "ChangeSetNotFound"
        | "ChangeSetNotFoundException"
        | "AlreadyExistsException"
        | "InvalidChangeSetStatus"
        | "InvalidChangeSetStatusException"
        | "OperationInProgressException" => {
            "another command is deploying the same stack: run this one again, and it continues from what is deployed then"
        }
        "Throttling" | "ThrottlingException" | "RequestLimitExceeded" => {
            "AWS asks for fewer calls: run the command again in a minute"
        }
        _ => return None,
    })
}

/// Why a provider has no credentials any more. [`AwsError::from_sdk`] finds it beneath the call that failed because of
/// it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct SessionEnded(pub String);
