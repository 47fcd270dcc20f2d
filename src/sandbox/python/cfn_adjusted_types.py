"""The CloudFormation types of konta's sandbox that MiniStack keeps otherwise than AWS.

A handler of MiniStack is wrapped in up to four steps: `prepare` casts the properties (a parameter is always text),
`check` refuses what AWS refuses (`aws_checks.py`), the handler itself, and `finish` adds attributes and the effects
that were missing. The types that MiniStack lacks are in `cfn_added_types.py`.
"""
import json
import secrets
import uuid

from ministack.core.responses import get_account_id, get_region, now_iso
from ministack.services import alb, ec2, ecs, rds, route53, secretsmanager
from ministack.services.cloudformation import handlers as api
from ministack.services.cloudformation import provisioners as p
from ministack.services.cloudformation import stacks

import aws_checks
import cfn_added_types
from ecs_names import camel, container_definitions

TYPES = p._RESOURCE_HANDLERS
databases = None    # set by the process


# --- the steps around MiniStack's own handlers -----------------------------------------------------------------
def prepare_service(props):
    props = dict(props)
    for key in ("DesiredCount", "HealthCheckGracePeriodSeconds"):
        if key in props:
            props[key] = int(props[key])
    if "EnableExecuteCommand" in props:
        props["EnableExecuteCommand"] = str(props["EnableExecuteCommand"]).lower() == "true"
    # MiniStack builds the service's ARN from what the template gave, which may itself be an ARN.
    props["Cluster"] = str(props.get("Cluster", "default")).rsplit("/", 1)[-1]
    for key in ("LoadBalancers", "CapacityProviderStrategy", "DeploymentConfiguration"):
        if key in props:
            props[key] = camel(props[key])
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


def prepare_task(props):
    return {**props, "Volumes": camel(props.get("Volumes") or []),
            **{k: str(props[k]) for k in ("Cpu", "Memory") if k in props}}


def finish_task(arn, props):
    definition = ecs._task_defs.get(arn.rsplit("/", 1)[-1])
    for key in ("RuntimePlatform", "EphemeralStorage"):
        if definition is not None and key in props:
            definition[key[:1].lower() + key[1:]] = camel(props[key])
    return {"TaskDefinitionArn": arn}


def finish_cluster(identifier, props):
    """The real database behind an AWS::RDS::DBCluster, and the secret with its master user."""
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


def forget_cluster(cluster):
    """What goes with a deleted cluster: its server, its data and the secret RDS made for it."""
    databases.remove(cluster["DBClusterArn"])
    if cluster.get("MasterUserSecret"):
        secretsmanager.delete_secret_in_process(cluster["MasterUserSecret"]["SecretArn"])


def finish_instance(identifier, _props):
    instance = rds._instances[identifier]
    cluster = rds._clusters.get(instance.get("DBClusterIdentifier") or "")
    if cluster and cluster["DBClusterArn"] in databases.servers:
        instance["Endpoint"].update(Address="127.0.0.1", Port=cluster["Port"])
    return {"Endpoint.Address": instance["Endpoint"]["Address"], "Endpoint.Port": str(instance["Endpoint"]["Port"])}


def target_groups(actions):
    for action in actions or []:
        if action.get("TargetGroupArn"):
            yield action["TargetGroupArn"]
        for group in (action.get("ForwardConfig") or {}).get("TargetGroups") or []:
            yield group.get("TargetGroupArn")


def attach(listener_arn, actions):
    """A target group belongs to the load balancer whose rules lead to it, and no longer; MiniStack notes only a listener's
    default ones, for ever."""
    load_balancer = alb._listeners[listener_arn]["LoadBalancerArn"]
    listeners = {arn: one for arn, one in alb._listeners.items() if one["LoadBalancerArn"] == load_balancer}
    led_to = set(target_groups(actions))
    for one in listeners.values():
        led_to.update(target_groups(one.get("DefaultActions")))
    for rule in alb._rules.values():
        if rule["ListenerArn"] in listeners:
            led_to.update(target_groups(rule.get("Actions")))
    for arn, group in alb._tgs.items():
        others = [other for other in group.get("LoadBalancerArns") or [] if other != load_balancer]
        group["LoadBalancerArns"] = others + ([load_balancer] if arn in led_to else [])


def finish_rule(arn, props):
    attach(props["ListenerArn"], props.get("Actions"))
    return {"RuleArn": arn, "IsDefault": "false"}


def finish_listener(arn, props):
    attach(arn, props.get("DefaultActions"))
    return {}


def finish_balancer(arn, _props):
    balancer = alb._lbs[arn]
    subnets = [ec2._subnets[s] for s in balancer["Subnets"] if s in ec2._subnets]
    balancer["VpcId"] = subnets[0]["VpcId"] if subnets else balancer["VpcId"]
    return {}


def ec2_attributes(store, id_name, *names):
    def finish(identifier, _props):
        record = store.get(identifier) or {}
        return {id_name: identifier, **{n: record[n] for n in names if n in record}}
    return finish


def finish_vpc(identifier, props):
    return {"VpcId": identifier, "CidrBlock": ec2._vpcs[identifier]["CidrBlock"], "Ipv6CidrBlocks": [],
            "CidrBlockAssociations": ["vpc-cidr-assoc-" + identifier[4:]]}


def finish_group(identifier, _props):
    return {"GroupId": identifier, "Id": identifier, "VpcId": ec2._security_groups[identifier]["VpcId"]}


FINISH = {
    "AWS::ECS::Service": finish_service, "AWS::ECS::TaskDefinition": finish_task,
    "AWS::RDS::DBCluster": finish_cluster, "AWS::RDS::DBInstance": finish_instance,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": finish_balancer,
    "AWS::ElasticLoadBalancingV2::Listener": finish_listener,
    "AWS::ElasticLoadBalancingV2::ListenerRule": finish_rule,
    "AWS::ElasticLoadBalancingV2::TargetGroup": lambda arn, _: {"LoadBalancerArns": alb._tgs[arn]["LoadBalancerArns"]},
    "AWS::EC2::VPC": finish_vpc, "AWS::EC2::SecurityGroup": finish_group,
    "AWS::EC2::Subnet": ec2_attributes(ec2._subnets, "SubnetId", "VpcId", "CidrBlock", "AvailabilityZone",
                                       "AvailabilityZoneId"),
    "AWS::EC2::InternetGateway": ec2_attributes(ec2._internet_gateways, "InternetGatewayId"),
    "AWS::EC2::RouteTable": ec2_attributes(ec2._route_tables, "RouteTableId"),
    # Four, and those that GetHostedZone names: MiniStack's CloudFormation had two of its own.
    "AWS::Route53::HostedZone": lambda _id, _props: {"NameServers": [n.rstrip(".") for n in route53._DEFAULT_NS]},
}
PREPARE = {"AWS::ECS::Service": prepare_service, "AWS::ECS::TaskDefinition": prepare_task}


def wrap(kind):
    handler, prepare, finish = dict(TYPES[kind]), PREPARE.get(kind, dict), FINISH.get(kind, lambda *_: {})
    create, update, delete = handler["create"], handler.get("update"), handler["delete"]

    def create_ours(logical_id, props, stack, *more, **named):
        props = prepare(props)
        aws_checks.check(kind, props, None)
        if kind == "AWS::RDS::DBCluster" and not props.get("DBClusterIdentifier"):
            # MiniStack gives the same name again to a stack of the same name; a retained cluster must not be overwritten.
            while p._physical_name(stack, logical_id, lowercase=True, max_len=63) in rds._clusters:
                p._NAME_SEED.set(uuid.uuid4().hex[:8])
        physical, attributes = create(logical_id, props, stack, *more, **named)
        try:
            return physical, {**attributes, **finish(physical, props)}
        except BaseException:
            delete(physical, props)
            raise

    def update_ours(physical, old, new, *more, **named):
        old, new = prepare(old), prepare(new)
        aws_checks.check(kind, new, physical)
        physical, attributes = update(physical, old, new, *more, **named)
        return physical, {**attributes, **finish(physical, new)}

    def delete_ours(physical, props, *more):
        aws_checks.check_delete(kind, physical)
        cluster = rds._clusters.get(physical) if kind == "AWS::RDS::DBCluster" else None
        delete(physical, props, *more)
        if cluster:
            forget_cluster(cluster)
    ours = {create: create_ours, update: update_ours, delete: delete_ours}
    # MiniStack's replacements call the functions by name, not by the table.
    for name, value in list(vars(p).items()):
        if callable(value) and value in (create, update, delete) and value.__module__ == p.__name__:
            setattr(p, name, ours[value])
    TYPES[kind] = {**handler, "create": create_ours, "delete": delete_ours, **({"update": update_ours} if update else {})}


# --- the rest --------------------------------------------------------------------------------------------------
def secret_by_arn():
    """AWS::SecretsManager::Secret, whose Ref is the ARN on AWS and the name in MiniStack."""
    kind = "AWS::SecretsManager::Secret"
    create, update, delete = (TYPES[kind][k] for k in ("create", "update", "delete"))

    def name(arn):
        return secretsmanager._resolve(arn)[0] or arn

    def create_ours(logical_id, props, stack):
        aws_checks.check(kind, props, None)
        _, attributes = create(logical_id, props, stack)
        return attributes["Arn"], attributes

    def update_ours(physical, *more):
        _, attributes = update(name(physical), *more)
        return attributes["Arn"], attributes
    TYPES[kind] = {**TYPES[kind], "create": create_ours, "update": update_ours,
                   "delete": lambda physical, props: delete(name(physical), props)}


def run_task(original):
    def ours(data):
        """This sandbox runs no containers, so a task of its own ends at once. A service's task is left as it is."""
        if "_deploymentId" in data or ecs._get_docker():
            return original(data)
        cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
        if cluster not in ecs._clusters:
            return ecs.error_response_json("ClusterNotFoundException", "Cluster not found.", 400)
        status, headers, body = original(data)
        if status >= 400:
            return status, headers, body
        answer = json.loads(body)
        for task in answer["tasks"]:
            record = ecs._tasks[task["taskArn"]]
            ecs._mark_task_stopped(task["taskArn"], record, "konta sandbox: containers are not run", "TaskFailedToStart")
            record["startedAt"] = None
            for container in record["containers"]:
                container.pop("exitCode", None)
            task.update(ecs._sanitize(record))
        return ecs.json_response({**answer, "tasks": [ecs._sanitize(ecs._tasks[t["taskArn"]]) for t in answer["tasks"]]})
    return ours


def keep_what_stays(original):
    async def ours(stack_name, stack_id, stack, *more):
        """A resource that a rollback could not delete stays in the stack, as on AWS; MiniStack forgets it."""
        done = await original(stack_name, stack_id, stack, *more)
        if stack["StackStatus"] == "ROLLBACK_FAILED":
            for name, record in stack.get("_rollback_failed", {}).items():
                stack["_resources"][name] = {**record, "ResourceStatus": "DELETE_FAILED", "Timestamp": now_iso()}
        return done
    return ours


def install(servers):
    global databases
    databases = servers
    p._normalize_container_defs = container_definitions
    cfn_added_types.install()
    secret_by_arn()
    for kind in set(FINISH) | (aws_checks.KINDS & set(TYPES)):
        if TYPES[kind]["create"].__module__ == p.__name__:
            wrap(kind)
    # A cluster takes a second or two to make (initdb): not on the event loop.
    blocking = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda kind: kind == "AWS::RDS::DBCluster" or blocking(kind)
    stacks._roll_back_operation = keep_what_stays(stacks._roll_back_operation)
    api._capabilities_enforced = lambda: True
    ecs._run_task = run_task(ecs._run_task)
    ecs._ACTION_MAP["RunTask"] = ecs._run_task
    snapshot = rds._create_cluster_snapshot_internal

    def snapshot_ours(name, cluster):
        databases.snapshot(cluster["DBClusterArn"], name)
        return snapshot(name, cluster)
    rds._create_cluster_snapshot_internal = snapshot_ours
