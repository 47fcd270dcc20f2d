//! What a price hangs on beside the resource itself: its task, its cluster, its scaling, its subnets, its listeners.

use super::{priced, priced_with, quantity};
use konta::cost::Profile;

fn number(text: &str) -> rust_decimal::Decimal {
    text.parse().unwrap()
}

#[test]
fn a_service_without_a_strategy_takes_its_clusters() {
    let estimate = priced(
        "
Resources:
  Cluster: { Type: 'AWS::ECS::Cluster' }
  Capacity:
    Type: AWS::ECS::ClusterCapacityProviderAssociations
    Properties: { Cluster: !Ref Cluster, DefaultCapacityProviderStrategy: [{ CapacityProvider: FARGATE_SPOT, Weight: 1 }] }
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties: { Cpu: 1 vCPU, Memory: 2 GB, RuntimePlatform: { CpuArchitecture: ARM64 }, EphemeralStorage: { SizeInGiB: 50 } }
  Service: { Type: 'AWS::ECS::Service', Properties: { Cluster: !Ref Cluster, TaskDefinition: !Ref Task, DesiredCount: 3 } }
",
        "",
    );
    assert_eq!(quantity(&estimate, "FargateSpot-ARM-vCPU-Hours"), number("2190"));
    assert_eq!(quantity(&estimate, "FargateSpot-ARM-GB-Hours"), number("4380"));
    assert_eq!(quantity(&estimate, "Fargate-EphemeralStorage-GB-Hours"), number("65700"));
    assert_eq!(quantity(&estimate, "Fargate-ARM-GB-Hours"), number("0"));
}

#[test]
fn scaling_gives_a_range_from_its_least_to_its_most() {
    let template = "
Resources:
  Task: { Type: 'AWS::ECS::TaskDefinition', Properties: { Cpu: 256, Memory: 512 } }
  Service: { Type: 'AWS::ECS::Service', Properties: { LaunchType: FARGATE, TaskDefinition: !Ref Task } }
  Target:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    Properties: { MinCapacity: 1, MaxCapacity: 4, ResourceId: !Join ['/', [service, c, !GetAtt Service.Name]] }
  Policy: { Type: 'AWS::ApplicationAutoScaling::ScalingPolicy', Properties: { PolicyType: TargetTrackingScaling } }
";
    let estimate = priced(template, "");
    let cpu = estimate.items.iter().find(|item| item.usage_type() == "Fargate-vCPU-Hours:perCPU").unwrap();
    assert_eq!(
        (cpu.quantity.low, cpu.quantity.expected, cpu.quantity.high),
        (number("182.5"), number("182.5"), number("730"))
    );
    assert_eq!(quantity(&estimate, "CW:AlarmMonitorUsage"), number("2"), "target tracking makes two alarms");
    let half = priced(template, "resources: { Service: { tasks: 2, hours: 365, spot_share: 0.5 } }");
    assert_eq!(quantity(&half, "Fargate-vCPU-Hours:perCPU"), number("91.25"));
    assert_eq!(quantity(&half, "FargateSpot-vCPU-Hours"), number("91.25"));
}

#[test]
fn a_public_load_balancer_has_an_address_in_each_subnet_and_an_internal_one_none() {
    let balancer = |rest: &str| {
        let template = format!(
            "Resources: {{ L: {{ Type: 'AWS::ElasticLoadBalancingV2::LoadBalancer', Properties: {{ {rest} }} }} }}"
        );
        quantity(&priced(&template, ""), "PublicIPv4:InUseAddress")
    };
    assert_eq!(balancer("Subnets: [a, b, c]"), number("2190"));
    assert_eq!(balancer("Scheme: internal, Subnets: [a, b, c]"), number("0"));
    assert_eq!(
        balancer("Type: network, SubnetMappings: [{ SubnetId: a, AllocationId: x }, { SubnetId: b }]"),
        number("730")
    );
}

#[test]
fn the_capacity_units_are_those_of_the_dimension_that_needs_most() {
    let balancer =
        "Resources: { L: { Type: 'AWS::ElasticLoadBalancingV2::LoadBalancer', Properties: { Scheme: internal } } }";
    let usage = "resources: { L: { new_connections_per_second: 100, active_connections: 3000, processed_gb: 730, rule_evaluations_per_second: 500 } }";
    assert_eq!(quantity(&priced(balancer, usage), "LCUUsage:Application"), number("2920"));
}

#[test]
fn aurora_takes_capacity_for_each_instance_between_its_bounds_and_pauses_only_at_zero() {
    let cluster = |least: &str, storage: &str| {
        format!(
            "
Resources:
  Db: {{ Type: 'AWS::RDS::DBCluster', Properties: {{ Engine: aurora-postgresql, {storage} ServerlessV2ScalingConfiguration: {{ MinCapacity: {least}, MaxCapacity: 2 }} }} }}
  A: {{ Type: 'AWS::RDS::DBInstance', Properties: {{ DBInstanceClass: db.serverless, DBClusterIdentifier: !Ref Db }} }}
  B: {{ Type: 'AWS::RDS::DBInstance', Properties: {{ DBInstanceClass: db.serverless, DBClusterIdentifier: !Ref Db }} }}
"
        )
    };
    let usage = "ServerlessV2Usage:PostgreSQL";
    assert_eq!(quantity(&priced(&cluster("0.5", ""), ""), &format!("Aurora:{usage}")), number("730"));
    let paused = "resources: { Db: { acu: 1, awake_hours: 100 } }";
    assert_eq!(quantity(&priced(&cluster("0", ""), paused), &format!("Aurora:{usage}")), number("200"));
    let optimized =
        priced(&cluster("1", "StorageType: aurora-iopt1,"), "resources: { Db: { storage_gb: 10, io_millions: 99 } }");
    assert_eq!(quantity(&optimized, "Aurora:ServerlessV2IOOptimizedUsage:PostgreSQL"), number("1460"));
    assert_eq!(quantity(&optimized, "Aurora:IO-OptimizedStorageUsage"), number("10"));
    assert_eq!(quantity(&optimized, "Aurora:StorageIOUsage"), number("0"));
    // A thousand tenants need 20 ACU, but the template gives 2.
    let many = priced_with(&cluster("0.5", ""), "", Profile::tenants(1000, 0));
    assert_eq!(quantity(&many, &format!("Aurora:{usage}")), number("2920"));
}

#[test]
fn rds_is_priced_by_class_zones_and_storage() {
    let template = "
Resources:
  Db:
    Type: AWS::RDS::DBInstance
    Properties: { Engine: postgres, DBInstanceClass: db.t4g.medium, MultiAZ: true, AllocatedStorage: 50, StorageType: gp3, Iops: 3000 }
";
    let estimate = priced(template, "");
    // 730 h at 0.138 and 50 GB at 0.254.
    assert_eq!(estimate.total_usd.expected, number("113.44"));
    assert!(estimate.unknown.is_empty(), "{:?}", estimate.unknown);
}

#[test]
fn provisioned_throughput_and_endpoints_count_what_is_beyond_what_is_free() {
    let template = "
Resources:
  Files: { Type: 'AWS::EFS::FileSystem', Properties: { ThroughputMode: provisioned, ProvisionedThroughputInMibps: 10 } }
  Free: { Type: 'AWS::EC2::VPCEndpoint', Properties: { ServiceName: s3 } }
  Paid: { Type: 'AWS::EC2::VPCEndpoint', Properties: { VpcEndpointType: Interface, SubnetIds: [a, b] } }
";
    let estimate = priced(template, "resources: { Files: { standard_gb: 100 }, Paid: { processed_gb: 5 } }");
    assert_eq!(quantity(&estimate, "ProvisionedTP-MiBpsHrs"), number("5"));
    assert_eq!(quantity(&estimate, "VpcEndpoint-Hours"), number("1460"));
    assert!(estimate.free.iter().any(|free| free.resource == "Free"));
}

#[test]
fn what_hangs_on_what_is_not_known_is_unknown_and_costs_nothing_silently() {
    let template = "
Parameters: { Subnets: { Type: 'List<AWS::EC2::Subnet::Id>' }, On: { Type: String } }
Conditions: { Made: !Equals [!Ref On, 'yes'] }
Resources:
  L: { Type: 'AWS::ElasticLoadBalancingV2::LoadBalancer', Properties: { Subnets: !Ref Subnets } }
  Nat: { Type: 'AWS::EC2::NatGateway', Condition: Made }
  'Fn::ForEach::Loop': [X, [a], {}]
  Service: { Type: 'AWS::ECS::Service', Properties: { LaunchType: FARGATE, TaskDefinition: 'family:3' } }
";
    let estimate = priced(template, "");
    let reasons: Vec<_> =
        estimate.unknown.iter().map(|unknown| (unknown.resource.as_str(), unknown.reason.as_str())).collect();
    for (resource, part) in
        [("L", "Subnets"), ("Nat", "Made"), ("Fn::ForEach::Loop", "transform"), ("Service", "task definition")]
    {
        assert!(reasons.iter().any(|(id, reason)| *id == resource && reason.contains(part)), "{resource}: {reasons:?}");
    }
    assert_eq!(quantity(&estimate, "LoadBalancerUsage:Application"), number("730"), "what is known of it is priced");
}

#[test]
fn alarms_are_counted_by_metric_and_secrets_with_their_copies() {
    let template = "
Resources:
  One: { Type: 'AWS::CloudWatch::Alarm', Properties: { MetricName: m, Period: 60 } }
  Two:
    Type: AWS::CloudWatch::Alarm
    Properties: { Metrics: [{ Id: a, MetricStat: { Period: 300 } }, { Id: b, MetricStat: { Period: 300 } }, { Id: e, Expression: a/b }] }
  Secret: { Type: 'AWS::SecretsManager::Secret', Properties: { ReplicaRegions: [{ Region: eu-west-3 }] } }
  Fast: { Type: 'AWS::CloudWatch::Alarm', Properties: { MetricName: m, Period: 10 } }
";
    let estimate = priced(template, "");
    assert_eq!(quantity(&estimate, "CW:AlarmMonitorUsage"), number("3"));
    assert_eq!(quantity(&estimate, "AWSSecretsManager-Secrets"), number("2"));
    assert!(
        estimate.unknown.iter().any(|unknown| unknown.usage_type.as_deref() == Some("CW:HighResAlarmMonitorUsage"))
    );
}
