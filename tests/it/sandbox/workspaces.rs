//! Workspaces other than the example: addons, a database of one's own, everything imported, many hosts, two cells.

use crate::support::sandbox_workspace::World;

const ADDON: &str = "
Parameters:
  Tenant: { Type: String }
  VpcId: { Type: 'AWS::EC2::VPC::Id' }
Resources:
  Pictures:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties: { Tags: [{ Key: tenant, Value: !Ref Tenant }] }
  ApiKey: { Type: 'AWS::SecretsManager::Secret', Properties: { GenerateSecretString: { PasswordLength: 32 } } }
  Group: { Type: 'AWS::EC2::SecurityGroup', Properties: { GroupDescription: the addon's, VpcId: !Ref VpcId } }
  Access:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: '2012-10-17'
        Statement: [{ Effect: Allow, Action: 's3:GetObject', Resource: !Sub '${Pictures.Arn}/*' }]
Outputs:
  PicturesName: { Value: !Ref Pictures }
  ApiKey: { Value: !Ref ApiKey }
  Group: { Value: !GetAtt Group.GroupId }
  Access: { Value: !Ref Access }
";

#[tokio::test(flavor = "multi_thread")]
async fn an_addons_outputs_reach_the_container_by_their_kind() {
    let world = World::warm();
    world.write("addons/pictures.yml", ADDON);
    world.write("tenants/breadfree.yml", "tier: production\nhosts: [breadfree.konta.shop]\naddons: [pictures]\n");
    world.konta(&["deploy", "tenant", "breadfree"]).ended_with(0);
    let aws = world.aws().await;
    let addon = aws.stack("konta-prod-addon-breadfree-pictures").await.unwrap().unwrap();
    assert_eq!(addon.status, "CREATE_COMPLETE");
    assert!(addon.protected, "an addon may hold data");
    let tenant = aws.stack("konta-prod-tenant-breadfree").await.unwrap().unwrap();
    assert_eq!(tenant.parameters["AddonPicturesPicturesName"], addon.outputs["PicturesName"]);
    let resources = world.resources("konta-prod-tenant-breadfree").await;
    let container = &resources["TaskDefinition"]["properties"]["ContainerDefinitions"][0];
    let value = |list: &str, key: &str, name: &str| {
        container[list]
            .as_array()
            .unwrap()
            .iter()
            .find(|v| v["Name"] == name)
            .unwrap_or_else(|| panic!("{name}: {container}"))[key]
            .clone()
    };
    assert_eq!(value("Environment", "Value", "PICTURES_NAME"), addon.outputs["PicturesName"].as_str());
    assert_eq!(value("Secrets", "ValueFrom", "API_KEY"), addon.outputs["ApiKey"].as_str());
    let groups = &resources["Service"]["properties"]["NetworkConfiguration"]["AwsvpcConfiguration"]["SecurityGroups"];
    assert!(groups.as_array().unwrap().iter().any(|g| g == addon.outputs["Group"].as_str()), "{groups}");
    let policies = &resources["TaskRole"]["properties"]["ManagedPolicyArns"];
    assert_eq!(policies[0], addon.outputs["Access"].as_str());
    world.konta(&["plan", "tenant", "breadfree", "--exit-code"]).ended_with(0);
    // Without --purge the addon and its data stay.
    world.konta(&["delete", "tenant", "breadfree", "--confirm", "breadfree"]).ended_with(0);
    assert!(aws.stack("konta-prod-addon-breadfree-pictures").await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_may_have_a_cluster_of_its_own() {
    let world = World::warm();
    world.write("tenants/breadfree.yml", "tier: production\nhosts: [breadfree.konta.shop]\ndatabase: dedicated\n");
    world.konta(&["deploy", "tenant", "--all"]).ended_with(0);
    let aws = world.aws().await;
    let own = aws.stack("konta-prod-addon-breadfree-aurora").await.unwrap().unwrap();
    let cell = aws.stack("konta-prod-cell-1").await.unwrap().unwrap();
    let tenant = aws.stack("konta-prod-tenant-breadfree").await.unwrap().unwrap();
    assert_ne!(own.outputs["DatabaseClusterArn"], cell.outputs["DatabaseClusterArn"]);
    assert_eq!(tenant.parameters["DatabaseEndpoint"], own.outputs["DatabaseEndpoint"]);
    let databases = |stack: &konta::aws::cloudformation::StackDescription| konta::aws::rds_data::DataTarget {
        cluster: stack.outputs["DatabaseClusterArn"].clone(),
        secret: stack.outputs["DatabaseSecretArn"].clone(),
    };
    let list = "SELECT datname FROM pg_database WHERE datname IN ('artista', 'breadfree')";
    assert_eq!(aws.sql(&databases(&own), "postgres", list, &[]).await.unwrap(), [[Some("breadfree".to_owned())]]);
    assert_eq!(aws.sql(&databases(&cell), "postgres", list, &[]).await.unwrap(), [[Some("artista".to_owned())]]);

    // The cluster outlives its tenant, keeps the environment from being deleted, and goes with --purge.
    world.konta(&["delete", "tenant", "breadfree", "--confirm", "breadfree"]).ended_with(0);
    world.konta(&["delete", "tenant", "artista", "--confirm", "artista"]).ended_with(0);
    let said = world.konta(&["delete", "env", "prod", "--confirm", "prod"]).ended_with(1);
    assert!(said.stderr.contains("addons of deleted tenants"), "{}", said.stderr);
    world.konta(&["delete", "tenant", "breadfree", "--confirm", "breadfree", "--purge"]).ended_with(0);
    assert!(aws.stack("konta-prod-addon-breadfree-aurora").await.unwrap().is_none());
    world.konta(&["delete", "env", "prod", "--confirm", "prod"]).ended_with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_a_zone_and_a_certificate_may_be_imported() {
    let world = World::warm();
    world.write(
        "environments/prod.yml",
        "account: \"123456789012\"\nregion: eu-west-1\ndomain: konta.shop\nhosted_zone: Z0123456789ABCDEFGHIJ\n\
         certificate: arn:aws:acm:eu-west-1:123456789012:certificate/0a1b2c3d-1111-2222-3333-444455556666\n\
         network:\n  vpc: vpc-0123456789abcdef0\n  public_subnets: [subnet-0aaaaaaaaaaaaaaa1, subnet-0aaaaaaaaaaaaaaa2]\n  \
         private_subnets: [subnet-0bbbbbbbbbbbbbbb1, subnet-0bbbbbbbbbbbbbbb2]\n  egress: nat\n",
    );
    world.konta(&["deploy", "tenant", "--all"]).ended_with(0);
    let aws = world.aws().await;
    assert!(aws.stack("konta-prod-dns").await.unwrap().is_none(), "an imported zone needs no stack");
    let environment = aws.stack("konta-prod").await.unwrap().unwrap();
    assert_eq!(environment.outputs["VpcId"], "vpc-0123456789abcdef0");
    let tenant = aws.stack("konta-prod-tenant-breadfree").await.unwrap().unwrap();
    assert_eq!(tenant.parameters["AssignPublicIp"], "DISABLED");
    assert_eq!(tenant.parameters["TaskSubnetIds"], "subnet-0bbbbbbbbbbbbbbb1,subnet-0bbbbbbbbbbbbbbb2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_cell_opens_the_next_and_nobody_moves() {
    let world = World::warm();
    let environment = std::fs::read_to_string(world.path().join("environments/prod.yml")).unwrap();
    world.konta(&["deploy", "tenant", "breadfree"]).ended_with(0);
    world.write("environments/prod.yml", &environment.replace("tenants_per_cell: 90", "tenants_per_cell: 1"));
    world.write("tenants/aaa.yml", "tier: production\nhosts: [aaa.konta.shop]\n");
    world.konta(&["deploy", "tenant", "--all"]).ended_with(0);
    let aws = world.aws().await;
    let cell_of = async |tenant: &str| {
        aws.stack(&format!("konta-prod-tenant-{tenant}")).await.unwrap().unwrap().tags["konta:cell"].clone()
    };
    assert_eq!(cell_of("breadfree").await, "1", "who lives somewhere stays");
    assert_eq!(cell_of("aaa").await, "2", "a full cell opens the next, whatever the order of names");
    assert_eq!(cell_of("artista").await, "3");
    let second = aws.stack("konta-prod-tenant-aaa").await.unwrap().unwrap();
    assert_eq!(second.parameters["OwnAlias"], "true", "the wildcard leads to the first cell");
    world.konta(&["plan", "tenant", "--all", "--exit-code"]).ended_with(0);
}

/// A cell that stands without a pool gets one when its first pooled tenant comes: the update waits at its gate.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_pooled_tenant_brings_the_pool_to_a_cell_that_stands() {
    let world = World::warm();
    let artista = std::fs::read_to_string(world.path().join("tenants/artista.yml")).unwrap();
    world.remove("tenants/artista.yml");
    world.konta(&["deploy", "tenant", "breadfree"]).ended_with(0);
    let aws = world.aws().await;
    assert!(!aws.stack("konta-prod-cell-1").await.unwrap().unwrap().outputs.contains_key("PoolServiceName"));
    world.write("tenants/artista.yml", &artista);
    world.konta(&["deploy", "tenant", "artista"]).ended_with(0);
    assert!(aws.stack("konta-prod-cell-1").await.unwrap().unwrap().outputs.contains_key("PoolServiceName"));
    // And the pool goes with the last of them, at the next deployment of the environment.
    world.konta(&["delete", "tenant", "artista", "--confirm", "artista"]).ended_with(0);
    world.remove("tenants/artista.yml");
    world.konta(&["deploy", "env"]).ended_with(0);
    assert!(!aws.stack("konta-prod-cell-1").await.unwrap().unwrap().outputs.contains_key("PoolServiceName"));
    world.konta(&["plan", "env", "--exit-code"]).ended_with(0);
}

/// A tag on the environment reaches every stack, and takes nothing from the cluster or its data.
#[tokio::test(flavor = "multi_thread")]
async fn a_tag_on_the_environment_reaches_every_stack() {
    let world = World::warm();
    world.konta(&["deploy", "tenant", "--all"]).ended_with(0);
    let environment = std::fs::read_to_string(world.path().join("environments/prod.yml")).unwrap();
    world.write("environments/prod.yml", &format!("{environment}\ntags: {{ team: shops }}\n"));
    world.konta(&["deploy", "env"]).ended_with(0);
    world.konta(&["deploy", "tenant", "--all"]).ended_with(0);
    for stack in world.aws().await.stacks().await.unwrap() {
        assert_eq!(stack.tags.get("team").map(String::as_str), Some("shops"), "{}", stack.name);
    }
}

#[test]
fn what_would_leave_data_behind_or_pull_the_network_away_is_refused() {
    let world = World::warm();
    world.konta(&["deploy", "tenant", "breadfree"]).ended_with(0);
    world.write("tenants/breadfree.yml", "tier: production\nhosts: [breadfree.konta.shop]\ndatabase: dedicated\n");
    let error = world.konta(&["deploy", "tenant", "breadfree", "-o", "json"]).ended_with(1).result();
    assert!(error["message"].as_str().unwrap().contains("would be empty"), "{error}");
    let environment = std::fs::read_to_string(world.path().join("environments/prod.yml")).unwrap();
    world.write("environments/prod.yml", &environment.replace("vpc: create", "vpc: create\n  cidr: 10.99.0.0/16"));
    let error = world.konta(&["deploy", "env", "-o", "json"]).ended_with(1).result();
    assert!(error["message"].as_str().unwrap().contains("private network"), "{error}");
}

/// A tenant that buys a tier of the other isolation would leave its files behind, so that is refused until they can be moved.
#[test]
fn a_tenant_does_not_leave_the_pool_without_its_files() {
    let world = World::warm();
    world.write("tenants/artista.yml", "tier: catalogue\nhosts: [artista.konta.shop]\n");
    world.konta(&["deploy", "tenant", "artista"]).ended_with(0);
    world.write("tenants/artista.yml", "tier: production\nhosts: [artista.konta.shop]\n");
    let error = world.konta(&["deploy", "tenant", "artista", "-o", "json"]).ended_with(1).result();
    assert!(error["message"].as_str().unwrap().contains("attachments"), "{error}");
}

/// Two commands at once: one sandbox, one of each stack, no priority twice.
#[test]
fn two_deployments_at_once_do_not_meet() {
    let world = World::warm();
    world.konta(&["deploy", "env"]).ended_with(0);
    let start = |tenant: &str| {
        world
            .command(&["deploy", "tenant", tenant, "--sandbox", "--yes"])
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut both = [start("artista"), start("breadfree")];
    for child in &mut both {
        assert!(child.wait().unwrap().success());
    }
    world.konta(&["plan", "tenant", "--all", "--exit-code"]).ended_with(0);
}
