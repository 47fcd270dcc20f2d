"""CloudFormation types that MiniStack has, but that behave differently on AWS.

Each handler of MiniStack is wrapped in up to three steps: `prepare` converts the properties (a parameter is always text),
aws_checks.py refuses what AWS refuses, and `finish`, after the handler itself, adds missing attributes and effects.
The types that MiniStack does not have are in cfn_added_types.py.
"""
import json
import secrets
import uuid

from ministack.core.responses import get_account_id, get_region, now_iso
from ministack.services import alb, ec2, ecs, rds, route53, secretsmanager
from ministack.services.cloudformation import handlers, provisioners, stacks

import aws_checks
import cfn_added_types
from ecs_names import container_definitions, to_ecs

TYPES = provisioners._RESOURCE_HANDLERS
databases = None    # set by install()


# --- ECS -------------------------------------------------------------------------------------------------------
def prepare_service(props):
    props = dict(props)
    for key in ("DesiredCount", "HealthCheckGracePeriodSeconds"):
        if key in props:
            props[key] = int(props[key])
    if "EnableExecuteCommand" in props:
        props["EnableExecuteCommand"] = str(props["EnableExecuteCommand"]).lower() == "true"
    # MiniStack uses this value in the service's ARN. A template may give the cluster's ARN instead of its name.
    props["Cluster"] = str(props.get("Cluster", "default")).rsplit("/", 1)[-1]
    for key in ("LoadBalancers", "CapacityProviderStrategy", "DeploymentConfiguration"):
        if key in props:
            props[key] = to_ecs(props[key])
    return props


def finish_service(arn, props):
    service = ecs._services.get("/".join(arn.split("/")[-2:]))
    if service is not None:
        for key, name in (("EnableExecuteCommand", "enableExecuteCommand"), ("PlatformVersion", "platformVersion"),
                          ("HealthCheckGracePeriodSeconds", "healthCheckGracePeriodSeconds"),
                          ("PropagateTags", "propagateTags"), ("EnableECSManagedTags", "enableECSManagedTags"),
                          ("AvailabilityZoneRebalancing", "availabilityZoneRebalancing")):
            if key in props:
                service[name] = props[key]
    return {"Name": arn.rsplit("/", 1)[-1], "ServiceArn": arn}


def prepare_task_definition(props):
    return {**props, "Volumes": to_ecs(props.get("Volumes") or []),
            **{key: str(props[key]) for key in ("Cpu", "Memory") if key in props}}


def finish_task_definition(arn, props):
    definition = ecs._task_defs.get(arn.rsplit("/", 1)[-1])
    for key in ("RuntimePlatform", "EphemeralStorage"):
        if definition is not None and key in props:
            definition[key[:1].lower() + key[1:]] = to_ecs(props[key])
    return {"TaskDefinitionArn": arn}


def keep_capacity_providers():
    """Makes an update of a cluster keep the capacity providers that an association gave it. MiniStack removes them."""
    handler = TYPES["AWS::ECS::Cluster"]

    def update_cluster(physical, old, new, *rest, **named):
        before = ecs._clusters.get(physical) or {}
        kept = {key: before[key] for key in ("capacityProviders", "defaultCapacityProviderStrategy") if key in before}
        answer = handler["update"](physical, old, new, *rest, **named)
        if "CapacityProviders" not in new and physical in ecs._clusters:
            ecs._clusters[physical].update(kept)
        return answer
    TYPES["AWS::ECS::Cluster"] = {**handler, "update": update_cluster}


# --- RDS -------------------------------------------------------------------------------------------------------
def finish_db_cluster(identifier, props):
    """Creates the real database server of a cluster, and the secret with its master user."""
    cluster = rds._clusters[identifier]
    arn = cluster["DBClusterArn"]
    if "postgres" in cluster["Engine"] and not cluster.get("_konta"):
        snapshot = (props.get("SnapshotIdentifier") or "").rsplit(":", 1)[-1] or None
        if snapshot:
            cluster["MasterUsername"] = rds._db_cluster_snapshots[snapshot]["MasterUsername"]
        managed = str(props.get("ManageMasterUserPassword", "")).lower() == "true"
        password = secrets.token_urlsafe(24) if managed else props.get("MasterUserPassword") or secrets.token_urlsafe(24)
        port = databases.create(arn, identifier, cluster["MasterUsername"], password,
                                props.get("DatabaseName"), snapshot)
        cluster.update(Endpoint="127.0.0.1", ReaderEndpoint="127.0.0.1", Port=port, _MasterUserPassword=password,
                       _konta=True)
        if managed:
            cluster["MasterUserSecret"] = {
                "SecretArn": secretsmanager.create_secret_in_process(
                    f"rds!cluster-{uuid.uuid4()}",
                    json.dumps({"username": cluster["MasterUsername"], "password": password}),
                    description=f"Secret managed by RDS for DB cluster {identifier}"),
                "SecretStatus": "active",
                "KmsKeyId": (props.get("MasterUserSecret") or {}).get("KmsKeyId")
                or f"arn:aws:kms:{get_region()}:{get_account_id()}:key/aws-secretsmanager-default"}
    elif arn in databases.servers and props.get("MasterUserPassword"):
        databases.set_password(arn, props["MasterUserPassword"])
    secret = cluster.get("MasterUserSecret") or {}
    return {"Endpoint.Address": cluster["Endpoint"], "Endpoint.Port": str(cluster["Port"]),
            "ReadEndpoint.Address": cluster["ReaderEndpoint"], "DBClusterArn": arn, "Port": str(cluster["Port"]),
            **{f"MasterUserSecret.{k}": secret[k] for k in ("SecretArn", "KmsKeyId") if k in secret}}


def remove_database(cluster):
    """Removes what belongs to a deleted cluster: its server, its data and the secret that RDS created for it."""
    databases.remove(cluster["DBClusterArn"])
    if cluster.get("MasterUserSecret"):
        secretsmanager.delete_secret_in_process(cluster["MasterUserSecret"]["SecretArn"])


def finish_db_instance(identifier, _props):
    instance = rds._instances[identifier]
    cluster = rds._clusters.get(instance.get("DBClusterIdentifier") or "")
    if cluster and cluster["DBClusterArn"] in databases.servers:
        instance["Endpoint"].update(Address="127.0.0.1", Port=cluster["Port"])
    return {"Endpoint.Address": instance["Endpoint"]["Address"], "Endpoint.Port": str(instance["Endpoint"]["Port"])}


def snapshotting_database(original):
    def create_cluster_snapshot(name, cluster):
        databases.snapshot(cluster["DBClusterArn"], name)
        return original(name, cluster)
    return create_cluster_snapshot


# --- load balancing --------------------------------------------------------------------------------------------
def target_groups(actions):
    for action in actions or []:
        if action.get("TargetGroupArn"):
            yield action["TargetGroupArn"]
        for group in (action.get("ForwardConfig") or {}).get("TargetGroups") or []:
            yield group.get("TargetGroupArn")


def attach_target_groups(listener_arn, actions):
    """Sets the load balancer of each target group to the one that forwards to it.

    On AWS, a target group has a load balancer as long as a rule forwards to it. MiniStack sets it only for a listener's
    default action, and never removes it.
    """
    load_balancer = alb._listeners[listener_arn]["LoadBalancerArn"]
    listeners = {arn: listener for arn, listener in alb._listeners.items() if listener["LoadBalancerArn"] == load_balancer}
    used = set(target_groups(actions))
    for listener in listeners.values():
        used.update(target_groups(listener.get("DefaultActions")))
    for rule in alb._rules.values():
        if rule["ListenerArn"] in listeners:
            used.update(target_groups(rule.get("Actions")))
    for arn, group in alb._tgs.items():
        others = [other for other in group.get("LoadBalancerArns") or [] if other != load_balancer]
        group["LoadBalancerArns"] = others + ([load_balancer] if arn in used else [])


def finish_listener_rule(arn, props):
    attach_target_groups(props["ListenerArn"], props.get("Actions"))
    return {"RuleArn": arn, "IsDefault": "false"}


def finish_listener(arn, props):
    attach_target_groups(arn, props.get("DefaultActions"))
    return {}


def finish_load_balancer(arn, _props):
    balancer = alb._lbs[arn]
    subnets = [ec2._subnets[subnet] for subnet in balancer["Subnets"] if subnet in ec2._subnets]
    balancer["VpcId"] = subnets[0]["VpcId"] if subnets else balancer["VpcId"]
    return {}


# --- EC2 -------------------------------------------------------------------------------------------------------

def ec2_attributes(store, id_name, *names):
    def finish(identifier, _props):
        record = store.get(identifier) or {}
        return {id_name: identifier, **{name: record[name] for name in names if name in record}}
    return finish


def finish_vpc(identifier, props):
    return {"VpcId": identifier, "CidrBlock": ec2._vpcs[identifier]["CidrBlock"], "Ipv6CidrBlocks": [],
            "CidrBlockAssociations": ["vpc-cidr-assoc-" + identifier[4:]]}


def finish_security_group(identifier, _props):
    return {"GroupId": identifier, "Id": identifier, "VpcId": ec2._security_groups[identifier]["VpcId"]}


FINISH = {
    "AWS::ECS::Service": finish_service, "AWS::ECS::TaskDefinition": finish_task_definition,
    "AWS::RDS::DBCluster": finish_db_cluster, "AWS::RDS::DBInstance": finish_db_instance,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": finish_load_balancer,
    "AWS::ElasticLoadBalancingV2::Listener": finish_listener,
    "AWS::ElasticLoadBalancingV2::ListenerRule": finish_listener_rule,
    "AWS::ElasticLoadBalancingV2::TargetGroup": lambda arn, _: {"LoadBalancerArns": alb._tgs[arn]["LoadBalancerArns"]},
    "AWS::EC2::VPC": finish_vpc, "AWS::EC2::SecurityGroup": finish_security_group,
    "AWS::EC2::Subnet": ec2_attributes(ec2._subnets, "SubnetId", "VpcId", "CidrBlock", "AvailabilityZone",
                                       "AvailabilityZoneId"),
    "AWS::EC2::InternetGateway": ec2_attributes(ec2._internet_gateways, "InternetGatewayId"),
    "AWS::EC2::RouteTable": ec2_attributes(ec2._route_tables, "RouteTableId"),
    # The same four name servers as in GetHostedZone's answer. MiniStack's CloudFormation gives two others.
    "AWS::Route53::HostedZone": lambda _id, _props: {"NameServers": [name.rstrip(".") for name in route53._DEFAULT_NS]},
}
PREPARE = {"AWS::ECS::Service": prepare_service, "AWS::ECS::TaskDefinition": prepare_task_definition}


# --- installation ----------------------------------------------------------------------------------------------
def adjust_type(kind):
    handler, prepare, finish = dict(TYPES[kind]), PREPARE.get(kind, dict), FINISH.get(kind, lambda *_: {})
    create, update, delete = handler["create"], handler.get("update"), handler["delete"]

    def create_resource(logical_id, props, stack, *more, **named):
        props = prepare(props)
        aws_checks.check(kind, props, None)
        if kind == "AWS::RDS::DBCluster" and not props.get("DBClusterIdentifier"):
            # MiniStack derives a cluster's name from the stack's. A later stack of the same name must not overwrite a
            # cluster that was retained.
            while provisioners._physical_name(stack, logical_id, lowercase=True, max_len=63) in rds._clusters:
                provisioners._NAME_SEED.set(uuid.uuid4().hex[:8])
        physical, attributes = create(logical_id, props, stack, *more, **named)
        try:
            return physical, {**attributes, **finish(physical, props)}
        except BaseException:
            delete(physical, props)
            raise

    def update_resource(physical, old, new, *more, **named):
        old, new = prepare(old), prepare(new)
        aws_checks.check(kind, new, physical)
        physical, attributes = update(physical, old, new, *more, **named)
        return physical, {**attributes, **finish(physical, new)}

    def delete_resource(physical, props, *more):
        aws_checks.check_delete(kind, physical)
        cluster = rds._clusters.get(physical) if kind == "AWS::RDS::DBCluster" else None
        delete(physical, props, *more)
        if cluster:
            remove_database(cluster)
    adjusted = {create: create_resource, update: update_resource, delete: delete_resource}
    # When MiniStack replaces a resource, it calls these functions by name instead of through its table.
    for name, value in list(vars(provisioners).items()):
        if callable(value) and value in (create, update, delete) and value.__module__ == provisioners.__name__:
            setattr(provisioners, name, adjusted[value])
    TYPES[kind] = {**handler, "create": create_resource, "delete": delete_resource,
                   **({"update": update_resource} if update else {})}


def identify_secrets_by_arn():
    """Makes the Ref of AWS::SecretsManager::Secret the secret's ARN, as on AWS. In MiniStack it is the name."""
    kind = "AWS::SecretsManager::Secret"
    create, update, delete = (TYPES[kind][k] for k in ("create", "update", "delete"))

    def name(arn):
        return secretsmanager._resolve(arn)[0] or arn

    def create_secret(logical_id, props, stack):
        aws_checks.check(kind, props, None)
        _, attributes = create(logical_id, props, stack)
        return attributes["Arn"], attributes

    def update_secret(physical, *more):
        _, attributes = update(name(physical), *more)
        return attributes["Arn"], attributes
    TYPES[kind] = {**TYPES[kind], "create": create_secret, "update": update_secret,
                   "delete": lambda physical, props: delete(name(physical), props)}


def keeping_undeleted_resources(original):
    async def roll_back_operation(stack_name, stack_id, stack, *more):
        """Keeps a resource that a rollback could not delete in the stack, as on AWS. MiniStack drops it."""
        done = await original(stack_name, stack_id, stack, *more)
        if stack["StackStatus"] == "ROLLBACK_FAILED":
            for name, record in stack.get("_rollback_failed", {}).items():
                stack["_resources"][name] = {**record, "ResourceStatus": "DELETE_FAILED", "Timestamp": now_iso()}
        return done
    return roll_back_operation


def install(servers):
    global databases
    databases = servers
    provisioners._normalize_container_defs = container_definitions
    cfn_added_types.install()
    keep_capacity_providers()
    identify_secrets_by_arn()
    for kind in set(FINISH) | (aws_checks.KINDS & set(TYPES)):
        if TYPES[kind]["create"].__module__ == provisioners.__name__:
            adjust_type(kind)
    # Creating a cluster takes a second or two (initdb) and must not block the event loop.
    runs_on_worker_thread = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda kind: kind == "AWS::RDS::DBCluster" or runs_on_worker_thread(kind)
    stacks._roll_back_operation = keeping_undeleted_resources(stacks._roll_back_operation)
    handlers._capabilities_enforced = lambda: True
    rds._create_cluster_snapshot_internal = snapshotting_database(rds._create_cluster_snapshot_internal)
