//! The causes that are known, as a table: `konta doctor`, every other command's errors and docs/doctor.md say the same.
//!
//! A word in braces stands for what was seen: `{key}` (the key id's last four characters), `{source}`, `{region}`, `{serial}`,
//! `{account}`, `{user}`, `{offset}`, `{marks}` (the signs of Cloud9) and `{operation}`.

/// One known cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Its number, from 1.
    pub number: u8,
    /// What is seen: call, code, message.
    pub symptom: &'static str,
    /// Why it is so.
    pub cause: &'static str,
    /// By what it is told from others with the same code.
    pub told: &'static str,
    /// What to do, a line each.
    pub fix: &'static [&'static str],
}

const LEAVE_CLOUD9: &[&str] = &[
    "Cloud9: Preferences > AWS Settings > Credentials > turn \"AWS managed temporary credentials\" off, or run: aws cloud9 update-environment --environment-id $C9_PID --managed-credentials-action DISABLE",
    "delete ~/.aws/credentials, which Cloud9 wrote",
    "then give the instance a role (instance profile), or name a profile with a user's own key and run `konta auth login`",
];

/// The table.
pub const ROWS: &[Row] = &[
    Row {
        number: 1,
        symptom: "GetSessionToken: InvalidClientTokenId, while GetCallerIdentity works",
        cause: "these are Cloud9's managed temporary credentials: STS lets them call GetCallerIdentity and DecodeAuthorizationMessage alone. Your key is not at fault",
        told: "the key ...{key} is a session's, GetCallerIdentity knows it, and {marks}",
        fix: LEAVE_CLOUD9,
    },
    Row {
        number: 2,
        symptom: "AssumeRole, CreateRole and others: InvalidClientTokenId, while GetCallerIdentity works",
        cause: "these are Cloud9's managed temporary credentials: they can assume no role, and change only roles whose names begin with Cloud9-. Your key is not at fault",
        told: "{operation} is refused for the session key ...{key}, GetCallerIdentity knows it, and {marks}",
        fix: LEAVE_CLOUD9,
    },
    Row {
        number: 3,
        symptom: "IAM: InvalidClientTokenId, while other services work",
        cause: "the session was opened by GetSessionToken without MFA, and IAM takes no such session; what CloudFormation does with IAM for it fails the same way",
        told: "the key ...{key} is a session of {user}, GetCallerIdentity knows it, and IAM alone does not",
        fix: &[
            "open a session with a code: `konta auth login` with a profile that has the user's own key and `mfa_serial`",
            "or take a role: a role's session may call IAM",
        ],
    },
    Row {
        number: 4,
        symptom: "GetSessionToken: AccessDenied \"Cannot call GetSessionToken with session credentials\"",
        cause: "{source} are a session already, and a session cannot open another",
        told: "the key ...{key} came with a session token",
        fix: &[
            "unset AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or take the session out of the profile",
            "name a profile with the user's own key (AKIA...): `konta auth login --profile NAME`",
        ],
    },
    Row {
        number: 5,
        symptom: "InvalidClientTokenId, also of GetCallerIdentity",
        cause: "AWS does not know the key ...{key}: it is deleted, inactive, mistyped, or of another partition (China, GovCloud); a session's may be long over or copied incompletely",
        told: "GetCallerIdentity refuses it in {region} and where it is always enabled (us-east-1) too; where it comes from: {source}",
        fix: &[
            "compare it with IAM > Users > Security credentials: activate it, or make a new one and write it into the profile",
            "when it is not the key you meant: AWS_ACCESS_KEY_ID in the environment comes before the profile, unless --profile names one",
        ],
    },
    Row {
        number: 6,
        symptom: "InvalidClientTokenId; the key and the session token do not belong together",
        cause: "a session's key (ASIA...) needs its session token, and a user's key (AKIA...) has none: a part was not pasted, or is left over from another session",
        told: "the key's first letters and the token do not fit; AWS was not asked",
        fix: &[
            "paste all three again: aws_access_key_id, aws_secret_access_key, aws_session_token",
            "or unset AWS_SESSION_TOKEN, or take aws_session_token out of the profile, when the key is a user's own",
        ],
    },
    Row {
        number: 7,
        symptom: "InvalidClientTokenId in one region, while others work",
        cause: "the region {region} is not enabled for the account; or it must be opted in to and the session came from STS's global endpoint, whose tokens are not valid there",
        told: "GetCallerIdentity refuses the key ...{key} in {region} and knows it in us-east-1",
        fix: &[
            "enable the region: Account > AWS Regions",
            "open the session at a regional endpoint (sts_regional_endpoints = regional), or: aws iam set-security-token-service-preferences --global-endpoint-token-version v2Token",
        ],
    },
    Row {
        number: 8,
        symptom: "RegionDisabledException \"STS is not activated in this region\"",
        cause: "STS is switched off in {region}",
        told: "STS says so",
        fix: &["switch it on: IAM > Account settings > Security Token Service (STS), or use another region"],
    },
    Row {
        number: 9,
        symptom: "ExpiredToken, ExpiredTokenException",
        cause: "the session has ended ({source})",
        told: "AWS knows the key ...{key} and says that its time is over",
        fix: &[
            "`konta auth login`, or get a new session where this one came from (`aws sso login`, `aws login`)",
            "then run the same command again: what AWS has begun goes on by itself, and the command attaches to it",
        ],
    },
    Row {
        number: 10,
        symptom: "AccessDenied \"MultiFactorAuthentication failed with invalid MFA one time pass code\"",
        cause: "the code of {serial} is wrong, too old, or was used already; or the device's clock has drifted",
        told: "AWS's message: it knows the device and not the code",
        fix: &[
            "wait for the device's next code and try once more",
            "when codes go on failing: IAM > Users > Security credentials > Resync",
        ],
    },
    Row {
        number: 11,
        symptom: "AccessDenied \"unable to validate MFA code. Please verify your MFA serial number is valid and associated with this user\"",
        cause: "{serial} is no device of {user}: it is another user's or account's, was removed, or the ARN is no device's. A new code never helps",
        told: "AWS's message: it does not know the device for this user",
        fix: &[
            "set `mfa_serial` to the user's device, usually arn:aws:iam::{account}:mfa/NAME; IAM > Users > Security credentials shows it",
        ],
    },
    Row {
        number: 12,
        symptom: "AccessDenied \"must provide both MFA serial number and one time pass code\"",
        cause: "one of the device's serial number and its code was sent without the other",
        told: "AWS's message",
        fix: &["give both: `mfa_serial` in the profile, and a code when konta asks or by --mfa-code"],
    },
    Row {
        number: 13,
        symptom: "ValidationError of tokenCode or serialNumber",
        cause: "the code is not six digits, or the serial number is no ARN of a device",
        told: "their form; konta looks at the code before AWS is asked",
        fix: &[
            "give the six digits that the device shows now, and write `mfa_serial` as arn:aws:iam::ACCOUNT:mfa/NAME",
        ],
    },
    Row {
        number: 14,
        symptom: "AssumeRole: AccessDenied \"is not authorized to perform: sts:AssumeRole\"",
        cause: "the role cannot be assumed; STS gives one answer for a trust that asks for MFA, a role that does not exist, and a missing permission",
        told: "the operation; the session has MFA: {mfa}",
        fix: &[
            "without MFA in the session: set `mfa_serial` on the profile, then `konta auth login`",
            "does the role exist under this very ARN, and does its trust name this user or account?",
            "may the user call sts:AssumeRole on it?",
        ],
    },
    Row {
        number: 15,
        symptom: "AccessDenied \"with an explicit deny\" on nearly every call",
        cause: "a policy denies {user} everything without MFA (aws:MultiFactorAuthPresent), and the session has none",
        told: "the deny is explicit, and no code opened the session",
        fix: &["set `mfa_serial` on the profile, then `konta auth login`"],
    },
    Row {
        number: 16,
        symptom: "ValidationError \"The requested DurationSeconds exceeds the MaxSessionDuration set for this role\"",
        cause: "`duration_seconds` is longer than the role allows, or than an hour where a role is assumed by a role's session",
        told: "AWS's message",
        fix: &["set `duration_seconds = 3600` or leave it out; or raise the role's maximum session duration in IAM"],
    },
    Row {
        number: 17,
        symptom: "SignatureDoesNotMatch \"Signature expired\" or \"not yet current\", RequestExpired, RequestTimeTooSkewed",
        cause: "this machine's clock is {offset}: AWS takes no signature of another time, and sessions end at another time than konta believes",
        told: "the time in AWS's answer against this machine's",
        fix: &[
            "set the clock by the network: `sudo timedatectl set-ntp true`; in WSL or after a suspended virtual machine: `sudo hwclock -s`",
        ],
    },
    Row {
        number: 18,
        symptom: "SignatureDoesNotMatch otherwise",
        cause: "the secret does not belong to the key ...{key} ({source}): mistyped, or a character was lost when it was pasted",
        told: "AWS knows the key, and the clock is right",
        fix: &[
            "paste aws_secret_access_key again, with every + and /; a secret is shown once, so make a new key when it is lost",
        ],
    },
    Row {
        number: 19,
        symptom: "UnrecognizedClientException, AuthFailure, InvalidAccessKeyId",
        cause: "other services' names for a key they do not know; what they mean, rows 5 to 7 say",
        told: "the code; {operation} refuses the key ...{key} ({source})",
        fix: &["is the key active and complete, and the region {region} enabled? `konta doctor` asks STS"],
    },
    Row {
        number: 20,
        symptom: "a prompt for a code hangs or comes back in a pipeline",
        cause: "a code of {serial} is needed, and there is no terminal to ask for it",
        told: "standard input and error are no terminal",
        fix: &[
            "in a pipeline let it take a role by OIDC (AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE): it needs no code",
            "elsewhere: `konta auth login` at a terminal first, or a code on standard input: --mfa-code -",
        ],
    },
    Row {
        number: 21,
        symptom: "a passkey or security key is the only device",
        cause: "{serial} is a passkey or security key: STS takes codes alone",
        told: "u2f/ in the serial number",
        fix: &[
            "add a virtual MFA device (an authenticator app) to the user and set `mfa_serial` to it",
            "or sign in by the browser: `aws login`",
        ],
    },
];
