//! The session with AWS in which a verb works, or with the sandbox, which it starts.

use jiff::{SignedDuration, Timestamp};

use crate::auth::request::{self, Request};
use crate::auth::session::{self, Opened};
use crate::aws::{Aws, Target};
use crate::deploy::preflight;
use crate::model::{Certificate, Environment, HostName, HostedZone, Vpc, Workspace};
use crate::operation::Polling;
use crate::report::message;
use crate::sandbox;
use crate::sandbox::imports::{ImportedVpc, ImportedZone, Imports};
use crate::stack::LoadedWorkspace;

use super::context::Context;
use super::credentials::Gathered;
use super::error::CommandError;

/// A session with the right account.
#[derive(Debug)]
pub struct Session {
    /// The clients.
    pub aws: Aws,
    /// The account.
    pub account: String,
    /// How often to ask AWS.
    pub polling: Polling,
    /// The port on 127.0.0.1 at which a sandbox that runs tasks answers visits to any tenant's address.
    pub visits: Option<u16>,
    /// Where the credentials come from; `None` in the sandbox.
    pub opened: Option<(Gathered, Opened)>,
}

impl Context {
    /// A session in the environment's region, with the environment's account. Starts the sandbox when it is asked for.
    pub async fn session(&self, loaded: &LoadedWorkspace, environment: &Environment) -> Result<Session, CommandError> {
        let root = &loaded.root;
        if !self.global().sandbox {
            return self.session_with_aws(environment).await;
        }
        sandbox::take_for_existing(root, &imports(&loaded.workspace, environment))?;
        let say = |text: &str| message::note(self.palette(), text);
        let wanted = sandbox::Wanted {
            account: environment.account.as_str(),
            region: environment.region.as_str(),
            with_odoo: self.global().with_odoo,
        };
        let running = sandbox::start(root, wanted, &say).await?;
        let target = Target {
            region: environment.region.to_string(),
            profile: None,
            sandbox_runs_tasks: running.odoo.is_some(),
            endpoint: Some(running.endpoint),
        };
        let aws = Aws::open(&target).await;
        let account = preflight::account(&aws, environment).await?;
        Ok(Session { aws, account, polling: Polling::sandbox(), opened: None, visits: running.https_port })
    }

    /// Asks for a code now if one is needed, before anything is planned.
    async fn session_with_aws(&self, environment: &Environment) -> Result<Session, CommandError> {
        let account = environment.account.as_str();
        let gathered = Gathered::of(self, Some(environment.region.as_str()))?;
        let opened = session::open(&Request { account: Some(account), ..gathered.request() }).await?;
        let profile = gathered.chain.profile.clone();
        let target = Target { region: environment.region.to_string(), profile, ..Target::default() };
        let aws = Aws::open_as(&target, opened.provider.clone()).await;
        let identity = aws.identity().await?;
        request::admit(&identity, Some(account), self.global().allow_root)?;
        Ok(Session {
            aws,
            account: identity.account,
            polling: Polling::aws(),
            opened: Some((gathered, opened)),
            visits: None,
        })
    }

    /// Makes sure that the session outlasts work that begins now: warns if it would not, and opens a new one if it can
    /// get a code.
    pub async fn outlast(&self, session: &mut Session, work: SignedDuration) -> Result<(), CommandError> {
        let Some((gathered, opened)) = &mut session.opened else { return Ok(()) };
        let now = Timestamp::now();
        let Some(ends) = opened.ends.filter(|ends| *ends < now + work) else { return Ok(()) };
        let (left, work) = (ends.duration_since(now).as_mins(), work.as_mins());
        let warn = |what: &str| {
            let text = format!("the session ends in {left} minutes, but this may take {work} minutes: {what}");
            message::warning(self.palette(), &text);
        };
        let request = gathered.request_anew();
        if opened.session.is_some() && request.code_source().is_some() {
            warn("konta opens a new one first");
            return Ok(session::renew(&request, opened).await?);
        }
        warn("AWS continues by itself; log in again and run the same command to attach to it");
        Ok(())
    }
}

/// What the environment and its tenants import: certificates, zones, a VPC.
fn imports(workspace: &Workspace, environment: &Environment) -> Imports {
    let mut imports = Imports::default();
    if let Certificate::Import(arn) = &environment.certificate {
        imports.certificates.push(arn.clone());
    }
    if let HostedZone::Import(id) = &environment.hosted_zone {
        imports.hosted_zones.push(ImportedZone { id: id.clone(), name: environment.domain.to_string() });
    }
    if let Vpc::Import { id, public_subnets, private_subnets } = &environment.network.vpc {
        imports.vpcs.push(ImportedVpc {
            id: id.clone(),
            // The manifest does not say it; any range works, because the sandbox routes nothing.
            cidr: "10.0.0.0/16".to_owned(),
            public_subnets: public_subnets.clone(),
            private_subnets: private_subnets.clone(),
        });
    }
    for host in workspace.tenants_of(&environment.name).flat_map(|tenant| &tenant.hosts) {
        imports.certificates.extend(host.certificate.clone());
        imports.hosted_zones.extend(host.hosted_zone.clone().map(|id| ImportedZone { id, name: parent(&host.host) }));
    }
    imports
}

/// The domain above a host: most likely the name of its zone.
fn parent(host: &HostName) -> String {
    let name = host.as_str();
    name.split_once('.').filter(|(_, rest)| rest.contains('.')).map_or(name, |(_, rest)| rest).to_owned()
}
