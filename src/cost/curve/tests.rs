use proptest::prelude::*;

use crate::cost::decimal::dec;

use super::*;

fn shape(text: &str) -> PricedTemplate {
    let document = Arc::new(Document::parse("shape", text).unwrap());
    PricedTemplate { document, inputs: Inputs { region: "eu-west-1".to_owned(), ..Inputs::default() } }
}

fn footprint(tenants_per_cell: u32, connections: u32) -> Footprint {
    let cell = shape(
        "Resources:\n  Balancer: { Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: { Type: application } }\n  \
         Cluster: { Type: AWS::RDS::DBCluster, Properties: { Engine: aurora-postgresql, \
         ServerlessV2ScalingConfiguration: { MinCapacity: 0.5, MaxCapacity: 4 } } }\n  \
         One: { Type: AWS::RDS::DBInstance, Properties: { DBClusterIdentifier: !Ref Cluster, DBInstanceClass: db.serverless } }\n",
    );
    let task = shape(
        "Resources:\n  Definition: { Type: AWS::ECS::TaskDefinition, Properties: { Cpu: 256, Memory: 1024, \
         RuntimePlatform: { CpuArchitecture: ARM64 } } }\n  \
         Service: { Type: AWS::ECS::Service, Properties: { TaskDefinition: !Ref Definition, LaunchType: FARGATE, DesiredCount: 1 } }\n",
    );
    let dedicated = Demand { target_groups: 1, rules: 1, certificates: 0, connections: 16 };
    let pooled = Demand { target_groups: 0, rules: 1, certificates: 0, connections: 0 };
    let kind = |tier: &str, isolation, own: Vec<PricedTemplate>, demand, vcpu| TenantKind {
        tier: tier.to_owned(),
        isolation,
        own,
        demand,
        vcpu_on_demand: vcpu,
        vcpu_spot: Decimal::ZERO,
    };
    Footprint {
        region: "eu-west-1".to_owned(),
        usage: Usage::of(Profile::none()),
        environment: vec![shape(
            "Resources:\n  Zone: { Type: AWS::Route53::HostedZone, Properties: { Name: a.example } }\n",
        )],
        cells: [cell.clone(), cell],
        kinds: vec![
            kind("pooled", Isolation::Pooled, Vec::new(), pooled, Decimal::ZERO),
            kind("dedicated", Isolation::Dedicated, vec![task], dedicated, dec!(0.25)),
        ],
        room: Room::of_empty_cell(tenants_per_cell, connections, 0),
        pool_on_demand: Decimal::ZERO,
        pool_spot: Decimal::ZERO,
        vcpu_quota: dec!(6),
    }
}

#[test]
fn a_cell_opens_where_a_quota_says_so_and_the_step_says_which() {
    let steps = |footprint: &Footprint, kind| {
        let curve = footprint.curve(&vec![kind; 250], &PriceTable::embedded());
        curve.steps.into_iter().map(|step| (step.tenants, step.reason)).collect::<Vec<_>>()
    };
    let of_tenants = steps(&footprint(90, 5000), 0);
    assert_eq!(of_tenants.iter().map(|(tenants, _)| *tenants).collect::<Vec<_>>(), [91, 181]);
    assert!(of_tenants[0].1.contains("tenants_per_cell"), "{of_tenants:?}");
    let of_connections = steps(&footprint(90, 823), 1);
    assert_eq!(of_connections[0].0, 25, "{of_connections:?}");
    assert!(of_connections[0].1.contains("L-3032A538"), "{of_connections:?}");
    assert_eq!(of_connections[1].0, (823 - 823 / 5) / 16 + 1);
    assert!(of_connections[1].1.contains("connections"), "{of_connections:?}");
    assert!(steps(&footprint(200, 5000), 1).iter().any(|(tenants, reason)| *tenants == 99 && reason.contains("rules")));
}

#[test]
fn a_step_adds_a_load_balancer_and_a_database() {
    let curve = footprint(90, 5000).curve(&[0; 91], &PriceTable::embedded());
    let step = &curve.steps[0];
    assert!(step.adds_usd.expected > dec!(60), "{step:?}");
    let before = curve.points[89].total_usd.expected - curve.points[88].total_usd.expected;
    assert!(before < dec!(3), "{before}");
}

#[test]
fn break_even_is_the_first_number_of_tenants_that_pays() {
    let curve = footprint(90, 5000).curve(&[0; 200], &PriceTable::embedded());
    let revenue = |tenants: u32| Decimal::from(tenants) * dec!(15);
    let found = BreakEven::of(&curve, revenue);
    let at = found.expected.unwrap();
    let total = |tenants: u32| curve.points[usize::try_from(tenants).unwrap() - 1].total_usd.expected;
    assert!(revenue(at) >= total(at) && revenue(at - 1) < total(at - 1));
    assert!(found.low <= found.expected && found.expected <= found.high, "{found:?}");
    assert_eq!(BreakEven::of(&curve, |_| Decimal::ZERO).expected, None);
}

#[test]
fn kinds_keep_their_proportion_from_the_first_tenant_on() {
    let order = order(&[3, 1, 0], 40);
    assert_eq!(order.iter().filter(|kind| **kind == 1).count(), 10);
    assert!(!order.contains(&2) && order[..4].contains(&1));
    assert!(super::order(&[0, 0], 5).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn more_tenants_never_lower_the_total(
        kinds in proptest::collection::vec(0_usize..2, 1..60), per_cell in 1_u32..98, connections in 20_u32..2000,
    ) {
        let curve = footprint(per_cell, connections).curve(&kinds, &PriceTable::embedded());
        prop_assert_eq!(curve.points.len(), kinds.len());
        for pair in curve.points.windows(2) {
            let (one, more) = (pair[0].total_usd, pair[1].total_usd);
            prop_assert!(more.low >= one.low && more.expected >= one.expected && more.high >= one.high);
        }
    }
}

#[test]
fn one_point_priced_alone_is_the_point_of_the_curve() {
    let (footprint, order) = (footprint(20, 823), super::order(&[2, 1], 70));
    let curve = footprint.curve(&order, &PriceTable::embedded());
    let (alone, unknown) = footprint.at(&order, &PriceTable::embedded());
    assert_eq!(curve.points.last(), Some(&alone));
    assert_eq!(curve.unknown, unknown);
}
