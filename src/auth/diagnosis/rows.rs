//! The known causes as a table, from which `konta doctor`, every other command's errors and docs/doctor.md are made.
//!
//! A word in braces is filled with what was seen: `{key}` (the key id's last four characters), `{source}`, `{region}`,
//! `{serial}`, `{account}`, `{user}`, `{offset}`, `{marks}` (the signs of Cloud9), `{operation}` and `{mfa}`.

/// One known cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Its number, from 1.
    pub number: u8,
    /// What is seen: call, code, message.
    pub symptom: &'static str,
    /// Why it is so.
    pub cause: &'static str,
    /// What distinguishes it from others with the same code.
    pub told: &'static str,
    /// What to do, one line each.
    pub fix: &'static [&'static str],
}

const LEAVE_CLOUD9: &[&str] = &[
    "in Cloud9, turn off \"AWS managed temporary credentials\" (Preferences > AWS Settings > Credentials), or run: aws cloud9 update-environment --environment-id $C9_PID --managed-credentials-action DISABLE",
    "delete `~/.aws/credentials`, which Cloud9 wrote",
    "then give the instance a role (instance profile), or name a profile with a user's own key and run `konta auth login`",
];

/// The table.
pub const ROWS: &[Row] = &[
    Row {
        number: 1,
        symptom: "GetSessionToken: InvalidClientTokenId, while GetCallerIdentity works",
        cause: "these are Cloud9's managed temporary credentials: STS lets them call only GetCallerIdentity and DecodeAuthorizationMessage. Your own key is not at fault",
        told: "the key ...{key} is a session's, GetCallerIdentity accepts it, and {marks}",
        fix: LEAVE_CLOUD9,
    },
    Row {
        number: 2,
        symptom: "AssumeRole, CreateRole and others: InvalidClientTokenId, while GetCallerIdentity works",
        cause: "these are Cloud9's managed temporary credentials: they cannot assume roles, and can change only roles whose names begin with `Cloud9-`. Your own key is not at fault",
        told: "{operation} refuses the session key ...{key}, GetCallerIdentity accepts it, and {marks}",
        fix: LEAVE_CLOUD9,
    },
    Row {
        number: 3,
        symptom: "IAM: InvalidClientTokenId, while other services work",
        cause: "GetSessionToken opened the session without MFA, and IAM refuses such a session; what CloudFormation does in IAM for it fails in the same way",
        told: "the key ...{key} is a session of {user}, GetCallerIdentity accepts it, and only IAM refuses it",
        fix: &[
            "open a session with a code: `konta auth login` with a profile that has the user's own key and `mfa_serial`",
            "or assume a role: a role's session may call IAM",
        ],
    },
    Row {
        number: 4,
        symptom: "GetSessionToken: AccessDenied \"Cannot call GetSessionToken with session credentials\"",
        cause: "{source} are already a session, and a session cannot open another",
        told: "the key ...{key} came with a session token",
        fix: &[
            "unset `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, or remove the session from the profile",
            "name a profile with the user's own key (AKIA...): `konta auth login --profile NAME`",
        ],
    },
    Row {
        number: 5,
        symptom: "InvalidClientTokenId, also from GetCallerIdentity",
        cause: "AWS does not know the key ...{key}: it is deleted, inactive, mistyped, or of another partition (China, GovCloud). A session's key may have ended long ago or been copied incompletely",
        told: "GetCallerIdentity refuses it in {region} and also in us-east-1, which is always enabled; its source: {source}",
        fix: &[
            "compare it with IAM > Users > Security credentials: activate it, or create a new one and write it into the profile",
            "if it is not the key you meant: `AWS_ACCESS_KEY_ID` in the environment takes precedence over the profile, unless `--profile` names one",
        ],
    },
    Row {
        number: 6,
        symptom: "InvalidClientTokenId; the key and the session token do not belong together",
        cause: "a session's key (ASIA...) needs its session token, and a user's key (AKIA...) has none: a part was not pasted, or is left over from another session",
        told: "the key's first letters and the token do not match; AWS was not asked",
        fix: &[
            "paste all three again: `aws_access_key_id`, `aws_secret_access_key`, `aws_session_token`",
            "or, if the key is a user's own, unset `AWS_SESSION_TOKEN` or remove `aws_session_token` from the profile",
        ],
    },
    Row {
        number: 7,
        symptom: "InvalidClientTokenId in one region, while others work",
        cause: "the region {region} is not enabled for the account; or it is an opt-in region and the session came from STS's global endpoint, whose tokens are not valid there",
        told: "GetCallerIdentity refuses the key ...{key} in {region} and accepts it in us-east-1",
        fix: &[
            "enable the region: Account > AWS Regions",
            "open the session at a regional endpoint (`sts_regional_endpoints = regional`), or run: aws iam set-security-token-service-preferences --global-endpoint-token-version v2Token",
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
        told: "AWS knows the key ...{key} and says that it has expired",
        fix: &[
            "run `konta auth login`, or get a new session where this one came from (`aws sso login`, `aws login`)",
            "then run the same command again: what AWS has begun continues by itself, and the command attaches to it",
        ],
    },
    Row {
        number: 10,
        symptom: "AccessDenied \"MultiFactorAuthentication failed with invalid MFA one time pass code\"",
        cause: "the code of {serial} is wrong, too old or already used; or the device's clock has drifted",
        told: "AWS's message: it accepts the device but not the code",
        fix: &[
            "wait for the device's next code and try again",
            "if codes keep failing: IAM > Users > Security credentials > Resync",
        ],
    },
    Row {
        number: 11,
        symptom: "AccessDenied \"unable to validate MFA code. Please verify your MFA serial number is valid and associated with this user\"",
        cause: "{serial} is not a device of {user}: it belongs to another user or account, was removed, or is not the ARN of a device. A new code does not help",
        told: "AWS's message: it does not know the device for this user",
        fix: &[
            "set `mfa_serial` to the user's device, usually arn:aws:iam::{account}:mfa/NAME; IAM > Users > Security credentials shows it",
        ],
    },
    Row {
        number: 12,
        symptom: "AccessDenied \"must provide both MFA serial number and one time pass code\"",
        cause: "the device's serial number was sent without a code, or a code without the serial number",
        told: "AWS's message",
        fix: &["give both: `mfa_serial` in the profile, and a code when konta asks or with `--mfa-code`"],
    },
    Row {
        number: 13,
        symptom: "ValidationError of tokenCode or serialNumber",
        cause: "the code is not six digits, or the serial number is not the ARN of a device",
        told: "their form; konta checks the code before it asks AWS",
        fix: &[
            "give the six digits that the device shows now, and write `mfa_serial` as arn:aws:iam::ACCOUNT:mfa/NAME",
        ],
    },
    Row {
        number: 14,
        symptom: "AssumeRole: AccessDenied \"is not authorized to perform: sts:AssumeRole\"",
        cause: "the role cannot be assumed; STS gives the same answer for a trust policy that requires MFA, a role that does not exist, and a missing permission",
        told: "the operation; the session has MFA: {mfa}",
        fix: &[
            "if the session has no MFA: set `mfa_serial` in the profile, then run `konta auth login`",
            "check that the role exists under exactly this ARN, and that its trust policy names this user or account",
            "check that the user may call `sts:AssumeRole` on it",
        ],
    },
    Row {
        number: 15,
        symptom: "AccessDenied \"with an explicit deny\" on nearly every call",
        cause: "a policy denies {user} everything without MFA (aws:MultiFactorAuthPresent), and the session has none",
        told: "the deny is explicit, and no code opened the session",
        fix: &["set `mfa_serial` in the profile, then run `konta auth login`"],
    },
    Row {
        number: 16,
        symptom: "ValidationError \"The requested DurationSeconds exceeds the MaxSessionDuration set for this role\"",
        cause: "`duration_seconds` is longer than the role allows, or longer than an hour for a role that a role's session assumes",
        told: "AWS's message",
        fix: &["set `duration_seconds = 3600` or leave it out; or raise the role's maximum session duration in IAM"],
    },
    Row {
        number: 17,
        symptom: "SignatureDoesNotMatch \"Signature expired\" or \"not yet current\", RequestExpired, RequestTimeTooSkewed",
        cause: "this machine's clock is {offset}: AWS refuses signatures of another time, and sessions end at another time than konta expects",
        told: "the time in AWS's answer compared with this machine's",
        fix: &[
            "set the clock from the network: `sudo timedatectl set-ntp true`; in WSL or after a suspended virtual machine: `sudo hwclock -s`",
        ],
    },
    Row {
        number: 18,
        symptom: "SignatureDoesNotMatch otherwise",
        cause: "the secret does not belong to the key ...{key} ({source}): mistyped, or a character was lost when it was pasted",
        told: "AWS knows the key, and the clock is right",
        fix: &[
            "paste `aws_secret_access_key` again, with every `+` and `/`; AWS shows a secret only once, so create a new key if it is lost",
        ],
    },
    Row {
        number: 19,
        symptom: "UnrecognizedClientException, AuthFailure, InvalidAccessKeyId",
        cause: "these are other services' names for an unknown key; rows 5 to 7 say what they mean",
        told: "the code; {operation} refuses the key ...{key} ({source})",
        fix: &[
            "check that the key is active and complete and that the region {region} is enabled; `konta doctor` asks STS",
        ],
    },
    Row {
        number: 20,
        symptom: "a prompt for a code hangs or comes back in a pipeline",
        cause: "a code of {serial} is needed, and there is no terminal to ask for it",
        told: "standard input and standard error are not a terminal",
        fix: &[
            "in a pipeline, assume a role by OIDC (`AWS_ROLE_ARN` and `AWS_WEB_IDENTITY_TOKEN_FILE`), which needs no code",
            "elsewhere, run `konta auth login` at a terminal first, or pass a code on standard input: `--mfa-code -`",
        ],
    },
    Row {
        number: 21,
        symptom: "a passkey or security key is the only device",
        cause: "{serial} is a passkey or security key: STS accepts only codes",
        told: "u2f/ in the serial number",
        fix: &[
            "add a virtual MFA device (an authenticator app) to the user and set `mfa_serial` to it",
            "or sign in with the browser: `aws login`",
        ],
    },
];
