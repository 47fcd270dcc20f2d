//! Traps 7 to 10: what is kept, what AWS offers today, and what a template must not say.

use serde_json::{Value, json};

use super::evaluate::text;
use super::workspace::{Files, rendered_variants};

const DATA: &[&str] = &["AWS::RDS::DBCluster", "AWS::EFS::FileSystem", "AWS::Route53::HostedZone", "AWS::S3::Bucket"];

/// Trap 7. Section 2: pausing is asked for only where the minimum is 0, within 300 to 86,400 s.
#[test]
fn a_cluster_pauses_only_where_its_minimum_is_nothing() {
    let mut clusters = 0;
    for (name, rendered) in rendered_variants() {
        for stack in rendered.stacks.keys() {
            for (id, cluster) in rendered.effective(stack).of_type("AWS::RDS::DBCluster") {
                clusters += 1;
                let scaling = &cluster["ServerlessV2ScalingConfiguration"];
                let seconds = scaling.get("SecondsUntilAutoPause").map(|s| text(s).parse::<u32>().unwrap());
                let pauses = text(&scaling["MinCapacity"]) == "0";
                assert_eq!(seconds.is_some(), pauses, "{name}: {stack}/{id} {scaling}");
                assert!(seconds.is_none_or(|s| (300..=86_400).contains(&s)), "{name}: {scaling}");
            }
        }
    }
    assert!(clusters > 20, "{clusters}");
    // A minimum that is not 0 wins over seconds that are given all the same.
    let rendered = Files::plain().render();
    let changed = rendered.effective_with("konta-prod-cell-1", &[("SecondsUntilAutoPause", "300")]);
    assert!(changed.properties("Database")["ServerlessV2ScalingConfiguration"].get("SecondsUntilAutoPause").is_none());
}

/// Trap 8. Sections 2, 4, 6 and 9.
#[test]
fn data_survives_its_stack_and_its_own_replacement() {
    for (name, rendered) in rendered_variants() {
        for stack in rendered.stacks.values() {
            for (id, resource) in stack.document.resources() {
                let kind = stack.document.resource_type(id);
                let policies = [&resource["DeletionPolicy"], &resource["UpdateReplacePolicy"]];
                if DATA.contains(&kind) {
                    let kept =
                        |policy: &&Value| ["Retain", "Snapshot", "RetainExceptOnCreate"].iter().any(|p| **policy == *p);
                    assert!(policies.iter().all(kept), "{name}: {}/{id} {policies:?}", stack.name);
                }
                // Snapshots of an instance of a cluster do not exist: an unsaid policy would be one.
                if kind == "AWS::RDS::DBInstance" {
                    assert_eq!(policies, [&json!("Delete"), &json!("Delete")], "{name}: {}/{id}", stack.name);
                }
            }
        }
    }
}

/// Trap 8: and where nothing says otherwise, neither cluster nor stack can be deleted.
#[test]
fn deletion_protection_follows_the_manifest_and_is_on_by_default() {
    let own_database = Files::plain().dedicated("database: dedicated\n");
    let open = own_database.clone().environment("termination_protection: false\n").render();
    let protected = own_database.render();
    for stack in ["konta-prod-cell-1", "konta-prod-addon-breadfree-aurora"] {
        assert_eq!(text(&protected.effective(stack).properties("Database")["DeletionProtection"]), "true");
        assert_eq!(text(&open.effective(stack).properties("Database")["DeletionProtection"]), "false");
        assert!(protected.stack(stack).protected && !open.stack(stack).protected);
    }
    assert!(protected.stack("konta-prod").protected && protected.stack("konta-prod-dns").protected);
}

/// Trap 8. Sections 2, 4 and 8: a fixed name makes a replacement collide with what it replaces.
#[test]
fn nothing_that_may_be_replaced_has_a_name_of_its_own() {
    const NAMES: &[(&str, &[&str])] = &[
        ("AWS::EC2::SecurityGroup", &["GroupName"]),
        ("AWS::ECS::Cluster", &["ClusterName"]),
        ("AWS::ECS::Service", &["ServiceName"]),
        ("AWS::EFS::AccessPoint", &["ClientToken"]),
        ("AWS::EFS::FileSystem", &["CreationToken"]),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", &["Name"]),
        ("AWS::ElasticLoadBalancingV2::TargetGroup", &["Name"]),
        ("AWS::IAM::Role", &["RoleName"]),
        ("AWS::Logs::LogGroup", &["LogGroupName"]),
        ("AWS::RDS::DBCluster", &["DBClusterIdentifier", "DatabaseName", "SnapshotIdentifier", "KmsKeyId"]),
        ("AWS::RDS::DBInstance", &["DBInstanceIdentifier"]),
        ("AWS::RDS::DBSubnetGroup", &["DBSubnetGroupName"]),
        ("AWS::CloudWatch::Alarm", &["AlarmName"]),
    ];
    for (name, rendered) in rendered_variants() {
        for stack in rendered.stacks.values() {
            for (id, resource) in stack.document.resources() {
                let kind = stack.document.resource_type(id);
                for property in NAMES.iter().filter(|(k, _)| *k == kind).flat_map(|(_, names)| *names) {
                    assert!(
                        resource["Properties"].get(property).is_none(),
                        "{name}: {}/{id} has {property}",
                        stack.name
                    );
                }
            }
        }
    }
}

/// Trap 9. Section 2: 16.1 to 16.6 and their like can no longer be made.
#[test]
fn retired_engine_versions_are_refused_and_the_default_is_none() {
    for retired in ["13.11", "14.8", "15.3", "16.1", "16.2", "16.3", "16.4", "16.6", "17.1", "17.8", "18.1", "17.90"] {
        let refused =
            Files::plain().environment(&format!("database: {{ engine_version: \"{retired}\" }}\n")).refusals();
        assert_eq!(refused.len(), 1, "{retired}: {refused:?}");
    }
    // The number 17.10 would become 17.1 on its way.
    assert_eq!(Files::plain().environment("database: { engine_version: 17.10 }\n").refusals().len(), 1);
    let offered =
        Files::plain().environment("database: { engine_version: \"17.10\" }\n").dedicated("database: dedicated\n");
    let rendered = offered.render();
    for stack in ["konta-prod-cell-1", "konta-prod-addon-breadfree-aurora"] {
        assert_eq!(rendered.effective(stack).properties("Database")["EngineVersion"], "17.10");
        // A template's own default must be one that can still be made, too.
        let default = text(&rendered.stack(stack).document.section("Parameters")["EngineVersion"]["Default"]);
        let by_hand = Files::plain().environment(&format!("database: {{ engine_version: \"{default}\" }}\n"));
        by_hand.render();
    }
}

/// Trap 9. Sections 1 and 2: what a cluster must be for the Data API, and must not be for the bill.
#[test]
fn a_cluster_opens_the_data_api_keeps_its_masters_password_itself_and_pays_no_extended_support() {
    let rendered =
        Files::plain().dedicated("database: dedicated\n").environment("database: { instances: 2 }\n").render();
    for stack in ["konta-prod-cell-1", "konta-prod-addon-breadfree-aurora"] {
        let effective = rendered.effective(stack);
        let cluster = effective.properties("Database");
        for (property, value) in [
            ("Engine", json!("aurora-postgresql")),
            ("EnableHttpEndpoint", json!(true)),
            ("ManageMasterUserPassword", json!(true)),
            ("StorageEncrypted", json!(true)),
            ("CopyTagsToSnapshot", json!(true)),
            ("EngineLifecycleSupport", json!("open-source-rds-extended-support-disabled")),
        ] {
            assert_eq!(cluster[property], value, "{stack} {property}");
        }
        assert!(cluster.get("MasterUserPassword").is_none() && cluster.get("EngineMode").is_none());
        let master = text(&cluster["MasterUsername"]);
        assert!((1..=16).contains(&master.len()) && master.bytes().all(|b| b.is_ascii_alphanumeric()), "{master}");
        let instances: Vec<_> = effective.of_type("AWS::RDS::DBInstance").map(|(_, p)| p).collect();
        let zones: Vec<_> = instances.iter().map(|i| text(&i["AvailabilityZone"])).collect();
        assert_eq!(zones, ["eu-west-1a", "eu-west-1b"], "{stack}: the second stands in the other zone");
        for instance in instances {
            assert_eq!(instance["DBInstanceClass"], "db.serverless");
            assert_eq!(instance["PubliclyAccessible"], false);
            assert!(instance["PromotionTier"].as_u64().unwrap() <= 1, "only tiers 0 and 1 grow with the writer");
        }
    }
}

/// Trap 9. Section 3, the table of CPU and memory; konta's templates must take what its manifests take.
#[test]
fn every_pair_of_cpu_and_memory_in_a_document_is_one_that_fargate_has() {
    let exists = |cpu: u32, memory: u32| match cpu {
        256 => [512, 1024, 2048].contains(&memory),
        512 => (1024..=4096).contains(&memory) && memory.is_multiple_of(1024),
        1024 => (2048..=8192).contains(&memory) && memory.is_multiple_of(1024),
        2048 => (4096..=16384).contains(&memory) && memory.is_multiple_of(1024),
        4096 => (8192..=30720).contains(&memory) && memory.is_multiple_of(1024),
        8192 => (16384..=61440).contains(&memory) && memory.is_multiple_of(4096),
        16384 => (32768..=122_880).contains(&memory) && memory.is_multiple_of(8192),
        _ => false,
    };
    for (name, rendered) in rendered_variants() {
        for stack in rendered.stacks.keys() {
            for (id, task) in rendered.effective(stack).of_type("AWS::ECS::TaskDefinition") {
                let number = |key: &str| text(&task[key]).parse().unwrap();
                assert!(exists(number("Cpu"), number("Memory")), "{name}: {stack}/{id}");
                assert_eq!(
                    task["RuntimePlatform"],
                    json!({"CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX"})
                );
                assert_eq!(task["NetworkMode"], "awsvpc");
                let container = &task["ContainerDefinitions"][0];
                // Section 10: a digest, and no user of konta's that the image does not know.
                assert!(text(&container["Image"]).contains("@sha256:"), "{name}: {stack}/{id}");
                assert!(container.get("User").is_none() && container.get("ReadonlyRootFilesystem").is_none());
                // Section 3: a volume with an access point is encrypted on its way and has no root of its own.
                let volume = &task["Volumes"][0]["EFSVolumeConfiguration"];
                assert_eq!(
                    (&volume["TransitEncryption"], &volume["AuthorizationConfig"]["IAM"]),
                    (&json!("ENABLED"), &json!("ENABLED"))
                );
                assert!(
                    volume["AuthorizationConfig"].get("AccessPointId").is_some()
                        && volume.get("RootDirectory").is_none()
                );
            }
        }
    }
    for (cpu, memory) in [(256, 1536), (512, 512), (300, 1024), (1024, 1024), (8192, 17408)] {
        let size = format!("size: {{ cpu: {cpu}, memory: {memory} }}\n");
        assert_eq!(Files::plain().dedicated(&size).refusals().len(), 1, "{size}");
    }
}

/// Trap 9. Section 4: without a policy a listener takes TLS 1.0.
#[test]
fn https_listeners_take_tls_1_2_and_above_and_http_leads_there() {
    let cell = Files::plain().render().effective("konta-prod-cell-1");
    let listener = cell.properties("HttpsListener");
    assert_eq!(listener["SslPolicy"], "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09");
    assert_eq!(listener["DefaultActions"][0]["FixedResponseConfig"]["StatusCode"], "404");
    let redirect = &cell.properties("HttpListener")["DefaultActions"][0]["RedirectConfig"];
    assert_eq!(*redirect, json!({"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}));
    for (id, rule) in cell.of_type("AWS::ElasticLoadBalancingV2::ListenerRule") {
        for action in rule["Actions"].as_array().unwrap() {
            let body = action["FixedResponseConfig"]["MessageBody"].as_str().unwrap_or_default();
            assert!(body.len() <= 1024, "{id}");
        }
    }
}

/// Trap 9. Sections 9 and 10: the image's user, and a folder that it owns.
#[test]
fn access_points_give_the_image_its_user_and_each_tenant_a_folder_of_its_own() {
    let rendered = Files::plain().render();
    for (stack, id, path) in [
        ("konta-prod-cell-1", "PoolAccessPoint", "/pool"),
        ("konta-prod-tenant-breadfree", "AccessPoint", "/tenant-breadfree"),
    ] {
        let effective = rendered.effective(stack);
        let point = effective.properties(id);
        let ids = ["Uid", "Gid"].map(|key| text(&point["PosixUser"][key]));
        assert_eq!(ids, ["100", "101"]);
        let root = &point["RootDirectory"];
        assert_eq!(root["Path"], path);
        assert_eq!(["OwnerUid", "OwnerGid"].map(|key| text(&root["CreationInfo"][key])), ids);
        assert_eq!(root["CreationInfo"]["Permissions"], "0750");
    }
    let cell = rendered.effective("konta-prod-cell-1");
    let files = cell.properties("FileSystem");
    assert_eq!((&files["Encrypted"], &files["ThroughputMode"]), (&json!(true), &json!("elastic")));
    assert_eq!(files["BackupPolicy"]["Status"], "ENABLED");
    for statement in files["FileSystemPolicy"]["Statement"].as_array().unwrap() {
        assert_eq!(statement["Effect"], "Deny", "what is allowed stands in each task's own role");
    }
}

/// Trap 10. Sections 3 and 6: a number of tasks in the template would wake sleepers and shrink the scaled.
#[test]
fn a_tenants_service_says_no_number_of_tasks_and_its_scaling_says_the_bounds() {
    for lines in [
        "",
        "tasks: { min: 2, max: 4 }\n",
        "schedule: { sleep: \"0 22 ? * MON-FRI *\", wake: \"0 7 ? * MON-FRI *\", timezone: Europe/Madrid }\n",
    ] {
        let tenant = Files::plain().dedicated(lines).render().effective("konta-prod-tenant-breadfree");
        assert!(tenant.properties("Service").get("DesiredCount").is_none());
        let target = tenant.properties("ScalableTarget");
        let bounds = ["MinCapacity", "MaxCapacity"].map(|key| text(&target[key]));
        assert_eq!(bounds, if lines.starts_with("tasks") { ["2", "4"] } else { ["1", "1"] });
        assert_eq!(target["ResourceId"], "service/<konta-prod/Cluster>/<konta-prod-tenant-breadfree/Service.Name>");
    }
}

/// Section 3: scheduled actions have six fields and a zone, and set the bounds only.
#[test]
fn a_schedule_sleeps_at_nothing_and_wakes_to_the_tenants_own_bounds_in_its_own_time() {
    let lines = "tasks: { min: 2, max: 3 }\nschedule: { sleep: \"0 22 ? * MON-FRI *\", wake: \"0  7 ? * MON-FRI *\", timezone: Europe/Madrid }\n";
    let tenant = Files::plain().dedicated(lines).render().effective("konta-prod-tenant-breadfree");
    let actions = tenant.properties("ScalableTarget")["ScheduledActions"].as_array().unwrap().clone();
    assert_eq!(actions.len(), 2);
    for (action, schedule, bounds) in
        [(&actions[0], "cron(0 22 ? * MON-FRI *)", ["0", "0"]), (&actions[1], "cron(0 7 ? * MON-FRI *)", ["2", "3"])]
    {
        assert_eq!(action["Schedule"], schedule);
        assert_eq!(action["Timezone"], "Europe/Madrid");
        assert_eq!(["MinCapacity", "MaxCapacity"].map(|key| text(&action["ScalableTargetAction"][key])), bounds);
    }
    let five = "schedule: { sleep: \"0 22 * * MON\", wake: \"0 7 ? * MON *\", timezone: Europe/Madrid }\n";
    assert_eq!(Files::plain().dedicated(five).refusals().len(), 1);
}

/// Trap 10. Section 6: without the capability a change set that makes roles is refused.
#[test]
fn a_stack_says_that_it_makes_roles_exactly_when_it_does() {
    for (name, rendered) in rendered_variants() {
        for stack in rendered.stacks.values() {
            let makes =
                stack.document.resources().values().any(|r| r["Type"].as_str().unwrap().starts_with("AWS::IAM::"));
            assert_eq!(stack.document.makes_iam(), makes, "{name}: {}", stack.name);
        }
    }
    let rendered = Files::plain().render();
    let makes = |stack: &str| rendered.stack(stack).document.makes_iam();
    assert!(makes("konta-prod-cell-1") && makes("konta-prod-tenant-breadfree"));
    assert!(!makes("konta-prod-dns") && !makes("konta-prod-tenant-artista"));
}
