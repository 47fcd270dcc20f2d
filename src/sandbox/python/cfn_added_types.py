"""CloudFormation types that MiniStack does not have.

CloudFormation keeps every resolved property in the stack's record, which `/_konta/resources` shows. So a type that no other
API returns needs only a physical id and attributes (`RECORDED_TYPES`). The other types also write to MiniStack's stores: a
security group shows a rule that another resource has added.
"""
import secrets
import uuid

from ministack.core.responses import get_account_id, get_region
from ministack.services import alb, ec2, ecs, iam
from ministack.services.cloudformation import _stacks, provisioners

import aws_checks
from ecs_names import to_ecs

TYPES = provisioners._RESOURCE_HANDLERS


def new_id(prefix):
    return prefix + secrets.token_hex(9)[:17]


def add_type(kind, create, update=None, delete=None):
    """Adds a type from three functions: create(props, name) -> (id, attributes), update(id, old, new), delete(id, props)."""
    def create_resource(logical_id, props, stack):
        aws_checks.check(kind, props, None)
        return create(props, f"{stack}-{logical_id}-{uuid.uuid4().hex[:12].upper()}")

    def update_resource(physical, old, new, _stack, _logical_id=None):
        if update:
            update(physical, old, new)
        attributes = next((record["Attributes"] for stack in list(_stacks.values())
                           for record in stack.get("_resources", {}).values()
                           if record.get("PhysicalResourceId") == physical and record.get("ResourceType") == kind), {})
        return physical, dict(attributes)
    TYPES[kind] = {"create": create_resource, "update": update_resource,
                   "delete": delete or (lambda physical, props: None)}


def add_recorded_type(kind, attributes=("Id",), id_format="{name}"):
    """Adds a type that exists only in the stack's record. Its id and attributes have the form that AWS gives them."""
    def create(props, name):
        texts = {key: value for key, value in props.items() if isinstance(value, str)}
        physical = id_format.format(name=name, uuid=uuid.uuid4(), region=get_region(), account=get_account_id(), **texts)
        _, service, resource = kind.lower().split("::")
        arn = physical if physical.startswith("arn:") else \
            f"arn:aws:{service}:{get_region()}:{get_account_id()}:{resource}/{physical}"
        return physical, {attribute: arn if attribute.endswith("Arn") else props.get(attribute, physical)
                          for attribute in attributes}
    add_type(kind, create)


def add_group_rule(kind, field):
    def reconcile(group, added, removed):
        store = ec2._security_groups[group][field]
        old, new = ([rule] if rule else [] for rule in (removed, added))
        provisioners._ec2_sg_reconcile(store, provisioners._ec2_sg_permissions(old), provisioners._ec2_sg_permissions(new))

    def create(props, _name):
        reconcile(props["GroupId"], props, None)
        physical = new_id("sgr-")
        return physical, {"Id": physical}

    def delete(_physical, props):
        if props.get("GroupId") in ec2._security_groups:
            reconcile(props["GroupId"], None, props)
    add_type(kind, create, lambda _id, old, new: reconcile(new["GroupId"], new, old), delete)


def create_eip(props, _name):
    allocation = new_id("eipalloc-")
    address = f"52.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"
    ec2._addresses[allocation] = {"AllocationId": allocation, "PublicIp": address, "Domain": props.get("Domain", "vpc"),
                                  "AssociationId": None, "InstanceId": None, "NetworkInterfaceId": None,
                                  "PrivateIpAddress": None}
    provisioners._ec2_apply_tags(allocation, props)
    return address, {"AllocationId": allocation, "PublicIp": address}


def delete_eip(physical, _props):
    for allocation in [key for key, record in ec2._addresses.items() if record["PublicIp"] == physical]:
        ec2._addresses.pop(allocation)


def create_nat_gateway(props, _name):
    physical = new_id("nat-")
    ec2._nat_gateways[physical] = {
        "NatGatewayId": physical, "SubnetId": props["SubnetId"], "AllocationId": props.get("AllocationId", ""),
        "VpcId": ec2._subnets[props["SubnetId"]]["VpcId"], "ConnectivityType": props.get("ConnectivityType", "public"),
        "State": "available", "CreateTime": ec2._now_ts(), "Tags": props.get("Tags", [])}
    provisioners._ec2_apply_tags(physical, props)
    return physical, {"NatGatewayId": physical}


def delete_nat_gateway(physical, _props):
    ec2._nat_gateways.pop(physical, None)


def update_oidc_provider(physical, _old, new):
    iam._oidc_providers[physical].update(ClientIDList=new.get("ClientIdList", []),
                                         ThumbprintList=new.get("ThumbprintList", []), Tags=new.get("Tags", []))


def create_oidc_provider(props, _name):
    host = props["Url"].removeprefix("https://").rstrip("/")
    arn = f"arn:aws:iam::{get_account_id()}:oidc-provider/{host}"
    iam._oidc_providers[arn] = {"Url": host, "CreateDate": iam._now()}
    update_oidc_provider(arn, None, props)
    return arn, {"Arn": arn}


def delete_oidc_provider(physical, _props):
    iam._oidc_providers.pop(physical, None)


def update_capacity_providers(_physical, _old, new):
    ecs._put_cluster_capacity_providers({
        "cluster": new["Cluster"], "capacityProviders": new.get("CapacityProviders", []),
        "defaultCapacityProviderStrategy": to_ecs(new.get("DefaultCapacityProviderStrategy") or [])})


def create_capacity_providers(props, _name):
    update_capacity_providers(None, None, props)
    return props["Cluster"], {}


def update_listener_certificate(physical, _old, new):
    # `_more_certificates` is konta's own key in MiniStack's record; api_answers.py reads it.
    alb._listeners[new["ListenerArn"]].setdefault("_more_certificates", {})[physical] = [
        certificate["CertificateArn"] for certificate in new["Certificates"]]


def create_listener_certificate(props, name):
    update_listener_certificate(name, None, props)
    return name, {}


def delete_listener_certificate(physical, props):
    alb._listeners.get(props["ListenerArn"], {}).get("_more_certificates", {}).pop(physical, None)


def create_scalable_target(props, _name):
    physical = f"{props['ResourceId']}|{props['ScalableDimension']}|{props['ServiceNamespace']}"
    return physical, {"Id": physical}


def create_scaling_policy(props, _name):
    target = (props.get("ScalingTargetId") or props.get("ResourceId", "")).split("|")[0]
    arn = (f"arn:aws:autoscaling:{get_region()}:{get_account_id()}:scalingPolicy:{uuid.uuid4()}:resource/ecs/"
           f"{target}:policyName/{props['PolicyName']}")
    return arn, {"Arn": arn}


# Type -> attributes, and the format of the physical id where it is not the resource's name.
RECORDED_TYPES = {
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
    for kind, arguments in RECORDED_TYPES.items():
        add_recorded_type(kind, *arguments)
    add_group_rule("AWS::EC2::SecurityGroupIngress", "IpPermissions")
    add_group_rule("AWS::EC2::SecurityGroupEgress", "IpPermissionsEgress")
    add_type("AWS::EC2::EIP", create_eip, delete=delete_eip)
    add_type("AWS::EC2::NatGateway", create_nat_gateway, delete=delete_nat_gateway)
    add_type("AWS::IAM::OIDCProvider", create_oidc_provider, update_oidc_provider, delete_oidc_provider)
    add_type("AWS::ElasticLoadBalancingV2::ListenerCertificate", create_listener_certificate,
             update_listener_certificate, delete_listener_certificate)
    add_type("AWS::ECS::ClusterCapacityProviderAssociations", create_capacity_providers, update_capacity_providers)
    add_type("AWS::ApplicationAutoScaling::ScalableTarget", create_scalable_target)
    add_type("AWS::ApplicationAutoScaling::ScalingPolicy", create_scaling_policy)
