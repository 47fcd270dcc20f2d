//! The traps for a template that has only met an emulator, one test or more each: 1 to 6, how visits, rules and services fit together.

use konta::odoo::database;
use konta::template::compose::REGISTRY;
use konta::template::source::{MODULE_INIT, ODOO_CONF};
use serde_json::{Value, json};

use super::evaluate::text;
use super::workspace::{Files, rendered_variants};

fn variables(container: &Value) -> Vec<(String, Value)> {
    let entries = container["Environment"].as_array().unwrap();
    entries.iter().map(|e| (text(&e["Name"]), e["Value"].clone())).collect()
}

fn variable(container: &Value, name: &str) -> Option<Value> {
    variables(container).into_iter().find(|(n, _)| n == name).map(|(_, value)| value)
}

/// Trap 1. Section 1: the master user is no superuser; a statement a call, none of DDL in a transaction.
#[test]
fn a_role_is_granted_to_the_master_user_before_a_database_is_made_for_it() {
    let mut script = vec![database::create_role("shop")];
    script.extend(database::secure_role("shop", "SCRAM-SHA-256$4096:x"));
    script.push(database::create_database("shop", "shop"));
    script.extend(database::secure_database("shop", "shop"));
    let place = |start: &str| script.iter().position(|s| s.sql.starts_with(start)).unwrap_or_else(|| panic!("{start}"));
    let order = [
        place("CREATE ROLE \"shop\" LOGIN NOSUPERUSER"),
        place("GRANT \"shop\" TO CURRENT_USER"),
        place("CREATE DATABASE \"shop\" OWNER \"shop\""),
        place("REVOKE CONNECT, TEMPORARY ON DATABASE \"shop\" FROM PUBLIC"),
    ];
    assert!(order.is_sorted(), "{order:?}");
    script.push(database::create_registry(REGISTRY));
    script.extend(database::registry(REGISTRY, "konta_pool"));
    script.extend(database::join_pool("shop", "shop", "konta_pool"));
    script.extend([
        database::databases_of("shop", "shop"),
        database::drop_database("shop"),
        database::drop_role("shop"),
    ]);
    for statement in script {
        assert!(!statement.sql.contains(';') && !statement.sql.starts_with("BEGIN"), "{}", statement.sql);
        assert!(statement.sql.len() <= 65_536 && statement.database.len() <= 63, "{}", statement.sql);
    }
}

/// Trap 2. Section 4: the load balancer sends no X-Forwarded-Host, Odoo believes one.
#[test]
fn a_forged_host_is_refused_by_the_first_rule_and_overwritten_in_odoo() {
    let rendered = Files::plain().render();
    let cell = rendered.effective("konta-prod-cell-1");
    let rule = cell.properties("ForgedHostRule");
    assert_eq!(text(&rule["Priority"]), "1");
    assert_eq!(rule["ListenerArn"], "<konta-prod-cell-1/HttpsListener>");
    assert_eq!(rule["Conditions"][0]["Field"], "http-header");
    assert_eq!(
        rule["Conditions"][0]["HttpHeaderConfig"],
        json!({"HttpHeaderName": "X-Forwarded-Host", "Values": ["*"]})
    );
    assert_eq!(rule["Actions"][0]["FixedResponseConfig"]["StatusCode"], "400");
    for (stack, id) in [("konta-prod-cell-1", "PoolTaskDefinition"), ("konta-prod-tenant-breadfree", "TaskDefinition")]
    {
        let effective = rendered.effective(stack);
        let container = &effective.properties(id)["ContainerDefinitions"][0];
        let module = text(&variable(container, "KONTA_MODULE_INIT").unwrap());
        assert_eq!(module, MODULE_INIT);
        assert!(module.contains("environ['HTTP_X_FORWARDED_HOST'] = host"), "the module writes the header anew");
        assert!(module.contains("environ.pop('HTTP_X_FORWARDED_HOST', None)"), "or takes it away");
        let conf = text(&variable(container, "KONTA_ODOO_CONF").unwrap());
        assert_eq!(conf, ODOO_CONF);
        let options: Vec<&str> = conf.lines().filter(|line| !line.starts_with(';')).collect();
        assert!(options.contains(&"proxy_mode = True") && options.contains(&"list_db = False"), "{options:?}");
        let modules = options.iter().find(|line| line.starts_with("server_wide_modules")).unwrap();
        assert!(modules.ends_with("konta_routing"), "{modules}");
        assert!(!options.iter().any(|line| line.starts_with("dbfilter") || line.starts_with("db_name")), "{options:?}");
        let entry = text(&container["EntryPoint"][2]);
        for name in ["KONTA_MODULE_INIT", "KONTA_MODULE_MANIFEST", "KONTA_ODOO_CONF"] {
            assert!(entry.contains(name), "{stack} does not write {name}");
        }
    }
}

/// Section 4: spellings with an underscore reach Python as the same header, and the host must arrive as it was sent.
#[test]
fn the_load_balancer_drops_odd_headers_keeps_the_host_and_waits_for_long_reports() {
    let cell = Files::plain().render().effective("konta-prod-cell-1");
    let attributes = cell.properties("LoadBalancer")["LoadBalancerAttributes"].as_array().unwrap();
    let value = |key: &str| attributes.iter().find(|a| a["Key"] == key).map(|a| text(&a["Value"])).unwrap();
    assert_eq!(value("routing.http.drop_invalid_header_fields.enabled"), "true");
    assert_eq!(value("routing.http.preserve_host_header.enabled"), "true");
    assert_eq!(value("deletion_protection.enabled"), "true");
    let idle: u32 = value("idle_timeout.timeout_seconds").parse().unwrap();
    assert!((301..=4000).contains(&idle), "{idle}");
}

/// The pool tells visits apart by the registry, a tenant's own Odoo has one database.
#[test]
fn the_pool_has_a_registry_and_no_database_and_a_dedicated_tenant_the_reverse() {
    let rendered = Files::plain().render();
    let (cell, tenant) = (rendered.effective("konta-prod-cell-1"), rendered.effective("konta-prod-tenant-breadfree"));
    let pool = &cell.properties("PoolTaskDefinition")["ContainerDefinitions"][0];
    let own = &tenant.properties("TaskDefinition")["ContainerDefinitions"][0];
    assert_eq!(variable(pool, "KONTA_REGISTRY_DATABASE"), Some(json!(REGISTRY)));
    assert_eq!(variable(pool, "PGDATABASE"), None);
    assert_eq!(variable(own, "KONTA_REGISTRY_DATABASE"), None);
    assert_eq!(variable(own, "PGDATABASE"), Some(json!("breadfree")));
    assert_eq!(variable(pool, "PGSSLMODE"), Some(json!("require")));
    assert_eq!(variable(own, "PGSSLMODE"), Some(json!("require")));
    for container in [pool, own] {
        let names: Vec<_> = variables(container).into_iter().map(|(name, _)| name).collect();
        assert!(!names.iter().any(|name| name == "PGPASSWORD"), "{names:?}");
        let mut once = names.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), names.len(), "ECS refuses a name given twice: {names:?}");
    }
}

/// Trap 3. Section 4: a load balancer has 100 target groups, not one more.
#[test]
fn a_dedicated_tenant_takes_one_target_group_and_one_rule_and_a_pooled_one_a_rule_only() {
    let rendered = Files::plain().render();
    let count = |stack: &str, kind: &str| {
        rendered.effective(stack).of_type(&format!("AWS::ElasticLoadBalancingV2::{kind}")).count()
    };
    assert_eq!(count("konta-prod-tenant-breadfree", "TargetGroup"), 1);
    assert_eq!(count("konta-prod-tenant-breadfree", "ListenerRule"), 1);
    assert_eq!(count("konta-prod-tenant-artista", "TargetGroup"), 0);
    assert_eq!(count("konta-prod-tenant-artista", "ListenerRule"), 1);
    // What the cell keeps for itself is what placement takes off: one target group, two rules.
    assert_eq!((count("konta-prod-cell-1", "TargetGroup"), count("konta-prod-cell-1", "ListenerRule")), (1, 2));
}

/// Trap 4. Section 5: an undelegated zone in the same stack would hang the certificate for hours.
#[test]
fn the_zone_stands_in_a_stack_before_the_certificate_which_is_validated_in_its_bare_id() {
    let rendered = Files::plain().render();
    let zones = |stack: &str| rendered.effective(stack).of_type("AWS::Route53::HostedZone").count();
    assert_eq!((zones("konta-prod-dns"), zones("konta-prod")), (1, 0));
    assert!(rendered.stack("konta-prod").depends_on.contains(&"konta-prod-dns".to_owned()));
    let environment = rendered.effective("konta-prod");
    let certificate = environment.properties("Certificate");
    assert_eq!(certificate["ValidationMethod"], "DNS");
    let options = certificate["DomainValidationOptions"].as_array().unwrap();
    assert_eq!(options.len(), 2);
    for option in options {
        // A Ref of a zone is its bare id.
        assert_eq!(option["HostedZoneId"], "<konta-prod-dns/HostedZone>");
    }
    let imported = Files::plain().environment("hosted_zone: Z0123456789ABCDEFGHIJ\n").render();
    assert!(!imported.stacks.contains_key("konta-prod-dns"));
    let options = imported.effective("konta-prod").properties("Certificate")["DomainValidationOptions"].clone();
    assert_eq!(options[0]["HostedZoneId"], "Z0123456789ABCDEFGHIJ");
    let refused = Files::plain().environment("hosted_zone: /hostedzone/Z0123456789ABCDEFGHIJ\n").refusals();
    assert_eq!(refused.len(), 1, "{refused:?}");
}

/// Section 5: one option a domain, no more than ten names, none longer than 64.
#[test]
fn a_custom_host_gets_a_certificate_in_its_own_zone_or_shows_the_one_that_is_issued() {
    let rendered = &rendered_variants().iter().find(|(name, _)| *name == "custom hosts").unwrap().1;
    let tenant = rendered.effective("konta-prod-tenant-breadfree");
    let made: Vec<_> = tenant.of_type("AWS::CertificateManager::Certificate").map(|(_, p)| p).collect();
    assert_eq!(made.len(), 1);
    assert_eq!(made[0]["DomainName"], "www.breadfree.es");
    assert_eq!(
        made[0]["DomainValidationOptions"],
        json!([{"DomainName": "www.breadfree.es", "HostedZoneId": "Z0000000000000000001"}])
    );
    let shown: Vec<_> = tenant.of_type("AWS::ElasticLoadBalancingV2::ListenerCertificate").collect();
    assert_eq!(shown.len(), 2);
    assert!(shown.iter().all(|(_, p)| p["ListenerArn"] == "<konta-prod-cell-1/HttpsListener>"));
    let records: Vec<_> = tenant.of_type("AWS::Route53::RecordSet").map(|(_, p)| text(&p["Name"])).collect();
    assert_eq!(records, ["www.breadfree.es"]);
}

/// Trap 5. Section 3: such a role is made beside the templates, as a stack fails where it is there already.
#[test]
fn no_template_makes_a_service_linked_role_or_a_lambda_or_a_custom_resource() {
    for (name, rendered) in rendered_variants() {
        for stack in rendered.stacks.values() {
            for id in stack.document.resources().keys() {
                let kind = stack.document.resource_type(id);
                let bad = [
                    "AWS::IAM::ServiceLinkedRole",
                    "AWS::CloudFormation::CustomResource",
                    "AWS::Lambda::",
                    "Custom::",
                    "AWS::SSM::",
                ];
                assert!(!bad.iter().any(|bad| kind.starts_with(bad)), "{name}: {}/{id} is {kind}", stack.name);
            }
            assert!(stack.document.value().get("Transform").is_none());
        }
    }
}

/// Trap 6. Sections 3 and 4.
#[test]
fn a_service_waits_for_its_rule_gives_odoo_time_and_fails_fast() {
    for (name, rendered) in rendered_variants() {
        for stack in rendered.stacks.keys() {
            let effective = rendered.effective(stack);
            for (id, service) in effective.of_type("AWS::ECS::Service") {
                let label = format!("{name}: {stack}/{id}");
                let depends = match &effective.resources[id]["DependsOn"] {
                    Value::Array(ids) => ids.iter().map(text).collect(),
                    one => vec![text(one)],
                };
                assert!(
                    depends
                        .iter()
                        .any(|on| effective.resources[on]["Type"] == "AWS::ElasticLoadBalancingV2::ListenerRule"),
                    "{label} waits for {depends:?}"
                );
                assert!(depends.iter().all(|on| effective.has(on)), "{label} waits for {depends:?}");
                let grace: u32 = text(&service["HealthCheckGracePeriodSeconds"]).parse().unwrap();
                assert!(grace >= 60, "{label} gives Odoo {grace} s");
                let breaker = &service["DeploymentConfiguration"]["DeploymentCircuitBreaker"];
                assert_eq!(*breaker, json!({"Enable": true, "Rollback": true, "ResetOnHealthyTask": false}), "{label}");
                assert!(service.get("LaunchType").is_none() && service.get("ServiceName").is_none(), "{label}");
                // Section 13: a task's cost is its tenant's.
                assert_eq!(
                    (&service["PropagateTags"], &service["EnableECSManagedTags"]),
                    (&json!("SERVICE"), &json!(true))
                );
                assert_strategy(&label, &service["CapacityProviderStrategy"]);
                assert_drains(&label, &effective, service);
            }
        }
    }
}

/// Section 3: a weight above 0, one base only.
fn assert_strategy(label: &str, strategy: &Value) {
    let number = |entry: &Value, key: &str| entry.get(key).map_or(0, |n| text(n).parse::<u32>().unwrap());
    let entries = strategy.as_array().unwrap();
    assert!(entries.iter().any(|entry| number(entry, "Weight") > 0), "{label}: {strategy}");
    assert!(entries.iter().filter(|entry| number(entry, "Base") > 0).count() <= 1, "{label}: {strategy}");
    assert!(entries.iter().all(|e| e["CapacityProvider"] == "FARGATE" || e["CapacityProvider"] == "FARGATE_SPOT"));
}

fn assert_drains(label: &str, effective: &super::evaluate::Effective, service: &Value) {
    let id = |reference: &Value| text(reference).rsplit('/').next().unwrap().trim_end_matches('>').to_owned();
    let task = effective.properties(&id(&service["TaskDefinition"]));
    let stop: u32 = text(&task["ContainerDefinitions"][0]["StopTimeout"]).parse().unwrap();
    for balancer in service["LoadBalancers"].as_array().unwrap() {
        let group = effective.properties(&id(&balancer["TargetGroupArn"]));
        let attributes = group["TargetGroupAttributes"].as_array().unwrap();
        let delay = attributes.iter().find(|a| a["Key"] == "deregistration_delay.timeout_seconds").unwrap();
        let delay: u32 = text(&delay["Value"]).parse().unwrap();
        assert!(delay <= stop && stop <= 120, "{label}: drains {delay} s, stops after {stop} s");
        assert_eq!(group["TargetType"], "ip");
        let matcher = text(&group["Matcher"]["HttpCode"]);
        assert_eq!(matcher, "200", "{label}");
    }
}

/// Section 3: with a maximum of 100 % there is no room to move a task, and ECS refuses to balance zones.
#[test]
fn zones_are_balanced_only_where_a_release_may_run_more_tasks_than_before() {
    let rendered = Files::plain().render();
    let stops_first = [("MinimumHealthyPercent", "0"), ("MaximumPercent", "100")];
    let tenant = "konta-prod-tenant-breadfree";
    assert_eq!(
        rendered.effective_with(tenant, &stops_first).properties("Service")["AvailabilityZoneRebalancing"],
        "DISABLED"
    );
    assert_eq!(rendered.effective(tenant).properties("Service")["AvailabilityZoneRebalancing"], "ENABLED");
    let refused = std::panic::catch_unwind(|| rendered.effective_with(tenant, &[("MaximumPercent", "100")]));
    assert!(refused.is_err(), "at 100 and 100 no release can begin");
}
