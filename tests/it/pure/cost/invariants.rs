//! What holds for every estimate.

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::{priced, priced_with};
use konta::cost::{Profile, Range};

fn service(strategy: &str, target: &str) -> String {
    format!(
        "
Resources:
  Task: {{ Type: 'AWS::ECS::TaskDefinition', Properties: {{ Cpu: '512', Memory: '1024' }} }}
  Service:
    Type: AWS::ECS::Service
    Properties:
      TaskDefinition: !Ref Task
      CapacityProviderStrategy: [{strategy}]
      NetworkConfiguration: {{ AwsvpcConfiguration: {{ AssignPublicIp: ENABLED }} }}
  Target:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    Properties: {{ ResourceId: !Sub 'service/c/${{Service.Name}}', {target} }}
"
    )
}

const FARGATE: &str = "{ CapacityProvider: FARGATE, Weight: 1 }";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn asleep_never_costs_more_than_awake(tasks in 1_u32..9, sleep in 0_u32..24, wake in 0_u32..24, days in 0_usize..4) {
        let days = ["MON-FRI", "*", "SAT,SUN", "2-4"][days];
        let action = |hour: u32, count: u32| format!(
            "{{ Schedule: 'cron(0 {hour} ? * {days} *)', ScalableTargetAction: {{ MinCapacity: {count}, MaxCapacity: {count} }} }}"
        );
        let bounds = format!("MinCapacity: {tasks}, MaxCapacity: {tasks}");
        let awake = priced(&service(FARGATE, &bounds), "");
        let both = format!("{bounds}, ScheduledActions: [{}, {}]", action(sleep, 0), action(wake, tasks));
        let asleep = priced(&service(FARGATE, &both), "");
        prop_assert!(asleep.unknown.is_empty(), "{:?}", asleep.unknown);
        prop_assert!(asleep.total_usd.expected <= awake.total_usd.expected);
        prop_assert!(awake.total_usd.expected > Decimal::ZERO);
    }

    #[test]
    fn spot_never_costs_more_than_on_demand(base in 0_u32..5, weight in 0_u32..5, spot in 1_u32..5, tasks in 1_u32..9) {
        let bounds = format!("MinCapacity: {tasks}, MaxCapacity: {tasks}");
        let mixed = format!(
            "{{ CapacityProvider: FARGATE, Base: {base}, Weight: {weight} }}, {{ CapacityProvider: FARGATE_SPOT, Weight: {spot} }}"
        );
        let mixed = priced(&service(&mixed, &bounds), "").total_usd.expected;
        prop_assert!(mixed <= priced(&service(FARGATE, &bounds), "").total_usd.expected);
    }

    #[test]
    fn the_parts_of_a_template_cost_what_the_whole_does(gb in 0_u32..2000, tasks in 0_u32..20, millions in 0_u32..50) {
        let parts = [
            "  Log: { Type: 'AWS::Logs::LogGroup' }\n".to_owned(),
            "  Files: { Type: 'AWS::EFS::FileSystem', Properties: { ThroughputMode: elastic } }\n".to_owned(),
            "  Nat: { Type: 'AWS::EC2::NatGateway' }\n".to_owned(),
            "  Db: { Type: 'AWS::RDS::DBCluster', Properties: { Engine: aurora-postgresql } }\n".to_owned(),
        ];
        let usage = format!(
            "types: {{ 'AWS::Logs::LogGroup': {{ ingested_gb: {gb} }}, 'AWS::EFS::FileSystem': {{ standard_gb: {gb}, read_gb: {tasks} }}, 'AWS::EC2::NatGateway': {{ processed_gb: {gb} }}, 'AWS::RDS::DBCluster': {{ storage_gb: {gb}, io_millions: {millions} }} }}"
        );
        let whole = priced(&format!("Resources:\n{}", parts.concat()), &usage).total_usd;
        let sum: Range = parts.iter().map(|part| priced(&format!("Resources:\n{part}"), &usage).total_usd).sum();
        prop_assert_eq!(whole, sum);
    }

    #[test]
    fn more_tenants_never_lower_the_shared_cost(catalogue in 0_u32..500, production in 0_u32..500) {
        let template = "Resources:\n  Files: { Type: 'AWS::EFS::FileSystem', Properties: { ThroughputMode: elastic } }\n  Lb: { Type: 'AWS::ElasticLoadBalancingV2::LoadBalancer', Properties: { Subnets: [a, b] } }\n  Db: { Type: 'AWS::RDS::DBCluster', Properties: { Engine: aurora-postgresql, ServerlessV2ScalingConfiguration: { MinCapacity: 0.5, MaxCapacity: 64 } } }\n  DbA: { Type: 'AWS::RDS::DBInstance', Properties: { DBInstanceClass: db.serverless, DBClusterIdentifier: !Ref Db } }\n";
        let of = |catalogue, production| priced_with(template, "", Profile::tenants(catalogue, production)).total_usd;
        let (fewer, more) = (of(catalogue, production), of(catalogue + 1, production + 1));
        prop_assert!(fewer.low <= more.low && fewer.expected <= more.expected && fewer.high <= more.high);
    }

    #[test]
    fn a_currency_only_scales(gb in 1_u32..5000, rate in 1_i64..300) {
        let rate = Decimal::new(rate, 2);
        let estimate = priced("Resources: { B: { Type: 'AWS::S3::Bucket' } }", &format!("resources: {{ B: {{ standard_gb: {gb} }} }}"));
        let scaled: Range = estimate.items.iter().map(|item| item.monthly_usd * rate).sum();
        prop_assert_eq!(scaled, estimate.total_usd * rate);
    }
}

#[test]
fn a_working_week_of_twelve_hours_is_sixty_of_168() {
    let actions = "MinCapacity: 1, MaxCapacity: 1, ScheduledActions: [\
        { Schedule: 'cron(0 8 ? * MON-FRI *)', Timezone: Europe/Madrid, ScalableTargetAction: { MinCapacity: 1, MaxCapacity: 1 } }, \
        { Schedule: 'cron(0 20 ? * MON-FRI *)', Timezone: Europe/Madrid, ScalableTargetAction: { MinCapacity: 0, MaxCapacity: 0 } }]";
    let estimate = priced(&service(FARGATE, actions), "");
    let hours = super::quantity(&estimate, "PublicIPv4:InUseAddress");
    assert_eq!(hours.round_dp(4).to_string(), "260.7143");
}

#[test]
fn the_assumption_that_moves_most_stands_first() {
    let template = "Resources:\n  Log: { Type: 'AWS::Logs::LogGroup' }\n";
    let usage = "resources: { Log: { ingested_gb: { low: 1, expected: 2, high: 3 }, stored_gb: { low: 0, expected: 50, high: 90 } } }";
    let estimate = priced(template, usage);
    let swings: Vec<_> =
        estimate.assumptions.iter().map(|a| (a.field.as_str(), a.swing_usd.normalize().to_string())).collect();
    // 90 GB at 0.03 against two at 0.57.
    assert_eq!(swings, [("stored_gb", "2.7".to_owned()), ("ingested_gb", "1.14".to_owned())]);
    assert_eq!(estimate.most_moving().unwrap().field, "stored_gb");
}
