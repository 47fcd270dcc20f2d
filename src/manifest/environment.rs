//! `environments/NAME.yml`: one footprint in one account and region.

use std::collections::BTreeMap;

use super::arn::{ArnForm, hosted_zone_id};
use super::database;
use super::diagnostic::Code;
use super::network;
use super::parse::Node;
use super::read::{Field, Fields, Reader, Refusal};
use super::workload;
use crate::model::{
    AccountId, BackupsKept, Certificate, DeployRole, Environment, EnvironmentName, FargateSize, HostName, HostedZone,
    PoolSettings, RegionName, TaskRange,
};

const KEYS: &[&str] = &[
    "environment",
    "account",
    "region",
    "domain",
    "hosted_zone",
    "certificate",
    "network",
    "database",
    "pool",
    "tenants_per_cell",
    "backups",
    "log_retention_days",
    "termination_protection",
    "permissions_boundary",
    "deploy_role",
    "alarm_topic",
    "tags",
];

/// Source: CloudWatch Logs API, `PutRetentionPolicy`.
const LOG_RETENTION_DAYS: &[u32] =
    &[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// Half a vCPU: Odoo's workers of many small shops are idle most of the time.
const DEFAULT_POOL_SIZE: (u32, u32) = (512, 2048);

/// Two, so that one may end (Spot, a bad host) while the other serves.
const DEFAULT_POOL_TASKS: u32 = 2;

/// The longest common name of a certificate. Source: ACM API, `RequestCertificate`.
pub(super) const LONGEST_COMMON_NAME: usize = 64;

/// AWS allows 50 tags; konta's own and those that CloudFormation adds need some of them.
const MOST_TAGS: usize = 40;

/// Reads an environment; `stem` is the file's name without `.yml`, `default_image` that of `konta.yml`.
pub(super) fn read(
    reader: &mut Reader<'_>,
    root: &Node,
    stem: &str,
    default_image: Option<&str>,
) -> Option<Environment> {
    let fields = reader.root(root, "environment", KEYS)?;
    let name = file_name(reader, &fields, root, "environment", stem, |text| Ok(EnvironmentName::new(text)?));
    let account = fields.required("account", "account: \"123456789012\"", reader);
    let account = account.and_then(|field| reader.checked(field, AccountId::new));
    let region = fields.required("region", "region: eu-west-1", reader);
    let region = region.and_then(|field| reader.checked(field, RegionName::new));
    let domain = fields.required("domain", "domain: example.com", reader);
    let domain = domain.and_then(|field| reader.checked(field, domain_name));
    let hosted_zone = fields.get("hosted_zone").map_or(Some(HostedZone::Create), |field| hosted_zone(reader, field));
    let network = fields.get("network").map_or_else(|| Some(network::default()), |field| network::read(reader, field));
    let database = match fields.get("database") {
        Some(field) => database::read(reader, field),
        None => database::default(),
    };
    let pool = pool(reader, fields.get("pool"), default_image);
    let tenants_per_cell = fields.get("tenants_per_cell").map_or(Some(90), |field| reader.whole(field, 1..=98));
    let backups = fields.get("backups").map_or(Some(BackupsKept::default()), |field| backups(reader, field));
    let log_retention_days = fields.get("log_retention_days").map_or(Some(30), |field| log_retention(reader, field));
    let termination_protection = fields.get("termination_protection").map_or(Some(true), |field| reader.flag(field));
    let tags = fields.get("tags").map_or_else(BTreeMap::new, |field| tags(reader, field));
    // What follows names things in the account and region, and cannot be checked without them.
    let (account, region) = (account?, region?);
    let in_account = Place { account: &account, region: &region };
    let certificate = in_account.certificate(reader, &fields);
    let permissions_boundary = in_account.permissions_boundary(reader, &fields);
    let deploy_role = fields.get("deploy_role").map(|field| in_account.deploy_role(reader, field));
    let alarm_topic = in_account.alarm_topic(reader, &fields);
    Some(Environment {
        name: name?,
        domain: domain?,
        hosted_zone: hosted_zone?,
        certificate: certificate?,
        network: network?,
        database: database?,
        pool: pool?,
        tenants_per_cell: tenants_per_cell?,
        backups: backups?,
        log_retention_days: log_retention_days?,
        termination_protection: termination_protection?,
        permissions_boundary,
        deploy_role: deploy_role.flatten(),
        alarm_topic,
        tags,
        account,
        region,
    })
}

/// The name of what a file describes: the file's own name, which the key inside may repeat but not change.
pub(super) fn file_name<T>(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    root: &Node,
    key: &str,
    stem: &str,
    check: impl FnOnce(&str) -> Result<T, Refusal>,
) -> Option<T> {
    let Some(field) = fields.get(key) else {
        return match check(stem) {
            Ok(name) => Some(name),
            Err(refusal) => {
                let help = format!("rename the file: {}", refusal.help);
                reader.add(refusal.code, &root.span, "the file's name", refusal.problem, help);
                None
            }
        };
    };
    let text = reader.text(field)?;
    let name = reader.taken(field, check(text))?;
    if text == stem {
        return Some(name);
    }
    let problem = format!("the file is called {stem}.yml, but its `{key}` is `{text}`");
    reader.refuse(field, Refusal::new(problem, format!("rename the file to {text}.yml, or write `{key}: {stem}`")));
    None
}

/// A domain whose wildcard fits in a certificate: `*.` and the domain are its common name.
fn domain_name(text: &str) -> Result<HostName, Refusal> {
    let domain = HostName::new(text)?;
    if domain.as_str().len() > LONGEST_COMMON_NAME - "*.".len() {
        let problem = format!("`{text}` has {} characters, too many for a certificate for *.{text}", text.len());
        return Err(Refusal::new(problem, "write a domain of at most 62 characters"));
    }
    Ok(domain)
}

fn hosted_zone(reader: &mut Reader<'_>, field: Field<'_>) -> Option<HostedZone> {
    reader.checked(field, |text| match text {
        "create" => Ok(HostedZone::Create),
        id => hosted_zone_id(id).map(HostedZone::Import),
    })
}

fn pool(reader: &mut Reader<'_>, field: Option<Field<'_>>, default_image: Option<&str>) -> Option<PoolSettings> {
    let (cpu, memory) = DEFAULT_POOL_SIZE;
    let (mut image, mut size, mut tasks) = (
        Some(default_image.unwrap_or_default().to_owned()),
        FargateSize::new(cpu, memory).ok(),
        Some(DEFAULT_POOL_TASKS),
    );
    if let Some(field) = field {
        let fields = reader.fields(field, "pool", &["image", "size", "tasks"])?;
        if let Some(field) = fields.get("image") {
            image = workload::image(reader, field);
        }
        if let Some(field) = fields.get("size") {
            size = workload::size(reader, field);
        }
        if let Some(field) = fields.get("tasks") {
            tasks = reader.whole(field, 1..=TaskRange::HIGHEST);
        }
    }
    Some(PoolSettings { image: image?, size: size?, tasks: tasks? })
}

/// How many backups are kept; a number that is left out has its default.
fn backups(reader: &mut Reader<'_>, field: Field<'_>) -> Option<BackupsKept> {
    let fields = reader.fields(field, "backups", &["daily", "weekly", "monthly"])?;
    let default = BackupsKept::default();
    let mut count = |key, default| fields.get(key).map_or(Some(default), |field| reader.whole(field, 0..=366));
    let (daily, weekly) = (count("daily", default.daily), count("weekly", default.weekly));
    Some(BackupsKept { daily: daily?, weekly: weekly?, monthly: count("monthly", default.monthly)? })
}

fn log_retention(reader: &mut Reader<'_>, field: Field<'_>) -> Option<u32> {
    let days = reader.whole(field, 1..=3653)?;
    if LOG_RETENTION_DAYS.contains(&days) {
        return Some(days);
    }
    let offered: Vec<String> = LOG_RETENTION_DAYS.iter().map(u32::to_string).collect();
    let help = format!("choose one of {}", offered.join(", "));
    reader.refuse(field, Refusal::new(format!("CloudWatch does not keep logs for {days} days"), help));
    None
}

/// Tags, within AWS's rules and without the keys that AWS and konta write themselves.
fn tags(reader: &mut Reader<'_>, field: Field<'_>) -> BTreeMap<String, String> {
    let fits = |text: &str, most: usize| {
        text.chars().count() <= most
            && text
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, ' ' | '_' | '.' | ':' | '/' | '=' | '+' | '-' | '@'))
    };
    let mut found = BTreeMap::new();
    for entry in reader.entries(field, "write `tags: { owner: shop-team }`") {
        let key = &entry.key.text;
        let lower = key.to_lowercase();
        if key.is_empty() || !fits(key, 128) || lower.starts_with("aws:") || lower.starts_with("konta:") {
            let help = "use up to 128 letters, digits, spaces and _.:/=+-@, not beginning with aws: or konta:";
            reader.add(Code::InvalidValue, &entry.key.span, "this key", format!("`{key}` cannot be a tag's key"), help);
        }
        let value = reader.checked(entry, |text| {
            let help = "use up to 256 letters, digits, spaces and _.:/=+-@";
            if fits(text, 256) {
                Ok(text.to_owned())
            } else {
                Err(Refusal::new("AWS refuses this value of a tag", help))
            }
        });
        found.extend(value.map(|value| (key.clone(), value)));
    }
    if found.len() > MOST_TAGS {
        reader.refuse(
            field,
            Refusal::new(format!("{} tags are too many", found.len()), format!("keep at most {MOST_TAGS}")),
        );
    }
    found
}

/// The account and region in which everything named must be.
struct Place<'e> {
    account: &'e AccountId,
    region: &'e RegionName,
}

impl Place<'_> {
    fn certificate(&self, reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Certificate> {
        let Some(field) = fields.get("certificate") else { return Some(Certificate::Create) };
        reader.checked(field, |text| match text {
            "create" => Ok(Certificate::Create),
            arn => certificate_form(self.account, self.region).check(arn).map(Certificate::Import),
        })
    }

    fn permissions_boundary(&self, reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<String> {
        let form = ArnForm { service: "iam", region: None, account: self.account, resource: "policy/" };
        reader.checked(fields.get("permissions_boundary")?, |text| form.check(text))
    }

    fn alarm_topic(&self, reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<String> {
        let form = ArnForm { service: "sns", region: Some(self.region), account: self.account, resource: "" };
        reader.checked(fields.get("alarm_topic")?, |text| form.check(text))
    }

    fn deploy_role(&self, reader: &mut Reader<'_>, field: Field<'_>) -> Option<DeployRole> {
        let fields = reader.fields(field, "deploy role", &["provider", "issuer", "subjects"])?;
        let form = ArnForm { service: "iam", region: None, account: self.account, resource: "oidc-provider/" };
        let example = format!("provider: arn:aws:iam::{}:oidc-provider/...", self.account);
        let provider = fields.required("provider", &example, reader);
        let provider = provider.and_then(|field| reader.checked(field, |text| form.check(text)));
        let issuer = fields.required("issuer", "issuer: github", reader);
        let issuer = issuer.and_then(|field| reader.word(field, &[("github", "github"), ("gitlab", "gitlab")]));
        let subjects = fields.required("subjects", "subjects: [\"repo:org/name:ref:refs/heads/main\"]", reader)?;
        let items = reader.items(subjects);
        if items.is_empty() && matches!(&subjects.node.kind, super::parse::Kind::Seq(_)) {
            reader.refuse(subjects, Refusal::new("the deploy role trusts no one", "name the pipeline's subject"));
        }
        let subjects = items.into_iter().filter_map(|item| reader.checked(item, subject)).collect();
        Some(DeployRole { provider: provider?, issuer: issuer?.to_owned(), subjects })
    }
}

/// The form of a certificate's ARN in an environment.
pub(super) fn certificate_form<'e>(account: &'e AccountId, region: &'e RegionName) -> ArnForm<'e> {
    ArnForm { service: "acm", region: Some(region), account, resource: "certificate/" }
}

/// A subject is trusted exactly as written: a `*` would let in every branch and every pull request; a comma would make
/// two subjects of it.
fn subject(text: &str) -> Result<String, Refusal> {
    if !text.is_empty() && text.len() <= 255 && text.chars().all(|c| c.is_ascii_graphic() && !"*?,{}".contains(c)) {
        return Ok(text.to_owned());
    }
    let help = "write each subject in full, without `*` or `,`, such as repo:org/name:ref:refs/heads/main";
    Err(Refusal::new(format!("`{text}` is not an exact subject"), help))
}
