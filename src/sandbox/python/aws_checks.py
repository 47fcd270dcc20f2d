"""Checks for resources that AWS refuses and MiniStack accepts. Such a resource must fail in konta's sandbox, too.

A check raises an error with the service's message inside CloudFormation's own text, so that the stack shows CREATE_FAILED
and rolls back. A message marked (approximate) is not exactly the one from AWS.
"""
import re
import uuid

from ministack.services import acm, alb, cloudwatch_logs, ec2, ecs, iam, rds, secretsmanager

# Versions of Aurora PostgreSQL that can no longer be created.
WITHDRAWN_VERSIONS = {"16.1", "16.2", "16.3", "16.4", "16.6"}
# CPU units -> memory in MiB.
FARGATE_SIZES = {
    256: {512, 1024, 2048}, 512: set(range(1024, 4097, 1024)), 1024: set(range(2048, 8193, 1024)),
    2048: set(range(4096, 16385, 1024)), 4096: set(range(8192, 30721, 1024)),
    8192: set(range(16384, 61441, 4096)), 16384: set(range(32768, 122881, 8192))}


def refuse(message, service, code="InvalidRequest", status=400):
    """Fails as a resource handler of CloudFormation does, with the message of the service."""
    sdk = f"(Service: {service}, Status Code: {status}, Request ID: {uuid.uuid4()}) (SDK Attempt Count: 1)"
    raise ValueError(f'Resource handler returned message: "{message} {sdk}" (RequestToken: {uuid.uuid4()}, '
                     f'HandlerErrorCode: {code})')


def refuse_elb(message, code="InvalidRequest"):
    refuse(message, "ElasticLoadBalancingV2", code)


def refuse_ecs(message, operation):
    refuse(f"Invalid request provided: {operation}: {message}", "AmazonECS")


def refuse_rds(message, code="InvalidRequest"):
    refuse(message, "Rds", code)


def megabytes(text):
    amount = re.fullmatch(r"([\d.]+)\s*(GB)?", str(text), re.I)
    return amount and int(float(amount[1]) * (1024 if amount[2] else 1))


def cpu_units(text):
    amount = re.fullmatch(r"([\d.]+)\s*(vCPU)?", str(text), re.I)
    return amount and int(float(amount[1]) * (1024 if amount[2] else 1))


# --- ECS -------------------------------------------------------------------------------------------------------
def task_definition(props, _physical):
    operation = "Create TaskDefinition"
    containers = props.get("ContainerDefinitions") or []
    if not containers:
        refuse_ecs("Container list cannot be empty.", operation)
    if "FARGATE" not in (props.get("RequiresCompatibilities") or []):
        return
    if props.get("NetworkMode") != "awsvpc":
        refuse_ecs("Fargate only supports network mode ‘awsvpc’.", operation)
    cpu, memory = cpu_units(props.get("Cpu", 0)), megabytes(props.get("Memory", 0))
    if memory not in FARGATE_SIZES.get(cpu, ()):
        refuse_ecs(f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the Amazon ECS "
                   "documentation for the valid values.", operation)
    for container in containers:
        if int(container.get("StopTimeout") or 0) > 120:
            refuse_ecs("Container stop timeout must not exceed 120 seconds on Fargate.", operation)  # (approximate)
        driver = (container.get("LogConfiguration") or {}).get("LogDriver")
        if not props.get("ExecutionRoleArn") and (container.get("Secrets") or driver == "awslogs"):
            what = "container secrets" if container.get("Secrets") else "log driver awslogs"
            refuse_ecs(f"Fargate requires task definition to have execution role ARN to support {what}.", operation)
    for volume in props.get("Volumes") or []:
        efs = volume.get("efsVolumeConfiguration") or {}
        authorization = efs.get("authorizationConfig") or {}
        if authorization and efs.get("transitEncryption") != "ENABLED":
            refuse_ecs("Transit encryption must be enabled when an EFS access point or IAM authorization is used.",
                       operation)  # (approximate)
        if authorization.get("accessPointId") and efs.get("rootDirectory", "/") != "/":
            refuse_ecs("The root directory must be omitted or set to / when an EFS access point is used.",
                       operation)  # (approximate)


def service(props, physical):
    operation = "UpdateService error" if physical else "CreateService error"
    cluster = ecs._clusters.get(str(props.get("Cluster", "default")).rsplit("/", 1)[-1])
    if cluster is None:
        refuse("Cluster not found.", "AmazonECS", "NotFound")
    if "/" in str(props.get("TaskDefinition", "")) and ecs._resolve_td_key(props["TaskDefinition"]) not in ecs._task_defs:
        refuse_ecs("TaskDefinition not found.", operation)
    if props.get("LaunchType") and props.get("CapacityProviderStrategy"):
        refuse_ecs("Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
                   operation)
    for item in props.get("CapacityProviderStrategy") or []:
        if item.get("capacityProvider") not in (cluster.get("capacityProviders") or []):
            refuse_ecs("The specified capacity provider strategy cannot contain a capacity provider that is not associated "
                       "with the cluster. Associate the capacity provider with the cluster and try again.", operation)
    for balancer in props.get("LoadBalancers") or []:
        arn = balancer.get("targetGroupArn")
        if arn not in alb._tgs:
            refuse_ecs(f"The target group with targetGroupArn {arn} does not exist.", operation)
        if not alb._tgs[arn].get("LoadBalancerArns"):
            refuse_ecs(f"The target group with targetGroupArn {arn} does not have an associated load balancer.", operation)


# --- load balancing --------------------------------------------------------------------------------------------
def check_target_groups(actions):
    for action in actions or []:
        arns = [g.get("TargetGroupArn") for g in (action.get("ForwardConfig") or {}).get("TargetGroups") or []]
        for arn in arns + ([action["TargetGroupArn"]] if action.get("TargetGroupArn") else []):
            if arn not in alb._tgs:
                refuse_elb(f"Target groups '{arn}' not found", "NotFound")


def check_certificates(certificates):
    for certificate in certificates or []:
        arn = certificate.get("CertificateArn", "")
        if ":acm:" in arn and arn not in acm._certificates:
            refuse_elb(f"Certificate ARN '{arn}' is not valid", "NotFound")


def load_balancer(props, physical):
    subnets = [ec2._subnets.get(s) for s in props.get("Subnets") or []]
    if None in subnets:
        refuse_elb(f"The subnet ID '{props['Subnets'][subnets.index(None)]}' is not valid")
    if props.get("Type", "application") == "application" and len({s["AvailabilityZone"] for s in subnets}) < 2:
        refuse_elb("At least two subnets in two different Availability Zones must be specified")
    name = props.get("Name")
    if name and len(name) > 32:
        refuse_elb(f"Load balancer name '{name}' cannot be longer than '32' characters")
    if name and not physical and any(lb["LoadBalancerName"] == name for lb in alb._lbs.values()):
        refuse_elb(f"A load balancer with the same name '{name}' exists, but with different settings", "AlreadyExists")


def target_group(props, physical):
    name = props.get("Name")
    if name and len(name) > 32:
        refuse_elb(f"Target group name '{name}' cannot be longer than '32' characters")
    if name and not physical and any(g["TargetGroupName"] == name for g in alb._tgs.values()):
        refuse_elb(f"A target group with the same name '{name}' exists, but with different settings", "AlreadyExists")
    if props.get("VpcId") and props["VpcId"] not in ec2._vpcs:
        refuse_elb(f"The VPC ID '{props['VpcId']}' is not found")
    if int(props.get("HealthCheckTimeoutSeconds") or 5) >= int(props.get("HealthCheckIntervalSeconds") or 30):
        refuse_elb("Health check timeout must be smaller than the interval")


def listener(props, physical):
    arn = props.get("LoadBalancerArn")
    if arn not in alb._lbs:
        refuse_elb(f"Load balancer '{arn}' not found", "NotFound")
    for other in alb._listeners.values():
        if other["LoadBalancerArn"] == arn and other["Port"] == int(props.get("Port", 80)) \
                and other["ListenerArn"] != physical:
            refuse_elb("A listener already exists on this port for this load balancer", "AlreadyExists")
    if props.get("Protocol") in ("HTTPS", "TLS") and not props.get("Certificates"):
        refuse_elb(f"A certificate must be specified for {props['Protocol']} listeners")
    check_certificates(props.get("Certificates"))
    check_target_groups(props.get("DefaultActions"))


def listener_certificate(props, _physical):
    if props.get("ListenerArn") not in alb._listeners:
        refuse_elb("One or more listeners not found", "NotFound")
    check_certificates(props.get("Certificates"))


def listener_rule(props, physical):
    old = alb._rules.get(physical or "")
    arn = props.get("ListenerArn") or (old or {}).get("ListenerArn")
    if arn not in alb._listeners:
        refuse_elb("One or more listeners not found", "NotFound")
    priority = int(props.get("Priority") or 0)
    if not 1 <= priority <= 50000:
        refuse_elb("The priority must be between '1' and '50000', inclusive")
    for other in alb._rules.values():
        if other["ListenerArn"] == arn and str(other["Priority"]) == str(priority) and other["RuleArn"] != physical:
            refuse_elb(f"Priority '{priority}' is currently in use", "AlreadyExists")
    count = 0
    for condition in props.get("Conditions") or []:
        for key, value in condition.items():
            count += len(value["Values"]) if isinstance(value, dict) and "Values" in value else 0
            count += len(value) if key == "Values" else 0
        if condition.get("Field") == "host-header":
            for host in (condition.get("HostHeaderConfig") or {}).get("Values") or condition.get("Values") or []:
                if "." not in host:
                    refuse_elb(f"Condition value '{host}' must contain at least one '.' character")  # (approximate)
    if count > 5:
        refuse_elb("Rules can have at most '5' condition values", "ServiceLimitExceeded")  # (approximate)
    check_target_groups(props.get("Actions"))
    for action in props.get("Actions") or []:
        fixed = action.get("FixedResponseConfig") or {}
        if len(fixed.get("MessageBody") or "") > 1024:
            refuse_elb("The message body cannot be longer than '1024' characters")  # (approximate)


# --- RDS -------------------------------------------------------------------------------------------------------
def check_scaling(configuration):
    limits = {}
    for key, lowest in (("MinCapacity", 0), ("MaxCapacity", 1)):
        if key in configuration:
            value = limits[key] = float(configuration[key])
            if value * 2 != int(value * 2) or not lowest <= value <= 256:
                refuse_rds(f"Serverless v2 {'minimum' if key == 'MinCapacity' else 'maximum'} capacity {value} isn't valid. "
                           f"Capacity must be a multiple of 0.5 from {lowest} to 256.")  # (approximate)
    if limits.get("MinCapacity", 0) > limits.get("MaxCapacity", 256):
        refuse_rds("Serverless v2 minimum capacity must be less than or equal to the maximum capacity.")  # (approximate)
    pause = configuration.get("SecondsUntilAutoPause")
    if pause is not None and not 300 <= int(pause) <= 86400:
        refuse_rds(f"SecondsUntilAutoPause {pause} isn't valid. Specify a value from 300 to 86400 seconds.")  # (approximate)


def db_cluster(props, physical):
    engine, version = props.get("Engine", ""), str(props.get("EngineVersion", ""))
    if engine == "aurora-postgresql" and version in WITHDRAWN_VERSIONS:
        refuse_rds(f"Cannot find version {version} for {engine}")
    check_scaling(props.get("ServerlessV2ScalingConfiguration") or {})
    if props.get("MasterUserPassword") and str(props.get("ManageMasterUserPassword", "")).lower() == "true":
        refuse_rds("You can't specify MasterUserPassword when ManageMasterUserPassword is enabled.")
    if physical:
        return
    identifier = props.get("DBClusterIdentifier")
    if identifier and identifier in rds._clusters:
        refuse_rds("DB Cluster already exists", "AlreadyExists")
    if props.get("SnapshotIdentifier"):
        name = props["SnapshotIdentifier"].rsplit(":", 1)[-1]
        if name not in rds._db_cluster_snapshots:
            refuse_rds(f"DBClusterSnapshot not found: {name}", "NotFound")
    else:
        user = props.get("MasterUsername", "")
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,62}", user):
            refuse_rds(f"The parameter MasterUsername is not a valid identifier: {user}")  # (approximate)
        if user.lower() in ("admin", "rdsadmin", "rdsrepladmin"):
            refuse_rds(f"MasterUsername {user} cannot be used as it is a reserved word used by the engine")
    if props.get("DBSubnetGroupName", "default") not in set(rds._subnet_groups) | {"default"}:
        refuse_rds(f"DB subnet group '{props['DBSubnetGroupName']}' does not exist.", "NotFound")


def db_instance(props, physical):
    cluster = rds._clusters.get(props.get("DBClusterIdentifier") or "")
    if props.get("DBClusterIdentifier") and cluster is None:
        refuse_rds(f"DBCluster Not Found: {props['DBClusterIdentifier']}", "NotFound")
    if props.get("DBInstanceClass") == "db.serverless" and cluster and not cluster.get("ServerlessV2ScalingConfiguration"):
        refuse_rds("Set the Serverless v2 scaling configuration on the parent DB cluster before creating a Serverless v2 DB "
                   "instance.")
    if not physical and props.get("DBInstanceIdentifier") in rds._instances:
        refuse_rds("DB instance already exists", "AlreadyExists")


def subnet_group(props, _physical):
    zones = {ec2._subnets[s]["AvailabilityZone"] for s in props.get("SubnetIds") or [] if s in ec2._subnets}
    if len(zones) < 2:
        refuse_rds("The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: "
                   f"{', '.join(sorted(zones))}. Add subnets to cover at least 2 AZs.")


# --- other services --------------------------------------------------------------------------------------------
def check_vpc(props, _physical):
    if props.get("VpcId") and props["VpcId"] not in ec2._vpcs:
        refuse(f"The vpc ID '{props['VpcId']}' does not exist", "Ec2", "NotFound")


def group_rule(props, _physical):
    for key in ("GroupId", "SourceSecurityGroupId", "DestinationSecurityGroupId"):
        if props.get(key) and props[key] not in ec2._security_groups:
            refuse(f"The security group '{props[key]}' does not exist", "Ec2", "NotFound")


def nat_gateway(props, _physical):
    if props.get("SubnetId") not in ec2._subnets:
        refuse(f"The subnet ID '{props.get('SubnetId')}' does not exist", "Ec2", "NotFound")


def role(props, physical):
    if not physical and props.get("RoleName") in iam._roles:
        refuse(f"Role with name {props['RoleName']} already exists.", "Iam", "AlreadyExists", 409)


def log_group(props, physical):
    name = props.get("LogGroupName")
    if name and not physical and name in cloudwatch_logs._log_groups:
        raise ValueError("Resource handler returned message: \"Resource of type 'AWS::Logs::LogGroup' with identifier "
                         f"'{{\"/properties/LogGroupName\":\"{name}\"}}' already exists.\" (RequestToken: {uuid.uuid4()}, "
                         "HandlerErrorCode: AlreadyExists)")


def parameter(props, _physical):
    if props.get("Type") not in ("String", "StringList"):
        raise ValueError(f"Properties validation failed for resource with message: #/Type: {props.get('Type')} is not a "
                         "valid enum value")


def secret(props, _physical):
    if props.get("Name") in secretsmanager._secrets:
        refuse(f"The operation failed because the secret {props['Name']} already exists.", "SecretsManager", "AlreadyExists")


CHECKS = {
    "AWS::ECS::TaskDefinition": task_definition, "AWS::ECS::Service": service,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": load_balancer,
    "AWS::ElasticLoadBalancingV2::TargetGroup": target_group,
    "AWS::ElasticLoadBalancingV2::Listener": listener,
    "AWS::ElasticLoadBalancingV2::ListenerCertificate": listener_certificate,
    "AWS::ElasticLoadBalancingV2::ListenerRule": listener_rule,
    "AWS::RDS::DBCluster": db_cluster, "AWS::RDS::DBInstance": db_instance, "AWS::RDS::DBSubnetGroup": subnet_group,
    "AWS::EC2::Subnet": check_vpc, "AWS::EC2::SecurityGroup": check_vpc, "AWS::EC2::RouteTable": check_vpc,
    "AWS::EC2::SecurityGroupIngress": group_rule, "AWS::EC2::SecurityGroupEgress": group_rule,
    "AWS::EC2::NatGateway": nat_gateway, "AWS::IAM::Role": role, "AWS::SSM::Parameter": parameter,
    "AWS::Logs::LogGroup": log_group,
    "AWS::SecretsManager::Secret": secret,
}
KINDS = set(CHECKS)


def check(kind, props, physical):
    """Raises an error if AWS would refuse this resource. `physical` is None for a new one."""
    if kind in CHECKS:
        CHECKS[kind](props, physical)


def check_delete(kind, physical):
    """Raises an error if AWS would refuse to delete this resource."""
    if kind == "AWS::RDS::DBCluster" and (rds._clusters.get(physical) or {}).get("DeletionProtection"):
        refuse_rds("Cannot delete protected Cluster, please disable deletion protection and try again.")
    if kind == "AWS::ElasticLoadBalancingV2::LoadBalancer":
        attributes = {a["Key"]: a["Value"] for a in alb._lb_attrs.get(physical) or []}
        if attributes.get("deletion_protection.enabled") == "true":
            refuse_elb(f"Load balancer '{physical}' cannot be deleted because deletion protection is enabled")
