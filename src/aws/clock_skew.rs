//! STS calls for a diagnosis: whose keys these are, what time it is there, and which credentials it accepts.

use std::sync::{Arc, Mutex};

use aws_sdk_sts::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::{Builder, ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_sts::error::BoxError;
use aws_sdk_sts::primitives::{DateTime, DateTimeFormat};

use super::error::AwsError;
use super::identity::Identity;
use super::sts::Sts;

/// What a call to GetCallerIdentity showed.
#[derive(Debug, Clone)]
pub struct Look {
    /// Whose keys they are, or why AWS does not say.
    pub identity: Result<Identity, AwsError>,
    /// Seconds that AWS's clock is ahead of this machine's, from the Date of the answer; `None` without an answer.
    pub offset: Option<i64>,
}

impl Sts {
    /// Calls GetCallerIdentity, and reads the clock from the answer, whatever it is.
    pub async fn look(&self) -> Look {
        const OPERATION: &str = "sts GetCallerIdentity";
        let clock = Clock::default();
        let request = self.client.get_caller_identity().customize().interceptor(clock.clone());
        let identity = match request.send().await {
            Ok(answer) => answer
                .account
                .map(|account| Identity { account, arn: answer.arn.unwrap_or_default() })
                .ok_or_else(|| AwsError::incomplete(OPERATION, "account")),
            Err(error) => Err(AwsError::from_sdk(OPERATION, &error)),
        };
        let offset = clock.0.lock().ok().and_then(|offset| *offset);
        Look { identity, offset }
    }

    /// How GetSessionToken refuses the keys of a session, which it always does: AccessDenied for any session,
    /// InvalidClientTokenId for Cloud9's managed credentials. `None` if it does not refuse; the session that it then
    /// gives is dropped.
    pub async fn refusal_of_sessions(&self) -> Option<AwsError> {
        let once = Builder::new().retry_config(RetryConfig::disabled());
        let answer = self.client.get_session_token().customize().config_override(once).send().await;
        answer.err().map(|error| AwsError::from_sdk("sts GetSessionToken", &error))
    }
}

/// Reads the Date of the first answer: the SDK corrects its own clock after that.
#[derive(Debug, Clone, Default)]
struct Clock(Arc<Mutex<Option<i64>>>);

impl Intercept for Clock {
    fn name(&self) -> &'static str {
        "Clock"
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let there = date.and_then(|date| DateTime::from_str(date, DateTimeFormat::HttpDate).ok());
        if let (Some(there), Ok(mut offset)) = (there, self.0.lock()) {
            offset.get_or_insert(there.secs() - DateTime::from(std::time::SystemTime::now()).secs());
        }
        Ok(())
    }
}
