//! Who may do what: every role of every variant, with its conditions decided.

use serde_json::{Value, json};

use super::evaluate::text;
use super::workspace::{Files, rendered_variants};

fn list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(text).collect(),
        one => vec![text(one)],
    }
}

/// Actions that AWS offers for no narrower resource, or that only look.
fn needs_everything(action: &str) -> bool {
    let (service, verb) = action.split_once(':').unwrap();
    service == "ssmmessages"
        || action == "ecr:GetAuthorizationToken"
        || ["Describe", "List", "Get", "Validate"].iter().any(|start| verb.starts_with(start))
}

#[test]
fn no_role_may_do_everything_and_few_may_act_on_everything() {
    for (name, rendered) in rendered_variants() {
        for stack in rendered.stacks.keys() {
            for (id, role) in rendered.effective(stack).of_type("AWS::IAM::Role") {
                for statement in role["Policies"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .flat_map(|p| p["PolicyDocument"]["Statement"].as_array().unwrap())
                {
                    let label = format!("{name}: {stack}/{id} {}", statement["Sid"]);
                    if statement["Effect"] == "Deny" {
                        continue;
                    }
                    let (actions, resources) = (list(&statement["Action"]), list(&statement["Resource"]));
                    assert!(statement.get("NotAction").is_none() && statement.get("NotResource").is_none(), "{label}");
                    assert!(
                        !actions.iter().any(|a| a == "*" || a.starts_with("iam:*") || a.starts_with("sts:")),
                        "{label}"
                    );
                    if resources.iter().any(|r| r == "*") {
                        let regional = statement["Condition"]["StringEquals"]["aws:RequestedRegion"] == "eu-west-1";
                        let deploys = id == "DeployRole" && regional;
                        assert!(deploys || actions.iter().all(|a| needs_everything(a)), "{label}: {actions:?}");
                    }
                    // Whoever hands out or makes roles does so under konta's own path.
                    if actions.iter().any(|a| a.starts_with("iam:") && !a.starts_with("iam:Get")) {
                        let within = [
                            "arn:aws:iam::012345678901:role/konta/konta/prod/*",
                            "arn:aws:iam::012345678901:policy/konta/konta/prod/*",
                            "arn:aws:iam::012345678901:role/aws-service-role/*",
                        ];
                        assert!(resources.iter().all(|r| within.contains(&r.as_str())), "{label}: {resources:?}");
                    }
                }
            }
        }
    }
}

/// Section 9, and odoo: a task sees its own folder and cannot become root of the file system.
#[test]
fn a_task_mounts_its_own_access_point_and_no_other() {
    let rendered = Files::plain().tenant("third", "tier: production\nhosts: [third.konta.shop]\n").render();
    for (stack, role, point) in [
        ("konta-prod-cell-1", "PoolTaskRole", "PoolAccessPoint"),
        ("konta-prod-tenant-breadfree", "TaskRole", "AccessPoint"),
        ("konta-prod-tenant-third", "TaskRole", "AccessPoint"),
    ] {
        let effective = rendered.effective(stack);
        let statements =
            effective.properties(role)["Policies"][0]["PolicyDocument"]["Statement"].as_array().unwrap().clone();
        let files: Vec<_> = statements
            .iter()
            .filter(|s| list(&s["Action"]).iter().any(|a| a.starts_with("elasticfilesystem:")))
            .collect();
        assert_eq!(files.len(), 1, "{stack}");
        assert_eq!(
            files[0]["Condition"],
            json!({"StringEquals": {"elasticfilesystem:AccessPointArn": format!("<{stack}/{point}.Arn>")}})
        );
        assert_eq!(list(&files[0]["Action"]), ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]);
        let resource = text(&files[0]["Resource"]);
        assert!(resource.contains("<konta-prod-cell-1/FileSystem"), "{resource}");
        let rest: Vec<String> = statements
            .iter()
            .flat_map(|s| list(&s["Action"]))
            .filter(|a| !a.starts_with("elasticfilesystem:"))
            .collect();
        // Section 3: what a shell in the task needs, and nothing else.
        assert!(rest.iter().all(|a| a.starts_with("ssmmessages:")), "{stack}: {rest:?}");
        assert_eq!(rest.len(), 4);
    }
}

/// A page of Odoo that was broken into must not reach backups, and a task that makes them must not delete them.
#[test]
fn only_the_role_of_operations_reaches_backups_and_it_deletes_none() {
    let rendered = Files::plain().tenant("third", "tier: production\nhosts: [third.konta.shop]\n").render();
    let mut reached = Vec::new();
    for stack in rendered.stacks.keys() {
        for (id, role) in rendered.effective(stack).of_type("AWS::IAM::Role") {
            for policy in role["Policies"].as_array().unwrap() {
                for statement in policy["PolicyDocument"]["Statement"].as_array().unwrap() {
                    let actions: Vec<String> =
                        list(&statement["Action"]).into_iter().filter(|action| action.starts_with("s3:")).collect();
                    if !actions.is_empty() {
                        reached.push((id.to_owned(), actions, list(&statement["Resource"])));
                    }
                }
            }
        }
    }
    let keys = |keys: &[&str]| -> Vec<String> {
        keys.iter().map(|key| format!("arn:aws:s3:::<konta-prod/BackupBucket>/{key}")).collect()
    };
    let role = "OperationsRole".to_owned();
    let backups = keys(&["*/*/database.dump", "*/*/filestore.tar", "*/*/manifest.json"]);
    let both = ["s3:GetObject", "s3:PutObject"].map(ToOwned::to_owned).to_vec();
    let expected = [(role.clone(), both, backups), (role, vec!["s3:PutObject".to_owned()], keys(&["konta/results/*"]))];
    assert_eq!(reached, expected, "konta's own tool, too, is nothing that a task may write");
}

/// Section 7: passwords by name under the environment, and only those tagged with the cell.
#[test]
fn the_execution_role_reads_passwords_and_secrets_of_its_own_cell_only() {
    let rendered = Files::plain().tenant("third", "tier: production\nhosts: [third.konta.shop]\ncell: 2\n").render();
    for cell in ["1", "2"] {
        let effective = rendered.effective(&format!("konta-prod-cell-{cell}"));
        let statements = effective.properties("ExecutionRole")["Policies"][0]["PolicyDocument"]["Statement"]
            .as_array()
            .unwrap()
            .clone();
        let by_tag = json!({"StringEquals": {"aws:ResourceTag/konta:cell": cell}});
        let mut read = 0;
        for statement in statements.iter().filter(|s| s["Effect"] == "Allow") {
            for action in list(&statement["Action"]) {
                if action.starts_with("ssm:") || action.starts_with("secretsmanager:") || action.starts_with("kms:") {
                    read += 1;
                    assert_eq!(statement["Condition"], by_tag, "{action}");
                }
                if action.starts_with("ssm:") {
                    assert_eq!(action, "ssm:GetParameters", "the plural is what the platform asks");
                    assert_eq!(statement["Resource"], "arn:aws:ssm:eu-west-1:012345678901:parameter/konta/prod/*");
                }
            }
        }
        assert_eq!(read, 2);
        let denied = statements.iter().find(|s| s["Effect"] == "Deny").unwrap();
        assert_eq!(denied["Resource"], "arn:aws:secretsmanager:eu-west-1:012345678901:secret:rds!*");
        // The log group is made by the environment; a task may write to it, not make another.
        let logs = statements.iter().find(|s| s["Sid"] == "Logs").unwrap();
        assert_eq!(list(&logs["Action"]), ["logs:CreateLogStream", "logs:PutLogEvents"]);
        assert_eq!(effective.parameters["Cell"], cell);
    }
    for stack in ["konta-prod-cell-1", "konta-prod-tenant-breadfree", "konta-prod-tenant-third"] {
        let cell = if stack.ends_with("third") { "2" } else { "1" };
        assert_eq!(rendered.stack(stack).tags["konta:cell"], cell, "konta tags a password like its stack");
    }
}

/// What a task is told to fetch lies where its role may read: no double slash before the name.
#[test]
fn every_secret_of_a_task_is_one_that_its_role_may_read() {
    for (name, rendered) in rendered_variants() {
        for stack in rendered.stacks.keys() {
            for (id, task) in rendered.effective(stack).of_type("AWS::ECS::TaskDefinition") {
                for secret in task["ContainerDefinitions"][0]["Secrets"].as_array().unwrap() {
                    let from = text(&secret["ValueFrom"]);
                    let readable = from.starts_with("arn:aws:ssm:eu-west-1:012345678901:parameter/konta/prod/")
                        || from.starts_with("arn:aws:secretsmanager:eu-west-1:012345678901:secret:")
                        || from.starts_with("<konta-prod-addon-");
                    assert!(readable && !from.contains("//"), "{name}: {stack}/{id} {from}");
                }
            }
        }
    }
}

#[test]
fn only_the_platform_takes_a_tasks_role_and_only_for_this_account() {
    for (name, rendered) in rendered_variants() {
        for stack in rendered.stacks.keys() {
            for (id, role) in rendered.effective(stack).of_type("AWS::IAM::Role").filter(|(id, _)| *id != "DeployRole")
            {
                let statements = role["AssumeRolePolicyDocument"]["Statement"].as_array().unwrap();
                assert_eq!(statements.len(), 1, "{name}: {stack}/{id}");
                assert_eq!(statements[0]["Principal"], json!({"Service": "ecs-tasks.amazonaws.com"}));
                assert_eq!(statements[0]["Condition"]["StringEquals"]["aws:SourceAccount"], "012345678901");
                assert_eq!(role["Path"], "/konta/konta/prod/");
            }
        }
    }
}

/// Section 8: trust policies of 2,048 characters, inline policies of 10,240 a role.
#[test]
fn a_boundary_is_stamped_on_every_role_and_policies_fit_their_limits() {
    let boundary = "arn:aws:iam::012345678901:policy/boundary";
    for (name, rendered) in rendered_variants() {
        for stack in rendered.stacks.keys() {
            for (id, role) in rendered.effective(stack).of_type("AWS::IAM::Role") {
                let stamped = role.get("PermissionsBoundary").map(text);
                assert_eq!(stamped.as_deref(), name.starts_with("bounded").then_some(boundary), "{name}: {stack}/{id}");
                assert!(role["AssumeRolePolicyDocument"].to_string().len() <= 2048, "{name}: {stack}/{id}");
                let inline: usize =
                    role["Policies"].as_array().unwrap().iter().map(|p| p["PolicyDocument"].to_string().len()).sum();
                assert!(inline <= 10_240, "{name}: {stack}/{id} has {inline}");
            }
        }
    }
    let bounded = &rendered_variants().iter().find(|(name, _)| name.starts_with("bounded")).unwrap().1;
    let environment = bounded.effective("konta-prod");
    let statements =
        environment.properties("DeployRole")["Policies"][0]["PolicyDocument"]["Statement"].as_array().unwrap().clone();
    let roles = statements.iter().find(|s| s["Sid"] == "Roles").unwrap();
    assert_eq!(roles["Condition"], json!({"StringEquals": {"iam:PermissionsBoundary": boundary}}));
}

const WITH_ROLE: &str = "deploy_role: { provider: 'arn:aws:iam::012345678901:oidc-provider/gitlab.com', issuer: gitlab, subjects: ['project_path:a/b:ref:main'] }\n";

/// The deploy role's statements that allow something.
fn deploy_statements(files: Files) -> Vec<Value> {
    let environment = files.environment(WITH_ROLE).render().effective("konta-prod");
    environment.properties("DeployRole")["Policies"][0]["PolicyDocument"]["Statement"].as_array().unwrap().clone()
}

fn allows(statements: &[Value], action: &str) -> bool {
    let fits =
        |pattern: &String| pattern.strip_suffix('*').map_or(pattern == action, |start| action.starts_with(start));
    statements.iter().any(|statement| list(&statement["Action"]).iter().any(fits))
}

/// What konta itself asks of AWS stands in `src/aws`, each call with its name.
#[test]
fn the_deploy_role_may_do_what_konta_does_to_deploy() {
    // Sessions, prices and the bill are the operator's own; an environment's zone is nothing that the role deletes, nor are backups for ever:
    // what a stolen pipeline deletes can be had back for a month.
    const OTHERS: &[&str] = &[
        "ce:GetCostAndUsage",
        "iam:ListMFADevices",
        "pricing:GetProducts",
        "route53:DeleteHostedZone",
        "s3:ListBucketVersions",
    ];
    let statements = deploy_statements(Files::plain());
    let name = names_of_calls();
    let mut asked = 0;
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/aws")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for (service, operation) in text.split('"').filter_map(&name) {
            if service == "sts" {
                continue;
            }
            let service = if service == "rdsdata" { "rds-data" } else { service };
            // The permissions of these calls have other names. Source: Amazon S3, "Required permissions for API operations".
            let operation = match (service, operation) {
                ("s3", "ListObjectsV2") => "ListBucket",
                ("s3", "ListObjectVersions") => "ListBucketVersions",
                ("s3", "DeleteObjects") => "DeleteObject",
                (_, own) => own,
            };
            let action = format!("{service}:{operation}");
            asked += 1;
            assert!(OTHERS.contains(&action.as_str()) || allows(&statements, &action), "{action} is not allowed");
        }
    }
    assert!(asked > 30, "{asked}");
    assert!(!allows(&statements, "s3:DeleteObjectVersion"), "what it deletes can be had back");
}

/// A literal such as `ssm GetParameter`, as the service and the operation of a call.
fn names_of_calls() -> impl Fn(&str) -> Option<(&str, &str)> {
    |literal| {
        let (service, operation) = literal.split_once(' ')?;
        let is_service =
            !service.is_empty() && service.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        let is_operation = operation.starts_with(|c: char| c.is_ascii_uppercase())
            && operation.chars().all(char::is_alphanumeric)
            && operation.chars().any(|c| c.is_ascii_lowercase());
        (is_service && is_operation).then_some((service, operation))
    }
}

/// Source: the permissions that the handlers of these types name in CloudFormation's resource schemas.
#[test]
fn the_deploy_role_may_make_certificates_and_give_an_addons_policy() {
    let statements = deploy_statements(Files::plain());
    for action in [
        "acm:RequestCertificate",
        "acm:ListTagsForCertificate",
        "cloudformation:SignalResource",
        "iam:AttachRolePolicy",
        "iam:CreatePolicy",
        "iam:DeletePolicyVersion",
        "iam:DetachRolePolicy",
        "iam:PassRole",
    ] {
        assert!(allows(&statements, action), "{action}");
    }
    let attach = statements.iter().find(|s| list(&s["Action"]).contains(&"iam:AttachRolePolicy".to_owned())).unwrap();
    let only = &attach["Condition"]["ArnLike"]["iam:PolicyARN"];
    assert_eq!(only, "arn:aws:iam::012345678901:policy/konta/konta/prod/*", "none of AWS's");
}

#[test]
fn the_deploy_role_writes_records_in_the_zones_of_tenants_hosts_and_no_other() {
    let zones = |files: Files| {
        let statements = deploy_statements(files);
        statements.into_iter().find(|s| s["Sid"] == "HostNames").map(|s| (list(&s["Resource"]), s["Condition"].clone()))
    };
    assert_eq!(zones(Files::plain()), None);
    let custom =
        "tier: production\nhosts: [{ host: www.a.es, hosted_zone: Z1 }, { host: www.b.es, hosted_zone: Z2 }]\n";
    let (zones, condition) = zones(Files::plain().tenant("custom", custom)).unwrap();
    assert_eq!(zones, ["arn:aws:route53:::hostedzone/Z1", "arn:aws:route53:::hostedzone/Z2"]);
    let types = &condition["ForAllValues:StringEquals"]["route53:ChangeResourceRecordSetsRecordTypes"];
    assert_eq!(*types, json!(["A", "CNAME"]));
}
