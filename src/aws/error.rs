//! One error for every AWS call: which call, AWS's own code and message.

use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use miette::Diagnostic;
use thiserror::Error;

/// A call to AWS that failed.
#[derive(Debug, Clone, Error, Diagnostic)]
#[error("{operation}: {code}: {message}")]
#[diagnostic(code(konta::aws))]
pub struct AwsError {
    /// Service and operation, such as `cloudformation CreateChangeSet`.
    pub operation: &'static str,
    /// AWS's code, such as `AccessDenied`; `Unreachable` when no answer came.
    pub code: String,
    /// AWS's message.
    pub message: String,
    /// What to do, where it is known.
    #[help]
    pub help: Option<String>,
}

impl AwsError {
    /// From an SDK's error.
    pub fn from_sdk<E, R>(operation: &'static str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        let (code, message) = match error {
            SdkError::ServiceError(service) => (
                service.err().code().unwrap_or("Unknown").to_owned(),
                service.err().message().unwrap_or("AWS gave no message").to_owned(),
            ),
            SdkError::TimeoutError(_) => ("Timeout".to_owned(), "no answer in time".to_owned()),
            other => ("Unreachable".to_owned(), sources(other)),
        };
        let help = advice(&code, &message).map(ToOwned::to_owned);
        Self { operation, code, message, help }
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

    /// Whether the same question may well be answered a while later: AWS throttles, is out of order or out of reach.
    /// Source: the services' common errors; ECS calls its own `ServerException`.
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
        // Without credentials no call leaves this machine, however long one waits.
        let out_of_reach = code == "Unreachable" && !self.message.to_lowercase().contains("credentials");
        out_of_reach || CODES.contains(&code)
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

/// The chain of sources as one sentence: the SDK's own text hides the reason in them.
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

fn advice(code: &str, message: &str) -> Option<&'static str> {
    Some(match code {
        "Unreachable" if message.contains("credentials") || message.contains("Credentials") => {
            "no credentials were found: set AWS_PROFILE or --profile, or try without an account with --sandbox"
        }
        "Unreachable" => "is the network up, and the region's name right?",
        "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId" | "AuthFailure" => {
            "AWS does not know this key: is it active, complete (key, secret and session token) and of this partition?"
        }
        "ExpiredToken" | "ExpiredTokenException" => "the session has ended: log in again",
        "SignatureDoesNotMatch" => "the secret does not fit the key, or this machine's clock is wrong",
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => {
            "the identity may not do this: compare its policies, and whether it must use MFA"
        }
        "InsufficientCapabilitiesException" => {
            "the template makes IAM roles; this is a mistake of konta's, please report it"
        }
        "ChangeSetNotFound"
        | "ChangeSetNotFoundException"
        | "AlreadyExistsException"
        | "InvalidChangeSetStatus"
        | "InvalidChangeSetStatusException"
        | "OperationInProgressException" => {
            "another command is deploying the same stack: run this one again, it goes on from what then stands"
        }
        "Throttling" | "ThrottlingException" | "RequestLimitExceeded" => {
            "AWS asks for fewer calls: run the command again in a minute"
        }
        _ => return None,
    })
}
