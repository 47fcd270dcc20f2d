//! Anything may be in a template: there is an estimate or an error, and never a panic.

use konta::cost::evaluate::Inputs;
use konta::cost::{PriceTable, Profile, Usage, estimate};
use konta::template::Document;
use proptest::prelude::*;
use serde_json::{Value, json};

const TYPES: &[&str] = &[
    "AWS::ECS::Service",
    "AWS::ECS::TaskDefinition",
    "AWS::ECS::Cluster",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::EC2::NatGateway",
    "AWS::EC2::EIP",
    "AWS::EC2::VPCEndpoint",
    "AWS::EFS::FileSystem",
    "AWS::S3::Bucket",
    "AWS::Logs::LogGroup",
    "AWS::CloudWatch::Alarm",
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::SecretsManager::Secret",
    "AWS::SSM::Parameter",
    "AWS::KMS::Key",
    "AWS::Route53::HostedZone",
    "AWS::WAFv2::WebACL",
    "AWS::Lambda::Function",
    "AWS::Nobody::Knows",
];

const KEYS: &[&str] = &[
    "Type",
    "Scheme",
    "Subnets",
    "SubnetMappings",
    "Cpu",
    "Memory",
    "TaskDefinition",
    "DesiredCount",
    "LaunchType",
    "Cluster",
    "CapacityProviderStrategy",
    "CapacityProvider",
    "Base",
    "Weight",
    "RuntimePlatform",
    "CpuArchitecture",
    "EphemeralStorage",
    "SizeInGiB",
    "MinCapacity",
    "MaxCapacity",
    "ResourceId",
    "ScheduledActions",
    "Schedule",
    "ScalableTargetAction",
    "Engine",
    "DBInstanceClass",
    "DBClusterIdentifier",
    "ServerlessV2ScalingConfiguration",
    "AllocatedStorage",
    "StorageType",
    "Iops",
    "MultiAZ",
    "ThroughputMode",
    "ProvisionedThroughputInMibps",
    "VpcEndpointType",
    "SubnetIds",
    "Metrics",
    "Period",
    "Tier",
    "Rules",
    "MemorySize",
    "Condition",
    "NetworkConfiguration",
    "AwsvpcConfiguration",
    "AssignPublicIp",
];

const FUNCTIONS: &[&str] = &[
    "Ref",
    "Fn::GetAtt",
    "Fn::If",
    "Fn::Sub",
    "Fn::Join",
    "Fn::Split",
    "Fn::Select",
    "Fn::FindInMap",
    "Fn::Cidr",
    "Fn::Length",
    "Fn::GetAZs",
    "Fn::ImportValue",
    "Fn::ToJsonString",
    "Fn::Transform",
    "Fn::ForEach::X",
    "Fn::Base64",
    "Fn::Equals",
    "Fn::And",
    "Fn::Or",
    "Fn::Not",
    "Condition",
    "Fn::Odd",
];

const TEXTS: &[&str] = &[
    "",
    "A",
    "B",
    "C",
    "P",
    "FARGATE",
    "FARGATE_SPOT",
    "ENABLED",
    "Interface",
    "elastic",
    "provisioned",
    "network",
    "gateway",
    "aurora-postgresql",
    "postgres",
    "db.serverless",
    "db.t4g.micro",
    "gp3",
    "cron(0 8 ? * MON-FRI *)",
    "cron(* * * * * *)",
    "at(2027-01-01T00:00:00)",
    "${A}",
    "${",
    "${A.B}-${!x}",
    "1 vCPU",
    "0.5 GB",
    "10.0.0.0/8",
    "::/0",
    "1e28",
    "-1e28",
    "79228162514264337593543950335",
    "NaN",
    "256",
    "0",
    "true",
    ",",
    "AWS::NoValue",
    "AWS::Region",
    "service/x/${A.Name}",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        (0_u32..300).prop_map(Value::from),
        prop::sample::select(TEXTS).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            (prop::sample::select(FUNCTIONS), inner.clone()).prop_map(|(name, argument)| json!({ name: argument })),
            (prop::sample::select(FUNCTIONS), prop::collection::vec(inner.clone(), 0..4))
                .prop_map(|(name, arguments)| json!({ name: arguments })),
            prop::collection::vec((prop::sample::select(KEYS), inner), 0..5).prop_map(|entries| {
                Value::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            }),
        ]
    })
}

fn resource() -> impl Strategy<Value = Value> {
    let properties = prop::collection::vec((prop::sample::select(KEYS), value()), 0..10);
    prop_oneof![
        12 => (prop::sample::select(TYPES), properties).prop_map(|(kind, properties)| {
            let properties: serde_json::Map<String, Value> =
                properties.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
            json!({ "Type": kind, "Properties": properties, "Condition": "C" })
        }),
        1 => value(),
    ]
}

fn template() -> impl Strategy<Value = Value> {
    (resource(), resource(), resource(), value(), value(), value()).prop_map(|(a, b, d, condition, default, mapping)| {
        json!({
            "Parameters": { "P": { "Type": "CommaDelimitedList", "Default": default } },
            "Mappings": { "M": mapping },
            "Conditions": { "C": { "Fn::Or": [{ "Fn::Equals": ["1", "1"] }, condition] }, "D": { "Condition": "D" } },
            "Resources": { "A": a, "B": b, "E": d },
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_template_has_an_estimate_whose_items_sum_up(template in template()) {
        let document = Document::from_value(template);
        let inputs = Inputs { region: "eu-west-1".to_owned(), ..Inputs::default() };
        let usage = Usage::of(Profile::general());
        let estimate = estimate::of_document("t", &document, &inputs, &usage, &PriceTable::embedded()).unwrap();
        let sum: konta::cost::Range = estimate.items.iter().map(|item| item.monthly_usd).sum();
        prop_assert_eq!(sum, estimate.total_usd);
        prop_assert!(estimate.items.iter().all(|item| item.quantity.is_believable()), "{:?}", estimate.items);
    }

    #[test]
    fn any_value_for_a_template_is_an_estimate_or_an_error(value in value()) {
        let document = Document::from_value(value);
        let inputs = Inputs { region: "eu-west-1".to_owned(), ..Inputs::default() };
        let usage = Usage::of(Profile::general());
        let _ = estimate::of_document("t", &document, &inputs, &usage, &PriceTable::embedded());
    }

    #[test]
    fn any_text_for_a_usage_file_is_read_or_refused(text in "[a-z_{}:, 0-9.\n-]{0,80}") {
        let _ = Usage::parse("u", &text, Profile::none());
        let _ = Usage::parse("u", &format!("resources: {{ A: {{ lcu: {text} }} }}"), Profile::none());
    }

    #[test]
    fn any_text_for_a_template_is_read_or_refused(text in "[A-Za-z!{}\\[\\]:, &*0-9.\n-]{0,120}") {
        let _ = Document::parse("t", &text);
    }
}
