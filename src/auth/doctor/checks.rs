//! The checks themselves, one line each.

use miette::Diagnostic;

use crate::auth::request::{self, Request};
use crate::aws::sts::Sts;
use crate::aws::{Aws, AwsError, Identity, Target};

use super::super::chain::Chain;
use super::super::diagnosis::{CLOCK_LIMIT, Trouble, clock};
use super::super::session::{self, Mfa, Opened, Way};
use super::{Bottom, Course, Patient, Stop};

/// Seconds that a clock may be off before it is worth a note.
const CLOCK_NOTE: i64 = 60;

impl Course {
    pub(super) async fn all(&mut self, patient: &Patient<'_>) -> Result<(), Stop> {
        let request = &patient.request;
        let bottom = self.keys(request).await?;
        let sts = Sts::open(bottom.provider.clone(), request.region).await;
        let identity = self.clock_and_identity(request, &bottom, &sts).await?;
        self.kind(request, &identity)?;
        self.cloud9(&bottom, &sts).await?;
        self.mfa(request, &bottom, &identity).await?;
        let opened = self.roles(request).await?;
        self.account(request, &opened).await?;
        self.stacks(patient, &opened).await
    }

    /// Where the keys come from, and whether they are complete.
    async fn keys(&mut self, request: &Request<'_>) -> Result<Bottom, Stop> {
        let chain = request.chain;
        self.evidence.source = chain.base.source();
        self.evidence.serial = serial(chain).map(ToOwned::to_owned);
        let (provider, credentials) = session::bottom(request).await.map_err(|error| self.fail_with("keys", &error))?;
        let id = credentials.access_key_id();
        self.evidence.ending = id.chars().skip(id.chars().count().saturating_sub(4)).collect();
        let long_term = session::is_long_term(&credentials);
        self.evidence.session_key = !long_term;
        self.evidence.mfa = long_term.then_some(false);
        let kind = if long_term { "a user's own key" } else { "a session" };
        let passed =
            if chain.passed.len() > 1 { format!(", by way of {}", chain.passed.join(" > ")) } else { String::new() };
        self.good("keys", format!("{}, ...{}, {kind}{passed}", self.evidence.source, self.evidence.ending));
        Ok(Bottom { provider, credentials })
    }

    /// One call answers both: an answer has a Date, whether or not AWS knows the key.
    async fn clock_and_identity(
        &mut self,
        request: &Request<'_>,
        bottom: &Bottom,
        sts: &Sts,
    ) -> Result<Identity, Stop> {
        let look = sts.look().await;
        self.evidence.clock_offset = look.offset;
        self.evidence.known_here = Some(look.identity.is_ok());
        self.clock(look.offset, &look.identity)?;
        match look.identity {
            Ok(identity) => {
                self.evidence.arn = Some(identity.arn.clone());
                self.good("identity", format!("{} ({})", identity.arn, request.region));
                Ok(identity)
            }
            Err(error) => {
                let elsewhere = main_region(request);
                if elsewhere != request.region {
                    let there = Sts::open(bottom.provider.clone(), elsewhere).await.look().await;
                    self.evidence.known_elsewhere = Some(there.identity.is_ok());
                }
                Err(self.fail_aws("identity", &error))
            }
        }
    }

    fn clock(&mut self, offset: Option<i64>, identity: &Result<Identity, AwsError>) -> Result<(), Stop> {
        let Some(offset) = offset else {
            if let Err(error) = identity {
                return Err(self.fail_aws("network", error));
            }
            self.note("clock", "AWS's answer has no time");
            return Ok(());
        };
        let seen = format!("this machine's clock is {} AWS's", clock(offset).replace(" ahead", " ahead of"));
        match offset.abs() {
            size if size > CLOCK_LIMIT => {
                let seen = ClockOff(seen);
                Err(self.fail("clock", Some(&Trouble::Clock), &seen))
            }
            size if size > CLOCK_NOTE => {
                self.note("clock", seen);
                Ok(())
            }
            _ => {
                self.good("clock", "right");
                Ok(())
            }
        }
    }

    fn kind(&mut self, request: &Request<'_>, identity: &Identity) -> Result<(), Stop> {
        request::admit(identity, None, request.allow_root).map_err(|error| self.fail_with("kind", &error))?;
        let seen = if identity.is_root() {
            "the root user; --allow-root was given"
        } else if identity.user().is_some() {
            "a user"
        } else if identity.arn.contains(":assumed-role/") {
            "a role"
        } else {
            "a federated identity"
        };
        self.good("kind", seen);
        Ok(())
    }

    /// Managed credentials differ from all others: GetSessionToken refuses every session with AccessDenied, but theirs
    /// as unknown.
    async fn cloud9(&mut self, bottom: &Bottom, sts: &Sts) -> Result<(), Stop> {
        if session::is_long_term(&bottom.credentials) {
            self.good("cloud9", if self.evidence.cloud9.is_empty() { "no" } else { "yes, with your own key" });
            return Ok(());
        }
        match sts.refusal_of_sessions().await {
            Some(error) if error.is("InvalidClientTokenId") => {
                self.evidence.cloud9.push("GetSessionToken does not know it".to_owned());
                Err(self.fail_aws("cloud9", &error))
            }
            _ if self.evidence.cloud9.is_empty() => {
                self.good("cloud9", "no");
                Ok(())
            }
            _ => {
                // There are signs of Cloud9, but these are not its managed credentials.
                self.evidence.cloud9.clear();
                self.good("cloud9", "yes, with your own credentials");
                Ok(())
            }
        }
    }

    async fn mfa(&mut self, request: &Request<'_>, bottom: &Bottom, identity: &Identity) -> Result<(), Stop> {
        let chain = request.chain;
        let long_term = session::is_long_term(&bottom.credentials);
        match session::way(chain, long_term) {
            Way::Session(serial) => {
                let alone = Chain { roles: Vec::new(), mfa_serial: Some(serial.clone()), ..chain.clone() };
                let request = copy(request, &alone);
                let opened = session::open(&request).await.map_err(|error| self.fail_with("mfa", &error))?;
                self.evidence.mfa = Some(opened.mfa == Mfa::Yes);
                let ends = opened.ends.map(|ends| format!(" until {ends:.0}")).unwrap_or_default();
                self.good("mfa", format!("a session opened with a code of {serial}{ends}"));
            }
            Way::Role(serial) => self.good("mfa", format!("a code of {serial} goes to the role")),
            Way::Plain if !long_term && identity.user().is_some() => {
                return self.user_session(request, bottom, identity).await;
            }
            Way::Plain if long_term => self.note("mfa", "no device is named (`mfa_serial`): the key alone is enough"),
            Way::Plain => self.good("mfa", "up to the source of these credentials"),
        }
        Ok(())
    }

    /// Only IAM shows whether a user's session was opened with a code: it accepts no other.
    async fn user_session(&mut self, request: &Request<'_>, bottom: &Bottom, identity: &Identity) -> Result<(), Stop> {
        let target = Target { region: request.region.to_owned(), ..Target::default() };
        match Aws::open_as(&target, bottom.provider.clone()).await.mfa_devices(identity.user()).await {
            Err(error) if error.concerns_credentials() => Err(self.fail_aws("mfa", &error)),
            Ok(_) => {
                self.evidence.mfa = Some(true);
                self.good("mfa", "IAM accepts the session, so a code opened it");
                Ok(())
            }
            Err(error) => {
                self.note("mfa", format!("unknown: IAM could not be asked ({})", error.code));
                Ok(())
            }
        }
    }

    async fn roles(&mut self, request: &Request<'_>) -> Result<Opened, Stop> {
        let opened = session::open(request).await.map_err(|error| self.fail_with("role", &error))?;
        match opened.roles.last() {
            Some(role) => self.good("role", role.clone()),
            None => self.good("role", "none is requested"),
        }
        Ok(opened)
    }

    async fn account(&mut self, request: &Request<'_>, opened: &Opened) -> Result<(), Stop> {
        let Some(wanted) = request.account else { return Ok(()) };
        let look = Sts::open(opened.provider.clone(), request.region).await.look().await;
        let identity = look.identity.map_err(|error| self.fail_aws("account", &error))?;
        let admitted = request::admit(&identity, Some(wanted), request.allow_root);
        admitted.map_err(|error| self.fail_with("account", &error))?;
        self.evidence.arn = Some(identity.arn);
        self.good("account", format!("{wanted}, the environment's"));
        Ok(())
    }

    /// A policy that requires MFA shows at the first call to another service.
    async fn stacks(&mut self, patient: &Patient<'_>, opened: &Opened) -> Result<(), Stop> {
        let Some(stack) = &patient.stack else { return Ok(()) };
        let target = Target { region: patient.request.region.to_owned(), ..Target::default() };
        let found = Aws::open_as(&target, opened.provider.clone()).await.stack(stack).await;
        match found.map_err(|error| self.fail_aws("stacks", &error))? {
            Some(_) => self.good("stacks", format!("{stack} can be read")),
            None => self.good("stacks", format!("can be read; {stack} does not exist yet")),
        }
        Ok(())
    }
}

/// What the clock's check shows; its fix is in the table.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{0}")]
struct ClockOff(String);

/// The device that a code would come from.
fn serial(chain: &Chain) -> Option<&str> {
    let first = chain.roles.first().and_then(|role| role.mfa_serial.as_deref());
    first.or(chain.mfa_serial.as_deref())
}

/// The region of the partition that is always enabled.
fn main_region(request: &Request<'_>) -> &'static str {
    match request.partition() {
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        _ => "us-east-1",
    }
}

/// The same request for another chain.
fn copy<'a>(request: &Request<'a>, chain: &'a Chain) -> Request<'a> {
    Request { chain, code: request.code.clone(), program: request.program.clone(), ..*request }
}
