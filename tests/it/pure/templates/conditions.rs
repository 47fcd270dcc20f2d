//! What stands for given parameters: resources that are there, and those that are not.

use serde_json::{Value, json};

use super::evaluate::{Effective, text};
use super::workspace::{Files, rendered_variants};

fn kinds(effective: &Effective, kind: &str) -> usize {
    effective.of_type(kind).count()
}

fn imported(egress: &str) -> Files {
    Files::plain().environment(&format!(
        "network: {{ vpc: vpc-0a1b2c3d, egress: {egress}, public_subnets: [subnet-0a1b2c3d, subnet-0a1b2c3e], private_subnets: [subnet-0a1b2c3f, subnet-0a1b2c40] }}\n"
    ))
}

/// Every stack of every variant: no reference leads to a resource that is not there, every output that another stack takes exists,
/// every rule of the template holds, and a gate is where the stack says.
#[test]
fn every_stack_of_every_variant_can_stand() {
    for (name, rendered) in rendered_variants() {
        for stack in rendered.stacks.values() {
            let effective = rendered.effective(&stack.name);
            assert!(!effective.resources.is_empty(), "{name}: {}", stack.name);
            if let Some(gate) = stack.wait_condition {
                assert!(effective.has(gate.condition) && effective.outputs.contains_key(gate.passed), "{name}");
            }
        }
    }
}

/// Whether a resource waits, itself or by those it waits for, until another is there.
fn waits_for(effective: &Effective, id: &str, other: &str) -> bool {
    let resource = &effective.resources[id];
    let mut before = Vec::new();
    match resource.get("DependsOn") {
        Some(Value::String(one)) => before.push(one.clone()),
        Some(Value::Array(many)) => before.extend(many.iter().filter_map(|one| one.as_str().map(ToOwned::to_owned))),
        _ => {}
    }
    let mut referred = Vec::new();
    references(resource, &mut referred);
    before.extend(referred.into_iter().filter(|name| effective.has(name)));
    before.iter().any(|name| name == other || waits_for(effective, name, other))
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(name)) = map.get("Ref") {
                found.push(name.clone());
            }
            match map.get("Fn::GetAtt") {
                Some(Value::Array(path)) => found.extend(path.first().and_then(Value::as_str).map(ToOwned::to_owned)),
                Some(Value::String(path)) => found.extend(path.split('.').next().map(ToOwned::to_owned)),
                _ => {}
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn nothing_of_a_tenant_takes_traffic_before_its_modules_are_installed() {
    let rendered = Files::plain().environment("alarm_topic: arn:aws:sns:eu-west-1:012345678901:alarms\n").render();
    let tenant = rendered.effective("konta-prod-tenant-breadfree");
    for id in ["ListenerRule", "Service"] {
        assert!(waits_for(&tenant, id, "Installed"), "{id}");
    }
    for id in ["AccessPoint", "TaskDefinition", "TaskRole"] {
        assert!(!waits_for(&tenant, id, "Installed"), "{id}");
    }
    assert!(waits_for(&tenant, "Installed", "TaskDefinition"));
    for id in ["WebsocketTargetGroup", "WebsocketRule", "ScalingPolicy", "Aliases"] {
        assert!(!tenant.has(id), "{id}");
    }
}

/// CloudFormation updates no wait condition: a stack made with another one could not be updated any more.
#[test]
fn the_wait_conditions_are_what_they_always_were() {
    let rendered = Files::plain().render();
    let policy = json!({"ResourceSignal": {"Count": 1, "Timeout": "PT1H"}});
    let condition = |stack: &str, id: &str| rendered.stack(stack).document.resources()[id].clone();
    assert_eq!(
        condition("konta-prod-tenant-breadfree", "Installed"),
        json!({
            "Type": "AWS::CloudFormation::WaitCondition",
            "DependsOn": "TaskDefinition",
            "Metadata": {"konta:description": "The moment when the tenant's modules are installed"},
            "CreationPolicy": policy,
        })
    );
    assert_eq!(
        condition("konta-prod-cell-1", "PoolReady"),
        json!({
            "Type": "AWS::CloudFormation::WaitCondition",
            "Condition": "HasPool",
            "DependsOn": ["DatabaseInstanceA", "MountTargetA", "MountTargetB"],
            "Metadata": {"konta:description": "The moment when the pool's role and its registry are in the database"},
            "CreationPolicy": policy,
        })
    );
}

#[test]
fn workers_bring_a_second_port_with_a_rule_before_the_tenants_own() {
    let rendered = Files::plain().render();
    let workers = [("Workers", "2"), ("WebsocketRulePriority", "4"), ("ListenerRulePriority", "5")];
    let tenant = rendered.effective_with("konta-prod-tenant-breadfree", &workers);
    assert!(tenant.has("WebsocketTargetGroup") && tenant.has("WebsocketRule"));
    assert_eq!(tenant.properties("Service")["LoadBalancers"].as_array().unwrap().len(), 2);
    let conditions = tenant.properties("WebsocketRule")["Conditions"].as_array().unwrap();
    assert_eq!(conditions[1]["PathPatternConfig"]["Values"], json!(["/websocket"]));
    let unplaced =
        std::panic::catch_unwind(|| rendered.effective_with("konta-prod-tenant-breadfree", &[("Workers", "2")]));
    assert!(unplaced.is_err(), "workers without a place for their rule are refused by the template");
}

#[test]
fn the_pool_stands_only_where_somebody_is_pooled_and_waits_for_its_database() {
    let rendered = Files::plain().environment("alarm_topic: arn:aws:sns:eu-west-1:012345678901:alarms\n").render();
    let pool = |e: &Effective| {
        [
            "PoolAccessPoint",
            "PoolTaskRole",
            "PoolTaskDefinition",
            "PoolReady",
            "PoolTargetGroup",
            "PoolRule",
            "PoolService",
            "PoolHealthAlarm",
            "PoolMemoryAlarm",
        ]
        .map(|id| e.has(id))
    };
    let cell = "konta-prod-cell-1";
    let with = rendered.effective(cell);
    assert_eq!(pool(&with), [true; 9]);
    assert!(waits_for(&with, "PoolService", "PoolReady") && waits_for(&with, "PoolReady", "DatabaseInstanceA"));
    let none = Files::plain().without("tenants/artista.yml").render();
    assert_eq!(pool(&none.effective(cell)), [false; 9]);
    assert!(none.stack(cell).wait_condition.is_none());
}

#[test]
fn alarms_stand_only_where_somebody_is_told() {
    for (lines, cell, tenant) in [("", 0, 0), ("alarm_topic: arn:aws:sns:eu-west-1:012345678901:alarms\n", 4, 2)] {
        let rendered = Files::plain().environment(lines).render();
        let count = |stack: &str| kinds(&rendered.effective(stack), "AWS::CloudWatch::Alarm");
        assert_eq!((count("konta-prod-cell-1"), count("konta-prod-tenant-breadfree")), (cell, tenant), "{lines}");
    }
}

/// Section 14: public addresses, one gateway, or one a zone.
#[test]
fn tasks_reach_the_internet_the_way_the_manifest_says() {
    for (egress, gateways, address) in
        [("public-ip", 0, "ENABLED"), ("nat", 1, "DISABLED"), ("nat-per-az", 2, "DISABLED")]
    {
        let rendered = Files::plain().environment(&format!("network: {{ egress: {egress} }}\n")).render();
        let environment = rendered.effective("konta-prod");
        assert_eq!(kinds(&environment, "AWS::EC2::NatGateway"), gateways, "{egress}");
        assert_eq!(kinds(&environment, "AWS::EC2::EIP"), gateways, "{egress}");
        assert_eq!(environment.outputs["AssignPublicIp"], address);
        let subnets = if gateways == 0 { "Public" } else { "Task" };
        let expected = format!("<konta-prod/{subnets}SubnetA>,<konta-prod/{subnets}SubnetB>");
        assert_eq!(environment.outputs["TaskSubnetIds"], json!(expected));
        for (stack, id) in [("konta-prod-cell-1", "PoolService"), ("konta-prod-tenant-breadfree", "Service")] {
            let network =
                rendered.effective(stack).properties(id)["NetworkConfiguration"]["AwsvpcConfiguration"].clone();
            assert_eq!(network["AssignPublicIp"], address, "{egress} {stack}");
            assert_eq!(network["Subnets"].as_array().unwrap().len(), 2);
            assert_eq!(network["SecurityGroups"], json!(["<konta-prod/TaskSecurityGroup.GroupId>"]));
        }
        if gateways > 0 {
            let second = environment.properties("TaskDefaultRouteB")["NatGatewayId"].clone();
            assert_eq!(second, format!("<konta-prod/NatGateway{}>", if gateways == 2 { "B" } else { "A" }));
        }
        assert_eq!(kinds(&environment, "AWS::EC2::VPCEndpoint"), 1, "images come from S3 beside the gateway");
    }
}

#[test]
fn an_imported_network_is_used_and_nothing_is_made_in_its_place() {
    for (egress, tasks, address) in [
        ("public-ip", "subnet-0a1b2c3d,subnet-0a1b2c3e", "ENABLED"),
        ("nat", "subnet-0a1b2c3f,subnet-0a1b2c40", "DISABLED"),
    ] {
        let rendered = imported(egress).render();
        let environment = rendered.effective("konta-prod");
        let made: Vec<_> = environment
            .resources
            .iter()
            .filter(|(_, r)| {
                let kind = r["Type"].as_str().unwrap();
                kind.starts_with("AWS::EC2::") && !kind.starts_with("AWS::EC2::SecurityGroup")
            })
            .collect();
        assert!(made.is_empty(), "{made:?}");
        assert_eq!(environment.outputs["VpcId"], "vpc-0a1b2c3d");
        assert_eq!(environment.outputs["TaskSubnetIds"], tasks);
        assert_eq!(environment.outputs["AssignPublicIp"], address);
        assert!(!environment.outputs.contains_key("DataZones"), "nobody knows the zones of subnets that are imported");
        let cell = rendered.effective("konta-prod-cell-1");
        assert!(cell.properties("DatabaseInstanceA").get("AvailabilityZone").is_none());
        assert_eq!(cell.properties("MountTargetB")["SubnetId"], "subnet-0a1b2c40");
    }
}

#[test]
fn an_imported_certificate_is_shown_and_none_is_made() {
    let arn = "arn:aws:acm:eu-west-1:012345678901:certificate/11111111-2222-3333-4444-555555555555";
    let rendered = Files::plain().environment(&format!("certificate: {arn}\n")).render();
    assert!(!rendered.effective("konta-prod").has("Certificate"));
    let cell = rendered.effective("konta-prod-cell-1");
    assert_eq!(cell.properties("HttpsListener")["Certificates"][0]["CertificateArn"], arn);
}

#[test]
fn the_wildcard_leads_to_the_first_cell_and_tenants_of_another_have_a_name_of_their_own() {
    let two = "tier: catalogue\nhosts: [artista.konta.shop]\ncell: 2\n";
    let rendered = Files::plain()
        .dedicated("cell: 2\n")
        .tenant("artista", two)
        .tenant("third", "tier: production\nhosts: [third.konta.shop]\ncell: 1\n")
        .render();
    assert_eq!(rendered.effective("konta-prod-cell-1").properties("Alias")["Name"], "*.konta.shop");
    assert!(!rendered.effective("konta-prod-cell-2").has("Alias"));
    for tenant in ["artista", "breadfree"] {
        let effective = rendered.effective(&format!("konta-prod-tenant-{tenant}"));
        let group = effective.properties("Aliases");
        assert_eq!(group["HostedZoneId"], "<konta-prod-dns/HostedZone>");
        let alias = &group["RecordSets"][0];
        assert_eq!(alias["Name"], format!("{tenant}.konta.shop"));
        assert_eq!(alias["AliasTarget"]["DNSName"], "<konta-prod-cell-2/LoadBalancer.DNSName>");
        assert_eq!(alias["AliasTarget"]["HostedZoneId"], "<konta-prod-cell-2/LoadBalancer.CanonicalHostedZoneID>");
        assert_eq!(effective.properties("ListenerRule")["ListenerArn"], "<konta-prod-cell-2/HttpsListener>");
    }
    assert!(!rendered.effective("konta-prod-tenant-third").has("Aliases"));
}

/// Section 5: what the wildcard record does not lead to the tenant has a record of its own, in the zone that holds its name.
#[test]
fn every_host_of_a_tenant_has_a_name_that_leads_to_its_own_cell() {
    let names = |hosts: &str, cell: u32| {
        let tenant = format!("tier: catalogue\nhosts: [{hosts}]\ncell: {cell}\n");
        let effective = Files::plain().tenant("artista", &tenant).render().effective("konta-prod-tenant-artista");
        let mut names: Vec<String> = effective
            .of_type("AWS::Route53::RecordSet")
            .map(|(_, p)| format!("{} in {}", text(&p["Name"]), text(&p["HostedZoneId"])))
            .collect();
        for (_, group) in effective.of_type("AWS::Route53::RecordSetGroup") {
            let zone = text(&group["HostedZoneId"]);
            let records = group["RecordSets"].as_array().unwrap();
            names.extend(records.iter().map(|record| format!("{} in {zone}", text(&record["Name"]))));
        }
        names.sort();
        names
    };
    let own = "<konta-prod-dns/HostedZone>";
    assert!(names("a.konta.shop, b.konta.shop", 1).is_empty(), "the wildcard leads there");
    let both = [format!("a.konta.shop in {own}"), format!("b.konta.shop in {own}")];
    assert_eq!(names("a.konta.shop, b.konta.shop", 2), both);
    assert_eq!(names("konta.shop", 1), [format!("konta.shop in {own}")], "a wildcard is not the domain itself");
    let elsewhere = "{ host: www.a.es, hosted_zone: Z1 }";
    assert_eq!(names(&format!("{elsewhere}, b.konta.shop"), 1), ["www.a.es in Z1"]);
    assert_eq!(
        names(&format!("{elsewhere}, b.konta.shop"), 2),
        [format!("b.konta.shop in {own}"), "www.a.es in Z1".into()]
    );
}

#[test]
fn hosts_that_change_places_leave_their_names_as_they_are() {
    let aliases = |hosts: &str| {
        let tenant = format!("tier: catalogue\nhosts: [{hosts}]\ncell: 2\n");
        let rendered = Files::plain().tenant("artista", &tenant).render();
        rendered.effective("konta-prod-tenant-artista").properties("Aliases").clone()
    };
    assert_eq!(aliases("a.konta.shop, b.konta.shop"), aliases("b.konta.shop, a.konta.shop"));
    let one = aliases("a.konta.shop");
    assert_eq!(aliases("a.konta.shop, b.konta.shop")["RecordSets"][0], one["RecordSets"][0]);
}

#[test]
fn a_tenants_own_cluster_stands_in_for_the_cells() {
    let rendered = Files::plain().dedicated("database: dedicated\n").render();
    let tenant = rendered.effective("konta-prod-tenant-breadfree");
    let own = "konta-prod-addon-breadfree-aurora";
    let container = &tenant.properties("TaskDefinition")["ContainerDefinitions"][0];
    let host = container["Environment"].as_array().unwrap().iter().find(|v| v["Name"] == "PGHOST").unwrap();
    assert_eq!(host["Value"], format!("<{own}/Database.Endpoint.Address>"));
    assert!(rendered.stack("konta-prod-tenant-breadfree").depends_on.contains(&own.to_owned()));
    let names: Vec<_> = container["Environment"].as_array().unwrap().iter().map(|v| text(&v["Name"])).collect();
    assert!(!names.iter().any(|name| name.starts_with("DATABASE_")), "it is the database, not a variable: {names:?}");
    let cluster = rendered.effective(own);
    assert_eq!(
        cluster.properties("Database")["VpcSecurityGroupIds"],
        json!(["<konta-prod/DatabaseSecurityGroup.GroupId>"])
    );
    assert!(cluster.properties("DatabaseSubnetGroup")["SubnetIds"].as_array().unwrap().len() == 2);
}

#[test]
fn spot_comes_after_the_tasks_kept_on_demand() {
    for (lines, base, weights) in
        [("", "0", ["0", "1"]), ("tasks: 2\non_demand: 1\n", "1", ["0", "1"]), ("spot: false\n", "0", ["1", "0"])]
    {
        let tenant = Files::plain().dedicated(lines).render().effective("konta-prod-tenant-breadfree");
        let strategy = &tenant.properties("Service")["CapacityProviderStrategy"];
        assert_eq!(text(&strategy[0]["Base"]), base, "{lines}");
        assert_eq!([0, 1].map(|n| text(&strategy[n]["Weight"])), weights, "{lines}");
    }
}

/// Section 3: the two providers belong to the cluster before a service asks for them.
#[test]
fn a_cluster_knows_both_kinds_of_capacity_and_bills_no_insights() {
    let environment = Files::plain().render().effective("konta-prod");
    let capacity = environment.properties("ClusterCapacity");
    assert_eq!(capacity["CapacityProviders"], json!(["FARGATE", "FARGATE_SPOT"]));
    assert_eq!(capacity["Cluster"], "<konta-prod/Cluster>");
    assert_eq!(
        environment.properties("Cluster")["ClusterSettings"],
        json!([{"Name": "containerInsights", "Value": "disabled"}])
    );
}

/// Section 14: nobody but a load balancer reaches a task, and nobody but a task the data.
#[test]
fn security_groups_let_visitors_to_the_load_balancer_and_no_further() {
    for (name, rendered) in rendered_variants() {
        let environment = rendered.effective("konta-prod");
        let open = |group: &Value| {
            group["SecurityGroupIngress"].as_array().into_iter().flatten().filter(|r| r.get("CidrIp").is_some()).count()
        };
        for (id, group) in environment.of_type("AWS::EC2::SecurityGroup") {
            assert_eq!(open(group), if id == "LoadBalancerSecurityGroup" { 2 } else { 0 }, "{name}: {id}");
        }
        for (id, ingress) in environment.of_type("AWS::EC2::SecurityGroupIngress") {
            assert_eq!(
                ingress["SourceSecurityGroupId"], "<konta-prod/LoadBalancerSecurityGroup.GroupId>",
                "{name}: {id}"
            );
            assert_eq!(ingress["GroupId"], "<konta-prod/TaskSecurityGroup.GroupId>", "{name}: {id}");
        }
        for (id, port) in [("DatabaseSecurityGroup", 5432), ("FileSystemSecurityGroup", 2049)] {
            let rules = environment.properties(id)["SecurityGroupIngress"].as_array().unwrap();
            assert_eq!(rules.len(), 1);
            assert_eq!((&rules[0]["FromPort"], &rules[0]["ToPort"]), (&json!(port), &json!(port)));
            assert_eq!(rules[0]["SourceSecurityGroupId"], "<konta-prod/TaskSecurityGroup.GroupId>");
        }
    }
}

/// Section 11: exact subjects, the audience of the action, and nothing for whom no provider is named.
#[test]
fn a_pipeline_takes_the_deploy_role_by_its_exact_subject_only() {
    let role = |issuer: &str, provider: &str, subject: &str| {
        let lines = format!(
            "deploy_role: {{ provider: 'arn:aws:iam::012345678901:oidc-provider/{provider}', issuer: {issuer}, subjects: ['{subject}'] }}\n"
        );
        let environment = Files::plain().environment(&lines).render().effective("konta-prod");
        environment.properties("DeployRole")["AssumeRolePolicyDocument"]["Statement"][0].clone()
    };
    let github = role("github", "token.actions.githubusercontent.com", "repo:org/shop:ref:refs/heads/main");
    assert_eq!(
        github["Condition"],
        json!({"StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": ["repo:org/shop:ref:refs/heads/main"],
        }})
    );
    let gitlab = role("gitlab", "gitlab.com", "project_path:group/shop:ref_type:branch:ref:main");
    let subject = json!(["project_path:group/shop:ref_type:branch:ref:main"]);
    assert_eq!(gitlab["Condition"]["StringEquals"]["gitlab.com:sub"], subject);
    assert!(!Files::plain().render().effective("konta-prod").has("DeployRole"));
}
