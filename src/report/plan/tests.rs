use crate::report::Palette;
use crate::stack::{
    Action, Plan, PlanSource, PropertyChange, Replacement, ResourceAction, ResourceChange, Risk, StackPlan, ValueChange,
};

use super::plan_text;

fn resource(id: &str, kind: &str, description: &str, action: ResourceAction) -> ResourceChange {
    ResourceChange {
        logical_id: id.into(),
        resource_type: kind.into(),
        description: description.into(),
        action,
        replacement: Replacement::Never,
        properties: Vec::new(),
        risk: Risk::None,
    }
}

fn stack(title: &str, name: &str, action: Action, source: PlanSource) -> StackPlan {
    StackPlan {
        stack: name.into(),
        title: title.into(),
        action,
        source,
        parameters: Vec::new(),
        tags: Vec::new(),
        resources: Vec::new(),
        risk: Risk::None,
        steps: Vec::new(),
        notes: Vec::new(),
    }
}

fn property(path: &str, before: Option<&str>, after: Option<&str>) -> PropertyChange {
    PropertyChange {
        path: path.into(),
        before: before.map(Into::into),
        after: after.map(Into::into),
        replacement: Replacement::Never,
    }
}

fn value(name: &str, before: Option<&str>, after: Option<&str>) -> ValueChange {
    ValueChange {
        name: name.into(),
        before: before.map(Into::into),
        after: after.map(Into::into),
        known_later: after.is_none(),
    }
}

fn plan(stacks: Vec<StackPlan>) -> Plan {
    Plan {
        environment: "prod".into(),
        account: Some("123456789012".into()),
        region: "eu-west-1".into(),
        online: true,
        stacks,
        notes: Vec::new(),
    }
}

fn cell() -> StackPlan {
    let mut cell = stack("cell 1", "konta-prod-cell-1", Action::Create, PlanSource::New);
    let add = |id, kind, description| resource(id, kind, description, ResourceAction::Add);
    cell.resources = vec![
        add("LoadBalancer", "AWS::ElasticLoadBalancingV2::LoadBalancer", "The load balancer of the cell"),
        add("Cluster", "AWS::RDS::DBCluster", "The database cluster"),
        add("Writer", "AWS::RDS::DBInstance", "Writer (AWS::RDS::DBInstance)"),
    ];
    cell.parameters = vec![value("VpcId", None, Some("vpc-1"))];
    cell.steps = vec!["prepare the template database".into()];
    cell.notes = vec![
        "ListenerArn is known only after konta-prod is deployed, so what depends on it cannot be compared yet".into(),
    ];
    cell
}

fn breadfree() -> StackPlan {
    let mut tenant = stack("tenant breadfree", "konta-prod-tenant-breadfree", Action::Update, PlanSource::ChangeSet);
    let mut task =
        resource("TaskDefinition", "AWS::ECS::TaskDefinition", "The task definition", ResourceAction::Modify);
    task.replacement = Replacement::Always;
    task.risk = Risk::Replacement;
    let image = |digest: char| format!("odoo@sha256:{}", digest.to_string().repeat(64));
    task.properties = vec![
        PropertyChange { replacement: Replacement::Always, ..property("Properties.Cpu", Some("256"), Some("512")) },
        property("Properties.Image", Some(&image('a')), Some(&image('b'))),
        property(
            "Properties.ContainerDefinitions",
            Some(r#"[{"Name":"odoo","Essential":true,"Memory":512,"User":"odoo"}]"#),
            Some(r#"[{"Name":"odoo","Essential":true,"Memory":1024,"User":"odoo"}]"#),
        ),
        property("Properties.RuntimePlatform", None, Some("ARM64")),
    ];
    let old = resource(
        "OldRule",
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        "OldRule (AWS::ElasticLoadBalancingV2::ListenerRule)",
        ResourceAction::Remove,
    );
    tenant.resources = vec![task, old];
    tenant.parameters = vec![value("Cpu", Some("256"), Some("512")), value("ListenerArn", Some("arn:1"), None)];
    tenant.tags = vec![value("konta:tier", Some("catalogue"), Some("production"))];
    tenant
}

#[test]
fn new_stacks_are_counted_by_service_and_changed_ones_told_property_by_property() {
    let unchanged = stack("environment prod", "konta-prod", Action::Nothing, PlanSource::New);
    let text = plan_text(&plan(vec![unchanged, cell(), breadfree()]), false, 80, Palette::plain());
    insta::assert_snapshot!(text, @r#"
    Plan for prod (account 123456789012, eu-west-1)

    + cell 1  konta-prod-cell-1  create
        3 resources: 2 RDS, 1 ElasticLoadBalancingV2
        step: prepare the template database
        note: ListenerArn is known only after konta-prod is deployed, so what
              depends on it cannot be compared yet

    ~ tenant breadfree  konta-prod-tenant-breadfree  update  [from a change set]
        ~ The task definition (TaskDefinition)  replaced  ! short gap
            Cpu: 256 → 512  (replaces it)
            Image:
              - odoo@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
              + odoo@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
            ContainerDefinitions:
                    "Essential": true,
              -     "Memory": 512,
              +     "Memory": 1024,
                    "Name": "odoo",
            RuntimePlatform: ARM64
        - OldRule (AWS::ElasticLoadBalancingV2::ListenerRule)  removed
        parameters
          ~ Cpu: 256 → 512
          ~ ListenerArn: arn:1 → (known later)
        tags
          ~ konta:tier: catalogue → production

    = environment prod  konta-prod  unchanged

    1 to create, 1 to update, 1 unchanged.
    ! 1 resource without data may be replaced; there may be a short gap.
    "#);
}

#[test]
fn verbose_names_the_resources_of_new_stacks() {
    let text = plan_text(&plan(vec![cell()]), true, 100, Palette::plain());
    insta::assert_snapshot!(text, @"
    Plan for prod (account 123456789012, eu-west-1)

    + cell 1  konta-prod-cell-1  create
        3 resources: 2 RDS, 1 ElasticLoadBalancingV2
        + The load balancer of the cell (LoadBalancer)
        + The database cluster (Cluster)
        + Writer (AWS::RDS::DBInstance)
        step: prepare the template database
        note: ListenerArn is known only after konta-prod is deployed, so what depends on it cannot be
              compared yet

    1 to create.
    ");
}

#[test]
fn data_loss_is_said_at_the_stack_the_resource_and_the_end() {
    let mut cell = stack("cell 1", "konta-prod-cell-1", Action::Update, PlanSource::Template);
    let mut cluster = resource("Cluster", "AWS::RDS::DBCluster", "The database cluster", ResourceAction::Modify);
    cluster.replacement = Replacement::Conditional;
    cluster.risk = Risk::DataLoss;
    cluster.properties = vec![property("Properties.Engine", Some("aurora-postgresql"), None)];
    cell.resources = vec![cluster];
    cell.risk = Risk::DataLoss;
    let plan = plan(vec![cell]);
    insta::assert_snapshot!(plan_text(&plan, false, 80, Palette::plain()), @"
    Plan for prod (account 123456789012, eu-west-1)

    ~ cell 1  konta-prod-cell-1  update  [from the templates; replacements are a guess]  ! DATA LOSS
        ~ The database cluster (Cluster)  changed, perhaps replaced  ! DATA LOSS
            its data is lost, unless it is retained or snapshotted
            Engine: aurora-postgresql → (none)

    1 to update.
    ! DATA LOSS: 1 resource that holds data would be replaced or removed; konta
      refuses to do this.
    ");
    let coloured = plan_text(&plan, false, 80, Palette::coloured());
    assert!(coloured.contains("\u{1b}[31m\u{1b}[1m! DATA LOSS"), "{coloured:?}");
    assert_eq!(console::strip_ansi_codes(&coloured), plan_text(&plan, false, 80, Palette::plain()));
}

#[test]
fn many_unchanged_stacks_are_only_counted_and_a_plan_made_offline_says_so() {
    let stacks = (0..500).map(|i| stack("t", &format!("konta-prod-tenant-t{i}"), Action::Nothing, PlanSource::New));
    let mut plan = plan(stacks.collect());
    plan.online = false;
    plan.account = None;
    plan.notes = vec!["the prices are those of 2026-11-01".into()];
    insta::assert_snapshot!(plan_text(&plan, false, 80, Palette::plain()), @"
    Plan for prod (eu-west-1; AWS was not asked)

    = 500 stacks unchanged

    note: the prices are those of 2026-11-01

    Nothing to do: 500 unchanged.
    ");
}

#[test]
fn what_is_under_way_failed_or_goes_has_a_word_of_its_own() {
    let stacks = vec![
        stack("a", "s-a", Action::Attach, PlanSource::New),
        stack("b", "s-b", Action::Recreate, PlanSource::New),
        stack("c", "s-c", Action::Delete, PlanSource::New),
    ];
    insta::assert_snapshot!(plan_text(&plan(stacks), false, 80, Palette::plain()), @"
    Plan for prod (account 123456789012, eu-west-1)

    ! a  s-a  in progress: konta waits for it first

    ~ b  s-b  delete what its failed creation left, then create

    - c  s-c  delete

    1 to recreate, 1 to delete, 1 in progress.
    ");
}

#[test]
fn a_value_cannot_move_the_cursor() {
    let mut tenant = stack("t", "konta-prod-tenant-t", Action::Update, PlanSource::Template);
    tenant.parameters = vec![value("A", Some("x\u{1b}[2J"), Some("one\ntwo\u{7}"))];
    let text = plan_text(&plan(vec![tenant]), false, 80, Palette::plain());
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
}
