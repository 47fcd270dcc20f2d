//! What AWS answers: first whether it knows the key, then what the action says.

use std::fmt::Write as _;

use jiff::SignedDuration;

use super::{ACCOUNT, Account, Asked, Key, Kind, Role};

pub const REQUEST_ID: &str = "16fc956c-311e-4199-bee1-1680236e9698";
/// How old a signature may be. STS's messages say "15 min."
const TOLERANCE: SignedDuration = SignedDuration::from_mins(15);

pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
}

struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
}

fn refusal(status: u16, code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal { status, code, message: message.into() }
}

fn unknown_key() -> Refusal {
    refusal(403, "InvalidClientTokenId", "The security token included in the request is invalid")
}

fn denied(message: impl Into<String>) -> Refusal {
    refusal(403, "AccessDenied", message)
}

pub fn answer(account: &mut Account, asked: &Asked) -> Answer {
    match checked(account, asked).and_then(|key| result(account, asked, &key)) {
        Ok(result) => xml(200, &good(asked, &result)),
        Err(refusal) if asked.service == "sts" || asked.service == "iam" || asked.service == "cloudformation" => {
            xml(refusal.status, &bad(asked, &refusal))
        }
        Err(refusal) => json(&refusal),
    }
}

/// Knows the key, its secret, its token, and the time.
fn checked(account: &Account, asked: &Asked) -> Result<Key, Refusal> {
    let key = account.keys.get(&asked.key).ok_or_else(unknown_key)?;
    if key.token != asked.token || key.not_in == Some(asked.region.as_str()) {
        return Err(unknown_key());
    }
    in_time(account, asked)?;
    if key.wrong_secret {
        return Err(refusal(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
        ));
    }
    if key.expired {
        return Err(refusal(403, "ExpiredToken", "The security token included in the request is expired"));
    }
    Ok(key.clone())
}

fn in_time(account: &Account, asked: &Asked) -> Result<(), Refusal> {
    let signed = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", &asked.date);
    let Some(signed) = signed.ok().and_then(|time| jiff::tz::TimeZone::UTC.to_timestamp(time).ok()) else {
        return Ok(());
    };
    let now = account.now();
    let stamp = |time: jiff::Timestamp| time.strftime("%Y%m%dT%H%M%SZ").to_string();
    let edge = if signed < now { now - TOLERANCE } else { now + TOLERANCE };
    let message = if signed < edge && signed < now {
        format!("Signature expired: {} is now earlier than {} ({} - 15 min.)", asked.date, stamp(edge), stamp(now))
    } else if signed > edge && signed > now {
        format!(
            "Signature not yet current: {} is still later than {} ({} + 15 min.)",
            asked.date,
            stamp(edge),
            stamp(now)
        )
    } else {
        return Ok(());
    };
    Err(refusal(403, "SignatureDoesNotMatch", message))
}

fn result(account: &mut Account, asked: &Asked, key: &Key) -> Result<String, Refusal> {
    let denied_without_mfa = key.must_use_mfa && key.kind != Kind::Session { mfa: true };
    match (asked.service.as_str(), asked.action.as_str()) {
        ("sts", "GetCallerIdentity") => {
            Ok(format!("<Arn>{}</Arn><UserId>AIDADOUBLE</UserId><Account>{ACCOUNT}</Account>", key.arn))
        }
        ("sts", _) if key.kind == Kind::Cloud9 => Err(unknown_key()),
        ("sts", _) if account.disabled.contains(asked.region.as_str()) => Err(refusal(
            403,
            "RegionDisabledException",
            format!(
                "STS is not activated in this region for account:{ACCOUNT}. Your account administrator can activate STS in this region using the IAM Console."
            ),
        )),
        ("sts", "GetSessionToken") => session(account, asked, key),
        ("sts", "AssumeRole") => role(account, asked, key),
        ("iam", _) if matches!(key.kind, Kind::Session { mfa: false }) && key.arn.contains(":user/") => {
            Err(unknown_key())
        }
        ("iam", "ListMFADevices") => Ok(devices(account, key)),
        ("cloudformation", _) if denied_without_mfa => Err(denied(format!(
            "User: {} is not authorized to perform: cloudformation:{} with an explicit deny in an identity-based policy",
            key.arn, asked.action
        ))),
        ("cloudformation", "DescribeStacks") => Ok("<Stacks/>".to_owned()),
        _ => Err(refusal(400, "InvalidAction", format!("Could not find operation {}", asked.action))),
    }
}

fn session(account: &mut Account, asked: &Asked, key: &Key) -> Result<String, Refusal> {
    if key.kind != Kind::LongTerm {
        return Err(denied("Cannot call GetSessionToken with session credentials"));
    }
    let mfa = with_code(account, asked, key)?;
    Ok(opened(account, Key { arn: key.arn.clone(), must_use_mfa: key.must_use_mfa, ..Key::of_user("") }, mfa))
}

fn role(account: &mut Account, asked: &Asked, key: &Key) -> Result<String, Refusal> {
    let arn = asked.fields.get("RoleArn").cloned().unwrap_or_default();
    let not_authorized =
        || denied(format!("User: {} is not authorized to perform: sts:AssumeRole on resource: {arn}", key.arn));
    let wanted: u32 = asked.fields.get("DurationSeconds").and_then(|seconds| seconds.parse().ok()).unwrap_or(3600);
    let Role { needs_mfa, longest } = account.roles.get(&arn).cloned().ok_or_else(not_authorized)?;
    let mfa = with_code(account, asked, key)? || key.kind == Kind::Session { mfa: true };
    if needs_mfa && !mfa {
        return Err(not_authorized());
    }
    if wanted > longest {
        return Err(refusal(
            400,
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
    let assumed = Key { arn: format!("arn:aws:sts::{ACCOUNT}:assumed-role/{name}/konta"), ..Key::of_user("") };
    Ok(opened(account, assumed, mfa))
}

/// Whether a code came with the request, and was right.
fn with_code(account: &mut Account, asked: &Asked, key: &Key) -> Result<bool, Refusal> {
    match (asked.fields.get("SerialNumber"), asked.fields.get("TokenCode")) {
        (None, None) => Ok(false),
        (Some(serial), Some(code)) => {
            if account.devices.get(serial) != Some(&key.arn) {
                Err(denied(
                    "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.",
                ))
            } else if account.takes(serial, code) {
                Ok(true)
            } else {
                Err(denied("MultiFactorAuthentication failed with invalid MFA one time pass code. "))
            }
        }
        _ => {
            Err(denied("MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code."))
        }
    }
}

fn opened(account: &mut Account, key: Key, mfa: bool) -> String {
    let ends = (account.now() + SignedDuration::from_hours(1)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let id = account.open(key.session(Kind::Session { mfa }));
    format!(
        "<Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>a-secret</SecretAccessKey><SessionToken>a-token</SessionToken><Expiration>{ends}</Expiration></Credentials>"
    )
}

fn devices(account: &Account, key: &Key) -> String {
    let mut members = String::new();
    for (serial, _) in account.devices.iter().filter(|(_, user)| **user == key.arn) {
        let _ = write!(
            members,
            "<member><UserName>ada</UserName><SerialNumber>{serial}</SerialNumber><EnableDate>2026-01-01T00:00:00Z</EnableDate></member>"
        );
    }
    format!("<MFADevices>{members}</MFADevices><IsTruncated>false</IsTruncated>")
}

fn namespace(service: &str) -> &'static str {
    match service {
        "iam" => "https://iam.amazonaws.com/doc/2010-05-08/",
        "cloudformation" => "http://cloudformation.amazonaws.com/doc/2010-05-15/",
        _ => "https://sts.amazonaws.com/doc/2011-06-15/",
    }
}

fn good(asked: &Asked, result: &str) -> String {
    let (action, namespace) = (&asked.action, namespace(&asked.service));
    format!(
        "<{action}Response xmlns=\"{namespace}\">\n  <{action}Result>{result}</{action}Result>\n  <ResponseMetadata>\n    <RequestId>{REQUEST_ID}</RequestId>\n  </ResponseMetadata>\n</{action}Response>\n"
    )
}

fn bad(asked: &Asked, refusal: &Refusal) -> String {
    let (namespace, Refusal { code, message, .. }) = (namespace(&asked.service), refusal);
    format!(
        "<ErrorResponse xmlns=\"{namespace}\">\n  <Error>\n    <Type>Sender</Type>\n    <Code>{code}</Code>\n    <Message>{message}</Message>\n  </Error>\n  <RequestId>{REQUEST_ID}</RequestId>\n</ErrorResponse>\n"
    )
}

fn xml(status: u16, body: &str) -> Answer {
    Answer { status, content_type: "text/xml", body: body.to_owned() }
}

/// The JSON services have a name of their own for a key they do not know.
fn json(refusal: &Refusal) -> Answer {
    let code = if refusal.code == "InvalidClientTokenId" { "UnrecognizedClientException" } else { refusal.code };
    let body = serde_json::json!({"__type": code, "message": refusal.message}).to_string();
    Answer { status: 400, content_type: "application/x-amz-json-1.1", body }
}
