"""The CloudFormation types that MiniStack lacks.

CloudFormation keeps every resolved property in the stack's record, from where `/_konta/resources` reads it; so a type
that nobody asks about by another API needs no more than a physical id and its attributes (`plain`). The others leave
their traces in MiniStack's stores: a security group shows the rule that a resource of its own put there.
"""
import secrets
import uuid

from ministack.core.responses import get_account_id, get_region
from ministack.services import alb, ec2, ecs, iam
from ministack.services.cloudformation import _stacks
from ministack.services.cloudformation import provisioners as p

import aws_checks
from ecs_names import camel

TYPES = p._RESOURCE_HANDLERS


def hexadecimal(prefix):
    return prefix + secrets.token_hex(9)[:17]


def register(kind, create, update=None, delete=None):
    """A type from three functions: create(props, name) -> (id, attributes), update(id, old, new), delete(id, props)."""
    def create_ours(logical_id, props, stack):
        aws_checks.check(kind, props, None)
        return create(props, f"{stack}-{logical_id}-{uuid.uuid4().hex[:12].upper()}")

    def update_ours(physical, old, new, _stack, _logical_id=None):
        if update:
            update(physical, old, new)
        kept = next((r["Attributes"] for s in list(_stacks.values()) for r in s.get("_resources", {}).values()
                     if r.get("PhysicalResourceId") == physical and r.get("ResourceType") == kind), {})
        return physical, dict(kept)
    TYPES[kind] = {"create": create_ours, "update": update_ours, "delete": delete or (lambda physical, props: None)}


def plain(kind, attributes=("Id",), shape="{name}"):
    """A type that is only remembered: its id and attributes have the shape AWS gives them."""
    def create(props, name):
        physical = shape.format(name=name, uuid=uuid.uuid4(), region=get_region(), account=get_account_id(), **{
            k: v for k, v in props.items() if isinstance(v, str)})
        service = kind.split("::")[1].lower()
        arn = physical if physical.startswith("arn:") else \
            f"arn:aws:{service}:{get_region()}:{get_account_id()}:{kind.split('::')[2].lower()}/{physical}"
        return physical, {a: arn if a.endswith("Arn") or a == "Arn" else props.get(a, physical) for a in attributes}
    register(kind, create)


def group_rule(kind, field):
    def permissions(group, add, drop):
        store = ec2._security_groups[group][field]
        gone, new = ([one] if one else [] for one in (drop, add))
        p._ec2_sg_reconcile(store, p._ec2_sg_permissions(gone), p._ec2_sg_permissions(new))

    def create(props, _name):
        permissions(props["GroupId"], props, None)
        physical = hexadecimal("sgr-")
        return physical, {"Id": physical}

    def delete(_physical, props):
        if props.get("GroupId") in ec2._security_groups:
            permissions(props["GroupId"], None, props)
    register(kind, create, lambda _id, old, new: permissions(new["GroupId"], new, old), delete)


def create_address(props, _name):
    physical = hexadecimal("eipalloc-")
    address = f"52.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"
    ec2._addresses[physical] = {"AllocationId": physical, "PublicIp": address, "Domain": props.get("Domain", "vpc"),
                                "AssociationId": None, "InstanceId": None, "NetworkInterfaceId": None,
                                "PrivateIpAddress": None}
    p._ec2_apply_tags(physical, props)
    return address, {"AllocationId": physical, "PublicIp": address}


def delete_address(physical, _props):
    for key in [k for k, a in ec2._addresses.items() if a["PublicIp"] == physical]:
        ec2._addresses.pop(key)


def create_nat(props, _name):
    physical = hexadecimal("nat-")
    ec2._nat_gateways[physical] = {
        "NatGatewayId": physical, "SubnetId": props["SubnetId"], "AllocationId": props.get("AllocationId", ""),
        "VpcId": ec2._subnets[props["SubnetId"]]["VpcId"], "ConnectivityType": props.get("ConnectivityType", "public"),
        "State": "available", "CreateTime": ec2._now_ts(), "Tags": props.get("Tags", [])}
    p._ec2_apply_tags(physical, props)
    return physical, {"NatGatewayId": physical}


def put_provider(physical, _old, new):
    iam._oidc_providers[physical].update(ClientIDList=new.get("ClientIdList", []),
                                         ThumbprintList=new.get("ThumbprintList", []), Tags=new.get("Tags", []))


def create_provider(props, _name):
    host = props["Url"].removeprefix("https://").rstrip("/")
    arn = f"arn:aws:iam::{get_account_id()}:oidc-provider/{host}"
    iam._oidc_providers[arn] = {"Url": host, "CreateDate": iam._now()}
    put_provider(arn, None, props)
    return arn, {"Arn": arn}


def put_capacity(_physical, _old, new):
    ecs._put_cluster_capacity_providers({
        "cluster": new["Cluster"], "capacityProviders": new.get("CapacityProviders", []),
        "defaultCapacityProviderStrategy": camel(new.get("DefaultCapacityProviderStrategy") or [])})


def create_capacity(props, _name):
    put_capacity(None, None, props)
    return props["Cluster"], {}


def keep_capacity():
    """An update of a cluster leaves the providers alone that an association gave it; MiniStack's dropped them."""
    handler = TYPES["AWS::ECS::Cluster"]
    update = handler["update"]

    def update_ours(physical, old, new, *rest, **named):
        cluster = ecs._clusters.get(physical) or {}
        kept = {key: cluster[key] for key in ("capacityProviders", "defaultCapacityProviderStrategy") if key in cluster}
        answer = update(physical, old, new, *rest, **named)
        if "CapacityProviders" not in new and physical in ecs._clusters:
            ecs._clusters[physical].update(kept)
        return answer

    TYPES["AWS::ECS::Cluster"] = {**handler, "update": update_ours}


def put_certificates(physical, _old, new):
    alb._listeners[new["ListenerArn"]].setdefault("_more_certificates", {})[physical] = [
        c["CertificateArn"] for c in new["Certificates"]]


def create_certificates(props, name):
    put_certificates(name, None, props)
    return name, {}


def delete_certificates(physical, props):
    alb._listeners.get(props["ListenerArn"], {}).get("_more_certificates", {}).pop(physical, None)


def create_target(props, _name):
    physical = f"{props['ResourceId']}|{props['ScalableDimension']}|{props['ServiceNamespace']}"
    return physical, {"Id": physical}


def create_scaling(props, _name):
    target = (props.get("ScalingTargetId") or props.get("ResourceId", "")).split("|")[0]
    arn = (f"arn:aws:autoscaling:{get_region()}:{get_account_id()}:scalingPolicy:{uuid.uuid4()}:resource/ecs/"
           f"{target}:policyName/{props['PolicyName']}")
    return arn, {"Arn": arn}


PLAIN = {
    "AWS::Backup::BackupSelection": (("Id", "SelectionId", "BackupPlanId"), "{uuid}"),
    "AWS::Backup::Framework": (("FrameworkArn",),), "AWS::Backup::ReportPlan": (("ReportPlanArn",),),
    "AWS::Backup::RestoreTestingPlan": (("RestoreTestingPlanArn",), "{RestoreTestingPlanName}"),
    "AWS::Backup::RestoreTestingSelection": ((),), "AWS::Budgets::Budget": ((),),
    "AWS::CE::AnomalyMonitor": (("MonitorArn",), "arn:aws:ce::{account}:anomalymonitor/{uuid}"),
    "AWS::CE::AnomalySubscription": (("SubscriptionArn",), "arn:aws:ce::{account}:anomalysubscription/{uuid}"),
    "AWS::CloudWatch::CompositeAlarm": (("Arn",), "{AlarmName}"), "AWS::ECS::CapacityProvider": ((),),
    "AWS::EC2::EgressOnlyInternetGateway": (("Id",),), "AWS::EC2::FlowLog": (("Id",),),
    "AWS::EC2::SubnetNetworkAclAssociation": (("AssociationId",),), "AWS::EC2::NetworkAcl": (("Id",),),
    "AWS::EC2::NetworkAclEntry": (("Id",),), "AWS::EC2::VPCCidrBlock": (("Id",),),
    "AWS::EC2::PrefixList": (("PrefixListId", "Arn"),),
    "AWS::IAM::ServiceLinkedRole": (("RoleName",),), "AWS::Logs::QueryDefinition": (("QueryDefinitionId",),),
    "AWS::RDS::EventSubscription": ((),), "AWS::ResourceGroups::Group": (("Arn",), "{Name}"),
    "AWS::Route53::HealthCheck": (("HealthCheckId",), "{uuid}"), "AWS::Route53::RecordSetGroup": ((),),
    "AWS::SecretsManager::ResourcePolicy": ((),), "AWS::SecretsManager::RotationSchedule": ((),),
    "AWS::SNS::TopicInlinePolicy": ((),), "AWS::WAFv2::WebACLAssociation": ((), "{ResourceArn}|{WebACLArn}|REGIONAL"),
}


def install():
    for kind, arguments in PLAIN.items():
        plain(kind, *arguments)
    group_rule("AWS::EC2::SecurityGroupIngress", "IpPermissions")
    group_rule("AWS::EC2::SecurityGroupEgress", "IpPermissionsEgress")
    register("AWS::EC2::EIP", create_address, delete=delete_address)
    register("AWS::EC2::NatGateway", create_nat, delete=lambda physical, _: ec2._nat_gateways.pop(physical, None))
    register("AWS::IAM::OIDCProvider", create_provider, put_provider,
             lambda physical, _: iam._oidc_providers.pop(physical, None))
    register("AWS::ElasticLoadBalancingV2::ListenerCertificate", create_certificates, put_certificates,
             delete_certificates)
    register("AWS::ECS::ClusterCapacityProviderAssociations", create_capacity, put_capacity)
    keep_capacity()
    register("AWS::ApplicationAutoScaling::ScalableTarget", create_target)
    register("AWS::ApplicationAutoScaling::ScalingPolicy", create_scaling)
