//! The operator's own: patches and addons, which may bend much but lose no data and open no door.

use konta::template::TemplateError;
use serde_json::{Value, json};

use super::evaluate::text;
use super::workspace::{ADDON, Files};

/// The resource and the problem of a refused override.
#[track_caller]
fn refused(files: &Files) -> (String, String) {
    match files.try_render() {
        Err(TemplateError::Policy { resource, problem, .. }) => (resource, problem),
        Err(other) => panic!("another refusal: {other}"),
        Ok(_) => panic!("not refused"),
    }
}

#[test]
fn a_patch_by_the_templates_name_reaches_every_stack_of_it_and_one_by_the_stacks_name_only_that() {
    let files = Files::plain()
        .tenant("other", "tier: production\nhosts: [other.konta.shop]\n")
        .patch(
            "tenant-dedicated",
            "- { op: add, path: /Resources/Service/Properties/EnableExecuteCommand, value: false }\n",
        )
        .patch(
            "konta-prod-tenant-other",
            "- { op: add, path: /Resources/TargetGroup/Properties/HealthCheckIntervalSeconds, value: 30 }\n",
        )
        .patch("cell", "- { op: replace, path: /Resources/LoadBalancer/Properties/IpAddressType, value: dualstack }\n");
    let rendered = files.render();
    let own = rendered.effective("konta-prod-tenant-breadfree");
    let other = rendered.effective("konta-prod-tenant-other");
    for tenant in [&own, &other] {
        assert_eq!(tenant.properties("Service")["EnableExecuteCommand"], false);
    }
    let interval = |e: &super::evaluate::Effective| e.properties("TargetGroup")["HealthCheckIntervalSeconds"].clone();
    assert_eq!((interval(&own), interval(&other)), (json!(15), json!(30)));
    assert_eq!(rendered.effective("konta-prod-cell-1").properties("LoadBalancer")["IpAddressType"], "dualstack");
    let untouched = Files::plain().render();
    let document = |r: &super::workspace::Rendered| r.stack("konta-prod-tenant-artista").document.body().to_owned();
    assert_eq!(document(&untouched), document(&rendered));
}

#[test]
fn a_patch_sees_what_the_manifest_merged_and_may_add_resources() {
    let files = Files::plain()
        .tenant("artista", "tier: catalogue\nhosts: [artista.konta.shop, { host: www.artista.es, hosted_zone: Z1 }]\n")
        .dedicated("schedule: { sleep: \"0 22 ? * MON-FRI *\", wake: \"0 7 ? * MON-FRI *\", timezone: Europe/Madrid }\n")
        .patch("konta-prod-tenant-breadfree", "- { op: replace, path: /Resources/ScalableTarget/Properties/ScheduledActions/0/Timezone, value: Atlantic/Canary }\n- op: add\n  path: /Resources/Topic\n  value: { Type: 'AWS::SNS::Topic', Properties: { DisplayName: !Sub '${Tenant} ${AWS::Region}' } }\n");
    let tenant = files.render().effective("konta-prod-tenant-breadfree");
    assert_eq!(tenant.properties("ScalableTarget")["ScheduledActions"][0]["Timezone"], "Atlantic/Canary");
    assert_eq!(tenant.properties("Topic")["DisplayName"], "breadfree eu-west-1");
}

#[test]
fn a_patch_that_fits_nowhere_is_refused_with_its_file() {
    for (text, part) in [
        ("- { op: remove, path: /Resources/Nothing }\n", "operation 1"),
        ("- { op: replace, path: /Resources/LoadBalancer/Properties/Scheme }\n", "value"),
        ("not a list\n", ""),
        ("- { op: add, path: /Resources/X, value: !Nonsense y }\n", "!Nonsense"),
        ("- [\n", ""),
    ] {
        let error = Files::plain().patch("cell", text).try_render().unwrap_err().to_string();
        assert!(error.contains("overrides/cell.yml") && error.contains(part), "{text}: {error}");
    }
    let misspelled =
        "- { op: replace, path: /Resources/HttpsListener/Properties/LoadBalancerArn, value: !Ref LoadBalancr }\n";
    match Files::plain().patch("cell", misspelled).try_render() {
        Err(TemplateError::Limit { problem, help, .. }) => {
            assert!(problem.contains("LoadBalancr") && help.contains("LoadBalancer"), "{problem} {help}");
        }
        other => panic!("{other:?}"),
    }
}

/// Trap 8, and section 6.
#[test]
fn an_override_cannot_let_data_go_with_its_stack() {
    for (template, resource) in [("cell", "Database"), ("cell", "FileSystem"), ("dns", "HostedZone")] {
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            for operation in [
                format!("- {{ op: remove, path: /Resources/{resource}/{policy} }}\n"),
                format!("- {{ op: replace, path: /Resources/{resource}/{policy}, value: Delete }}\n"),
            ] {
                let (found, problem) = refused(&Files::plain().patch(template, &operation));
                assert_eq!(found, resource);
                assert!(problem.contains(policy), "{problem}");
            }
        }
    }
    let own = Files::plain().dedicated("database: dedicated\n");
    let (found, _) = refused(&own.patch(
        "konta-prod-addon-breadfree-aurora",
        "- { op: remove, path: /Resources/Database/UpdateReplacePolicy }\n",
    ));
    assert_eq!(found, "Database");
    let (found, problem) = refused(
        &Files::plain()
            .patch("cell", "- { op: replace, path: /Resources/Database/Properties/StorageEncrypted, value: false }\n"),
    );
    assert!(found == "Database" && problem.contains("unencrypted"), "{problem}");
    let (found, _) = refused(
        &Files::plain().patch("cell", "- { op: remove, path: /Resources/HttpsListener/Properties/SslPolicy }\n"),
    );
    assert_eq!(found, "HttpsListener");
}

/// In the group, beside it, or behind a condition: open is open.
#[test]
fn an_override_cannot_open_the_database_to_the_internet() {
    let rule = "{ IpProtocol: tcp, FromPort: 5432, ToPort: 5432, CidrIp: 0.0.0.0/0 }";
    let path = "/Resources/DatabaseSecurityGroup/Properties/SecurityGroupIngress";
    for operation in [
        format!("- {{ op: add, path: {path}/-, value: {rule} }}\n"),
        format!("- {{ op: replace, path: {path}, value: [{rule}] }}\n"),
        format!("- {{ op: add, path: {path}/-, value: {{ IpProtocol: tcp, FromPort: 5432, ToPort: 5432, CidrIpv6: '::/0' }} }}\n"),
        format!("- {{ op: add, path: {path}/-, value: {{ IpProtocol: '-1', CidrIp: 0.0.0.0/0 }} }}\n"),
        format!("- {{ op: add, path: {path}/-, value: {{ IpProtocol: tcp, FromPort: 443, ToPort: 5432, CidrIp: 0.0.0.0/0 }} }}\n"),
        format!("- {{ op: add, path: {path}/-, value: !If [MakesVpc, {rule}, !Ref 'AWS::NoValue'] }}\n"),
        "- op: add\n  path: /Resources/Hole\n  value: { Type: 'AWS::EC2::SecurityGroupIngress', Properties: { GroupId: !GetAtt DatabaseSecurityGroup.GroupId, IpProtocol: tcp, FromPort: 5432, ToPort: 5432, CidrIp: 0.0.0.0/0 } }\n".to_owned(),
    ] {
        let (resource, problem) = refused(&Files::plain().patch("environment", &operation));
        assert!(resource == "DatabaseSecurityGroup" || resource == "Hole", "{resource}");
        assert!(problem.contains("open to the whole internet"), "{operation}: {problem}");
    }
    let narrow = format!(
        "- {{ op: add, path: {path}/-, value: {{ IpProtocol: tcp, FromPort: 5432, ToPort: 5432, CidrIp: 192.0.2.7/32 }} }}\n"
    );
    Files::plain().patch("environment", &narrow).render();
}

#[test]
fn an_addons_outputs_reach_the_container_by_their_kind() {
    let rendered = Files::plain().file("addons/object-store.yml", ADDON).dedicated("addons: [object-store]\n").render();
    let addon = "konta-prod-addon-breadfree-object-store";
    let tenant = rendered.effective("konta-prod-tenant-breadfree");
    let container = &tenant.properties("TaskDefinition")["ContainerDefinitions"][0];
    let entry =
        |list: &str, name: &str| container[list].as_array().unwrap().iter().find(|e| e["Name"] == name).cloned();
    assert_eq!(entry("Environment", "BUCKET_NAME").unwrap()["Value"], format!("<{addon}/Bucket>"));
    assert_eq!(entry("Secrets", "API_KEY").unwrap()["ValueFrom"], format!("<{addon}/Key>"));
    assert!(entry("Environment", "API_KEY").is_none());
    let groups = &tenant.properties("Service")["NetworkConfiguration"]["AwsvpcConfiguration"]["SecurityGroups"];
    assert_eq!(*groups, json!(["<konta-prod/TaskSecurityGroup.GroupId>", format!("<{addon}/Door.GroupId>")]));
    assert_eq!(tenant.properties("TaskRole")["ManagedPolicyArns"], json!([format!("<{addon}/Access>")]));
    let parameters = rendered.effective(addon).parameters.clone();
    assert_eq!((&*parameters["Tenant"], &*parameters["VpcId"]), ("breadfree", "<konta-prod/Vpc>"));
    assert!(rendered.stack("konta-prod-tenant-breadfree").depends_on.contains(&addon.to_owned()));
    assert!(rendered.stack(addon).depends_on.contains(&"konta-prod-cell-1".to_owned()));
    assert_eq!(rendered.stack(addon).tags["konta:cell"], "1", "by this tag the task's role may read the secret");
}

#[test]
fn an_addon_is_held_to_the_same_rules_as_kontas_own_templates() {
    let careless = ADDON.replace("    UpdateReplacePolicy: Retain\n", "");
    let files = Files::plain().file("addons/object-store.yml", &careless).dedicated("addons: [object-store]\n");
    assert_eq!(refused(&files).0, "Bucket");
    let unknown = ADDON.replace("  VpcId: {", "  Wishes: { Type: String }\n  VpcId: {");
    let files = Files::plain().file("addons/object-store.yml", &unknown).dedicated("addons: [object-store]\n");
    match files.try_render() {
        Err(TemplateError::Parameter { parameter, known, .. }) => {
            assert_eq!(parameter, "Wishes");
            assert!(known.contains("DatabaseEndpoint") && known.contains("Tenant"), "{known}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(Files::plain().dedicated("addons: [absent]\n").refusals().len(), 1);
}

#[test]
fn the_operators_own_template_stands_in_for_kontas() {
    let text = "Resources:\n  Zone: { Type: 'AWS::Route53::HostedZone', DeletionPolicy: Retain, UpdateReplacePolicy: Retain, Properties: { Name: !Ref DomainName } }\nParameters: { DomainName: { Type: String } }\nOutputs: { HostedZoneId: { Value: !Ref Zone } }\n";
    let rendered = Files::plain().file("templates/dns.yml", text).render();
    assert_eq!(rendered.effective("konta-prod-dns").properties("Zone")["Name"], "konta.shop");
    assert_eq!(rendered.effective("konta-prod").parameters["HostedZoneId"], "<konta-prod-dns/Zone>");
}

/// A custom host's resources are its own: when one goes, those of the others stay as they are. A record under another's logical id
/// would be made before the other's is gone, and refused.
#[test]
fn a_custom_host_keeps_its_resources_when_another_goes() {
    let hosts = |list: &str| {
        let files =
            Files::plain().tenant("artista", &format!("tier: catalogue\nhosts: [artista.konta.shop, {list}]\n"));
        files.render().stack("konta-prod-tenant-artista").document.resources().clone()
    };
    let (a, b) = ("{ host: www.a.es, hosted_zone: Z1 }", "{ host: www.b.es, hosted_zone: Z2 }");
    let both = hosts(&format!("{a}, {b}"));
    let turned = hosts(&format!("{b}, {a}"));
    assert_eq!(Value::from(both.clone()), Value::from(turned));
    for (id, resource) in hosts(b) {
        assert_eq!(both.get(&id), Some(&resource), "{id}");
    }
    let names: Vec<String> = both
        .values()
        .filter(|r| r["Type"] == "AWS::Route53::RecordSet" && r.get("Condition").is_none())
        .map(|r| text(&r["Properties"]["Name"]))
        .collect();
    assert_eq!(names.len(), 2);
}

/// A script that an operator copied writes konta's module to a folder of its former name; Odoo must load it from there.
#[test]
fn odoo_loads_the_module_under_the_name_that_the_entry_script_writes() {
    let former = |text: &str| text.replace("addons/konta_routing", "addons/konta_alb");
    let cell = former(include_str!("../../../../templates/cell.yml"));
    let script = Files::plain().render().effective("konta-prod-tenant-breadfree").properties("TaskDefinition")
        ["ContainerDefinitions"][0]["EntryPoint"]
        .to_string();
    let patch = format!(
        "- op: replace\n  path: /Resources/TaskDefinition/Properties/ContainerDefinitions/0/EntryPoint\n  value: {}\n",
        former(&script)
    );
    let copied = Files::plain().file("templates/cell.yml", &cell).patch("tenant-dedicated", &patch).render();
    let own = Files::plain().render();
    for (stack, id) in [("konta-prod-cell-1", "PoolTaskDefinition"), ("konta-prod-tenant-breadfree", "TaskDefinition")]
    {
        for (rendered, module) in [(&copied, "konta_alb"), (&own, "konta_routing")] {
            let effective = rendered.effective(stack);
            let container = &effective.properties(id)["ContainerDefinitions"][0];
            let script = text(&container["EntryPoint"][2]);
            assert!(script.contains(&format!("module=/tmp/konta/addons/{module}\n")), "{stack}: {script}");
            let variables = container["Environment"].as_array().unwrap();
            let conf = text(&variables.iter().find(|v| v["Name"] == "KONTA_ODOO_CONF").unwrap()["Value"]);
            assert!(conf.contains(&format!("\nserver_wide_modules = base,rpc,web,{module}\n")), "{stack}: {conf}");
        }
    }
}

/// A file that is passed over in silence leaves its author believing that it works.
#[test]
fn files_that_belong_to_nothing_are_told_all_at_once_with_what_was_meant() {
    let files = Files::plain()
        .file("templates/tenant-dedicated.yml", "Resources: {}\n")
        .file("templates/cell.yaml", "Resources: {}\n")
        .file("templates/README.md", "the operator's own\n")
        .file("overrides/tenant/pooled.yml", "[]\n")
        .file("overrides/.swap.yml", "[\n")
        .file("addons/cache/store.yml", "Resources: {}\n")
        .file("addons/My_Store.yml", "Resources: {}\n");
    let wrong = files.try_render().unwrap_err();
    let told: Vec<String> =
        wrong.each().iter().map(|error| format!("{error}: {}", miette::Diagnostic::help(error).unwrap())).collect();
    for (file, help) in [
        ("templates/cell.yaml", "rename it to templates/cell.yml"),
        ("templates/tenant-dedicated.yml", "did you mean templates/tenant/dedicated.yml?"),
        ("addons/My_Store.yml", "lower"),
        ("addons/cache/store.yml", "addons/cache-store.yml"),
        ("overrides/tenant/pooled.yml", "did you mean overrides/tenant-pooled.yml?"),
    ] {
        assert!(told.iter().any(|text| text.starts_with(file) && text.contains(help)), "{file}: {told:#?}");
    }
    assert_eq!(told.len(), 5, "{told:#?}");
}

#[test]
fn a_folder_called_like_a_template_is_refused() {
    let error = Files::plain().file("overrides/cell.yml/inner", "").try_render().unwrap_err().to_string();
    assert_eq!(error, "overrides/cell.yml is a folder");
}
