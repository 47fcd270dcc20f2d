//! What strangers write in templates: nothing of it is priced at 0 in silence, and nothing twice.

use konta::cost::{Estimate, Profile};
use konta::template::Document;

use super::{priced, priced_with, quantity};

fn number(text: &str) -> rust_decimal::Decimal {
    text.parse().unwrap()
}

/// The reasons why something of a resource has no cost.
fn reasons(estimate: &Estimate, resource: &str) -> String {
    let unknown = estimate.unknown.iter().filter(|unknown| unknown.resource == resource);
    unknown.map(|unknown| unknown.reason.as_str()).collect::<Vec<_>>().join("; ")
}

#[track_caller]
fn is_unknown(template: &str, resource: &str, part: &str) {
    let estimate = priced(template, "");
    let said = reasons(&estimate, resource);
    assert!(said.contains(part), "{resource}: {said:?} does not say {part:?}: {estimate:#?}");
}

const SILENT: &[&str] = &[
    "AWS::S3::Bucket",
    "AWS::ECR::Repository",
    "AWS::Backup::BackupVault",
    "AWS::Logs::LogGroup",
    "AWS::Lambda::Function",
    "AWS::ApiGatewayV2::Api",
    "AWS::SES::EmailIdentity",
    "AWS::EFS::FileSystem",
];

#[test]
fn what_costs_by_use_is_unknown_while_nobody_says_how_much() {
    for kind in SILENT {
        let template = format!("Resources: {{ R: {{ Type: '{kind}' }} }}");
        is_unknown(&template, "R", "its use is unknown");
        let general = priced_with(&template, "", Profile::general());
        let known = !general.items.is_empty() || general.unknown.iter().any(|unknown| unknown.usage_type.is_some());
        assert!(known && !general.assumptions.is_empty(), "{kind}: {general:?}");
    }
    let none = priced("Resources: { R: { Type: 'AWS::S3::Bucket' } }", "resources: { R: { standard_gb: 0 } }");
    assert!(none.unknown.is_empty() && none.free[0].reason.contains("says that none is used"), "{none:?}");
}

#[test]
fn backups_of_files_and_databases_are_assumed() {
    let template = "
Resources:
  Files: { Type: 'AWS::EFS::FileSystem', Properties: { BackupPolicy: { Status: ENABLED } } }
  Db: { Type: 'AWS::RDS::DBCluster', Properties: { Engine: aurora-postgresql, BackupRetentionPeriod: 7 } }
  Rds: { Type: 'AWS::RDS::DBInstance', Properties: { Engine: postgres, DBInstanceClass: db.t4g.micro, AllocatedStorage: 20, StorageType: gp3, BackupRetentionPeriod: 7 } }
";
    let estimate = priced_with(template, "", Profile::general());
    for resource in ["Files", "Db", "Rds"] {
        let found = estimate.assumptions.iter().find(|a| a.resource == resource && a.field == "backup_gb");
        assert!(found.is_some_and(|a| a.value.high > a.value.low), "{resource}: {:?}", estimate.assumptions);
    }
    assert!(reasons(&estimate, "Files").contains("no price for AWSBackup"), "{:?}", estimate.unknown);
    // 10 GB, a twentieth of which changes on each of seven days.
    assert_eq!(quantity(&estimate, "Aurora:BackupUsage"), number("3.5"));
    let said = priced_with(template, "types: { 'AWS::EFS::FileSystem': { backup_gb: 0 } }", Profile::general());
    assert_eq!(reasons(&said, "Files"), "");
}

#[test]
fn truth_is_read_by_the_words_of_yaml_1_1() {
    for (word, twice) in
        [("yes", true), ("on", true), ("y", true), ("True", true), ("'TRUE'", true), ("no", false), ("off", false)]
    {
        let template = format!(
            "Resources: {{ Db: {{ Type: 'AWS::RDS::DBInstance', Properties: {{ Engine: postgres, DBInstanceClass: db.t4g.micro, AllocatedStorage: 20, StorageType: gp3, MultiAZ: {word} }} }} }}"
        );
        let estimate = priced(&template, "");
        let hours = quantity(&estimate, "Multi-AZUsage:db.t4g.micro:PostgreSQL");
        assert_eq!(hours == number("730"), twice, "{word}: {estimate:?}");
    }
    is_unknown(
        "Resources: { Db: { Type: 'AWS::RDS::DBInstance', Properties: { Engine: postgres, DBInstanceClass: db.t4g.micro, AllocatedStorage: 20, MultiAZ: perhaps } } }",
        "Db",
        "neither true nor false",
    );
}

#[test]
fn databases_say_what_is_not_known_of_them() {
    let db = |properties: &str| {
        format!(
            "Resources: {{ Db: {{ Type: 'AWS::RDS::DBInstance', Properties: {{ Engine: postgres, DBInstanceClass: db.t4g.micro, StorageType: gp3, {properties} }} }} }}"
        )
    };
    is_unknown(&db("DBName: x"), "Db", "AllocatedStorage is missing");
    is_unknown(&db("AllocatedStorage: 1e15"), "Db", "at most 262144");
    is_unknown(&db("AllocatedStorage: -20"), "Db", "below zero");
    is_unknown(&db("AllocatedStorage: 20, DBClusterIdentifier: !Ref Db"), "Db", "which is not a cluster");
    is_unknown(&db("AllocatedStorage: 20, StorageThroughput: 250"), "Db", "GP3-Throughput");
    assert_eq!(reasons(&priced(&db("AllocatedStorage: 400, StorageThroughput: 500"), ""), "Db"), "");
    is_unknown(
        "Resources: { Db: { Type: 'AWS::RDS::DBCluster', Properties: { Engine: aurora-postgresql, EngineMode: serverless } } }",
        "Db",
        "Serverless v1",
    );
}

#[test]
fn alarms_on_queries_and_bands_are_no_plain_alarms() {
    let alarm = |metrics: &str| {
        format!("Resources: {{ A: {{ Type: 'AWS::CloudWatch::Alarm', Properties: {{ Metrics: [{metrics}] }} }} }}")
    };
    is_unknown(&alarm("{ Id: q, Expression: 'SELECT MAX(CPUUtilization) FROM \"AWS/EC2\"' }"), "A", "query");
    is_unknown(&alarm("{ Id: q, Expression: 'SUM(SEARCH(x))' }"), "A", "query");
    is_unknown(&alarm("{ Id: e, Expression: '1 + 1' }"), "A", "names a metric");
    let band = priced(
        &alarm("{ Id: m, MetricStat: { Period: 300 } }, { Id: b, Expression: 'ANOMALY_DETECTION_BAND(m, 2)' }"),
        "",
    );
    assert_eq!(quantity(&band, "CW:AlarmMonitorUsage"), number("3"));
}

#[test]
fn what_is_free_only_in_its_plain_form_is_unknown_in_the_other() {
    let one = |kind: &str, properties: &str| {
        format!("Resources: {{ R: {{ Type: '{kind}', Properties: {{ {properties} }} }} }}")
    };
    let kept = "ProvisionedConcurrencyConfig: { ProvisionedConcurrentExecutions: 2 }";
    is_unknown(&one("AWS::Lambda::Version", kept), "R", "provisioned concurrency");
    is_unknown(&one("AWS::Lambda::Alias", kept), "R", "provisioned concurrency");
    is_unknown(&one("AWS::Lambda::Function", "EphemeralStorage: { Size: 2048 }"), "R", "disk");
    is_unknown(&one("AWS::CertificateManager::Certificate", "CertificateExport: ENABLED"), "R", "exported");
    is_unknown(&one("AWS::CertificateManager::Certificate", "CertificateAuthorityArn: a"), "R", "private authority");
    let bots = "Rules: [{ Name: n, Statement: { ManagedRuleGroupStatement: { VendorName: AWS, Name: AWSManagedRulesBotControlRuleSet } } }]";
    is_unknown(&one("AWS::WAFv2::WebACL", bots), "R", "BotControl");
    for (kind, properties) in [
        ("AWS::Lambda::Alias", "Name: live"),
        ("AWS::CertificateManager::Certificate", "DomainName: example.org"),
        (
            "AWS::WAFv2::WebACL",
            "Rules: [{ Name: n, Statement: { ManagedRuleGroupStatement: { VendorName: AWS, Name: AWSManagedRulesCommonRuleSet } } }]",
        ),
    ] {
        assert_eq!(reasons(&priced(&one(kind, properties), ""), "R"), "", "{kind}");
    }
}

#[test]
fn a_scaling_target_is_found_by_the_names_it_says() {
    let template = "
Resources:
  Task: { Type: 'AWS::ECS::TaskDefinition', Properties: { Cpu: 256, Memory: 512, RuntimePlatform: { CpuArchitecture: arm64 } } }
  Service: { Type: 'AWS::ECS::Service', Properties: { ServiceName: web, Cluster: main, LaunchType: FARGATE, TaskDefinition: !Ref Task } }
  Target: { Type: 'AWS::ApplicationAutoScaling::ScalableTarget', Properties: { ResourceId: service/main/web, MinCapacity: 4, MaxCapacity: 4 } }
";
    let estimate = priced(template, "");
    // Four tasks of a quarter, and ARM in whatever case.
    assert_eq!(quantity(&estimate, "Fargate-ARM-vCPU-Hours:perCPU"), number("730"));
    let other = priced(&template.replace("service/main/web", "service/other/web"), "");
    assert_eq!(quantity(&other, "Fargate-ARM-vCPU-Hours:perCPU"), number("182.5"));
    is_unknown(&template.replace("arm64", "mips"), "Service", "neither X86_64 nor ARM64");
    is_unknown(&template.replace("Cpu: 256", "Cpu: 9999 vCPU"), "Service", "more than a Fargate task");
    is_unknown(&template.replace("MinCapacity: 4", "MinCapacity: -4"), "Service", "below zero");
}

#[test]
fn nothing_is_billed_that_is_not_there_or_twice() {
    let gateway = "Resources: { L: { Type: 'AWS::ElasticLoadBalancingV2::LoadBalancer', Properties: { Type: gateway, Subnets: [a, b] } } }";
    assert_eq!(quantity(&priced(gateway, ""), "PublicIPv4:InUseAddress"), number("0"));
    let mail = "Resources: { A: { Type: 'AWS::SES::EmailIdentity' }, B: { Type: 'AWS::SES::ConfigurationSet' } }";
    let estimate = priced(mail, "types: { 'AWS::SES::*': { emails: 10000 } }");
    assert_eq!(quantity(&estimate, "Recipients"), number("10000"));
    let named = priced(mail, "types: { 'AWS::SES::*': { emails: 10000 } }\nresources: { B: { emails: 5 } }");
    assert_eq!(quantity(&named, "Recipients"), number("10005"));
}

#[test]
fn throughput_and_capacity_are_held_to_what_there_is() {
    let files = |asked: &str| {
        format!(
            "Resources: {{ F: {{ Type: 'AWS::EFS::FileSystem', Properties: {{ ThroughputMode: provisioned, {asked} }} }} }}"
        )
    };
    is_unknown(&files("ProvisionedThroughputInMibps: -5"), "F", "below zero");
    is_unknown(&files("ProvisionedThroughputInMibps: 1e9"), "F", "at most 10240");
    is_unknown(&files("Encrypted: true"), "F", "missing");
    let cluster = "
Resources:
  Db: { Type: 'AWS::RDS::DBCluster', Properties: { Engine: aurora-postgresql, ServerlessV2ScalingConfiguration: { MinCapacity: 0.5, MaxCapacity: 4 } } }
  I: { Type: 'AWS::RDS::DBInstance', Properties: { DBInstanceClass: db.serverless, DBClusterIdentifier: !Ref Db } }
";
    let estimate = priced(cluster, "resources: { Db: { acu: 500 } }");
    assert_eq!(quantity(&estimate, "Aurora:ServerlessV2Usage:PostgreSQL"), number("2920"));
    let item = estimate.items.iter().find(|item| item.usage_type().contains("ServerlessV2")).unwrap();
    assert!(item.note.as_deref().is_some_and(|note| note.contains("is limited to")), "{item:?}");
}

#[test]
fn a_text_in_place_of_a_resource_is_told_as_what_it_is() {
    is_unknown("Resources: { Str: hello, Map: { Properties: {} } }", "Str", "it is not a resource");
    is_unknown("Resources: { Str: hello, Map: { Properties: {} } }", "Map", "it is not a resource");
}

#[test]
fn a_third_of_a_month_has_no_thirty_digits() {
    let template = |name: &str| {
        format!(
            "
  T{name}: {{ Type: 'AWS::ECS::TaskDefinition', Properties: {{ Cpu: 1024, Memory: 2048 }} }}
  S{name}:
    Type: AWS::ECS::Service
    Properties:
      TaskDefinition: !Ref T{name}
      DesiredCount: 1
      CapacityProviderStrategy: [{{ CapacityProvider: FARGATE, Weight: 1 }}, {{ CapacityProvider: FARGATE_SPOT, Weight: 2 }}]
"
        )
    };
    let estimate = priced(&format!("Resources:\n{}{}", template("a"), template("b")), "");
    for item in &estimate.items {
        assert!(item.quantity.expected.scale() <= 6, "{item:?}");
        assert!(serde_json::to_value(item).unwrap()["quantity"].is_number(), "{item:?}");
    }
    let both = quantity(&estimate, "Fargate-vCPU-Hours:perCPU") + quantity(&estimate, "FargateSpot-vCPU-Hours");
    assert_eq!(both, number("1460"));
}

#[test]
fn numbers_that_are_none_are_errors_and_no_zeros() {
    assert!(Document::parse("t", "Resources: { B: { Type: T, Properties: { X: .inf } } }").is_err());
}
