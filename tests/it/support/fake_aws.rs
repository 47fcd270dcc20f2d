//! An AWS that answers from a script inside the test: for what the sandbox cannot show (slow stacks, odd answers, thousands of them).

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use konta::aws::{Aws, Target};

/// One call: the action, and its parameters as they were sent.
#[derive(Debug, Clone, Default)]
pub struct Call {
    pub action: String,
    pub body: String,
    /// `GET`, `PUT` and the like.
    pub method: String,
    /// The whole address.
    pub address: String,
}

impl Call {
    /// A form parameter, decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.body.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            (key == name).then(|| decode(value))
        })
    }
}

/// What AWS answers.
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    /// A good answer of a query service (CloudFormation, STS): the result's inner XML.
    pub fn xml(action: &str, result: &str) -> Self {
        Self {
            status: 200,
            body: format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"),
        }
    }

    /// An error of a query service.
    pub fn error(code: &str, message: &str) -> Self {
        let body = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
        );
        Self { status: 400, body }
    }

    /// An answer of a JSON service.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self { status, body: body.to_string() }
    }
}

/// The calls made so far.
#[derive(Clone, Default)]
pub struct Calls(Arc<Mutex<Vec<Call>>>);

impl Calls {
    pub fn actions(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|call| call.action.clone()).collect()
    }

    /// What was sent, call by call.
    pub fn bodies(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|call| call.body.clone()).collect()
    }

    pub fn count(&self, action: &str) -> usize {
        self.actions().iter().filter(|a| *a == action).count()
    }
}

type Script = dyn Fn(&Call) -> Answer + Send + Sync;

/// The network of the test: the script.
#[derive(Clone)]
struct Scripted {
    script: Arc<Script>,
    calls: Calls,
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripted")
    }
}

impl HttpConnector for Scripted {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        let target = request.headers().get("x-amz-target").and_then(|v| v.rsplit('.').next()).map(ToOwned::to_owned);
        // What a GET asks for stands in its address.
        let query = request.uri().split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default();
        let mut call = Call {
            action: String::new(),
            body: if body.is_empty() { query } else { body },
            method: request.method().to_owned(),
            address: request.uri().to_owned(),
        };
        let path =
            request.uri().split('?').next().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
        call.action = target.or_else(|| call.parameter("Action")).unwrap_or(path);
        self.calls.0.lock().unwrap().push(call.clone());
        let answer = (self.script)(&call);
        let kind = serde_json::from_str::<serde_json::Value>(&answer.body)
            .ok()
            .and_then(|b| b["__type"].as_str().map(ToOwned::to_owned));
        let mut response = HttpResponse::new(StatusCode::try_from(answer.status).unwrap(), SdkBody::from(answer.body));
        if let Some(kind) = kind {
            response.headers_mut().insert("x-amzn-errortype", kind);
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl HttpClient for Scripted {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// A session whose every call is answered by `script`, and the calls it made.
pub fn scripted(script: impl Fn(&Call) -> Answer + Send + Sync + 'static) -> (Aws, Calls) {
    let calls = Calls::default();
    let http = SharedHttpClient::new(Scripted { script: Arc::new(script), calls: calls.clone() });
    let config = aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new("eu-west-1"))
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(
            aws_credential_types::Credentials::new("test", "test", None, None, "test"),
        ))
        .http_client(http)
        .build();
    (Aws::new(&config, &Target { region: "eu-west-1".into(), ..Target::default() }), calls)
}

/// One stack as DescribeStacks shows it.
pub fn stack_xml(stack: &konta::stack::ObservedStack) -> String {
    let mut xml = format!(
        "<member><StackName>{}</StackName><StackId>arn:aws:cloudformation:eu-west-1:123456789012:stack/{}/1</StackId><StackStatus>{}</StackStatus><CreationTime>2026-11-24T12:00:00Z</CreationTime><EnableTerminationProtection>{}</EnableTerminationProtection>",
        stack.name, stack.name, stack.status, stack.protected
    );
    let pairs =
        |xml: &mut String, list: &str, key: &str, value: &str, map: &std::collections::BTreeMap<String, String>| {
            let _ = write!(xml, "<{list}>");
            for (k, v) in map {
                let _ = write!(xml, "<member><{key}>{}</{key}><{value}>{}</{value}></member>", escape(k), escape(v));
            }
            let _ = write!(xml, "</{list}>");
        };
    pairs(&mut xml, "Outputs", "OutputKey", "OutputValue", &stack.outputs);
    pairs(&mut xml, "Parameters", "ParameterKey", "ParameterValue", &stack.parameters);
    pairs(&mut xml, "Tags", "Key", "Value", &stack.tags);
    xml.push_str("</member>");
    xml
}

pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

pub fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::new();
    let mut i = 0;
    while i < bytes.len() {
        match bytes[i] {
            b'%' if i + 2 < bytes.len() => {
                decoded.push(u8::from_str_radix(&text[i + 1..i + 3], 16).unwrap_or(b'?'));
                i += 2;
            }
            b'+' => decoded.push(b' '),
            byte => decoded.push(byte),
        }
        i += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
