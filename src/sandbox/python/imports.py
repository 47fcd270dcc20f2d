"""Resources that a workspace imports: they exist in the account, but konta has not created them.

konta lists them in DIR/imports.json and always writes the whole file. Each list may be absent or empty:

    {"certificates": ["arn:aws:acm:eu-west-1:123456789012:certificate/..."],
     "hosted_zones": [{"id": "Z...", "name": "artista.es"}],
     "vpcs": [{"id": "vpc-...", "cidr": "10.0.0.0/16", "public_subnets": ["subnet-..."], "private_subnets": ["subnet-..."]}]}

The file is read at the start, and again before a change set is created or executed if it has changed. Resources that do
not exist yet are added to MiniStack's stores, and stay there after they are removed from the file. A certificate is in the
account and region of its ARN, a VPC in the region of the call. A malformed file changes nothing.
"""
import ipaddress
import json
import logging
import re

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import acm, ec2, route53
from ministack.services.cloudformation import handlers, provisioners

ACTIONS = ("CreateChangeSet", "ExecuteChangeSet")
CERTIFICATE = re.compile(r"arn:[a-z-]+:acm:([a-z0-9-]+):(\d{12}):certificate/[^/]+")
DOMAIN = "imported.invalid"     # the file does not list the names of a certificate
DEFAULT_CIDR = "10.0.0.0/16"
ZONES = "abc"
RESERVED_ADDRESSES = 5          # in every subnet


# --- the file --------------------------------------------------------------------------------------------------
def text(value, pattern):
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise ValueError(f"{value!r} does not match {getattr(pattern, 'pattern', pattern)}")
    return value


def entries(record, key):
    found = record.get(key) or []
    if not isinstance(found, list):
        raise ValueError(f"{key} is not a list")
    return found


def parse(content):
    """The file's lists: the ARN of each certificate, (id, name) of each zone, and of each VPC (id, network, subnets).

    A subnet is (id, letter of the Availability Zone, whether it is public).
    """
    document = json.loads(content)
    certificates = [text(arn, CERTIFICATE) for arn in entries(document, "certificates")]
    zones = [(text(zone["id"], r"Z[A-Z0-9]+"), text(zone["name"], r"[^\s.]+(\.[^\s.]+)*\.?"))
             for zone in entries(document, "hosted_zones")]
    vpcs = []
    for vpc in entries(document, "vpcs"):
        subnets = [(text(subnet, r"subnet-\S+"), ZONES[number % len(ZONES)], public)
                   for key, public in (("public_subnets", True), ("private_subnets", False))
                   for number, subnet in enumerate(entries(vpc, key))]
        network = ipaddress.IPv4Network(text(vpc.get("cidr") or DEFAULT_CIDR, r"[\d.]+/\d+"), strict=False)
        vpcs.append((text(vpc["id"], r"vpc-\S+"), network, subnets))
    return certificates, zones, vpcs


# --- the resources: created by MiniStack's own functions, then renamed -----------------------------------------
def put_certificate(arn):
    region, account = CERTIFICATE.fullmatch(arn).groups()
    with request_scope(account, region):
        if arn not in acm._certificates:
            created, _ = provisioners._acm_certificate_create("Imported", {"DomainName": DOMAIN}, "")
            acm._certificates[arn] = {**acm._certificates.pop(created), "CertificateArn": arn}


def put_zone(identifier, name):
    if identifier not in route53._zones:
        created, _ = provisioners._r53_hosted_zone_create("Imported", {"Name": name}, "")
        zone = route53._zones[identifier] = {**route53._zones.pop(created), "id": identifier}
        route53._records[identifier] = route53._records.pop(created)
        route53._caller_refs[zone["caller_reference"]] = identifier


def put_vpc(identifier, network):
    if identifier not in ec2._vpcs:
        created, _ = provisioners._ec2_vpc_create("Imported", {
            "CidrBlock": str(network), "EnableDnsSupport": True, "EnableDnsHostnames": True}, "")
        vpc = ec2._vpcs[identifier] = ec2._vpcs.pop(created)
        for record in (vpc, ec2._network_acls[vpc["DefaultNetworkAclId"]], ec2._route_tables[vpc["MainRouteTableId"]],
                       ec2._security_groups[vpc["DefaultSecurityGroupId"]]):
            record["VpcId"] = identifier


def put_subnets(vpc, subnets):
    network = ipaddress.IPv4Network(ec2._vpcs[vpc]["CidrBlock"])
    prefix = max(24, network.prefixlen + max(len(subnets) - 1, 0).bit_length())
    for identifier, letter, public in subnets:
        if identifier in ec2._subnets:
            continue
        block = free_block(vpc, network, prefix)
        if block is None:
            logging.warning("imports.json: no room for %s in %s of %s", identifier, network, vpc)
            continue
        created, _ = provisioners._ec2_subnet_create("Imported", {
            "VpcId": vpc, "CidrBlock": str(block), "AvailabilityZone": get_region() + letter,
            "MapPublicIpOnLaunch": public}, "")
        ec2._subnets[identifier] = {**ec2._subnets.pop(created), "SubnetId": identifier,
                                    "AvailableIpAddressCount": block.num_addresses - RESERVED_ADDRESSES}


def free_block(vpc, network, prefix):
    """The first block of the VPC that overlaps no subnet. It is smaller than the prefix asks for if the VPC is full."""
    used = [ipaddress.IPv4Network(subnet["CidrBlock"]) for subnet in ec2._subnets.values() if subnet["VpcId"] == vpc]
    for length in range(prefix, 29):    # AWS has no smaller subnet than /28
        for block in network.subnets(new_prefix=length):
            if not any(block.overlaps(other) for other in used):
                return block
    return None


class Imports:
    def __init__(self, path):
        self.path, self.seen, self.lists, self.done = path, None, ([], [], []), set()

    def read(self):
        """The lists of the file as it is now. They are empty if it is absent or malformed."""
        try:
            return parse(self.path.read_text())
        except FileNotFoundError:
            pass
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            logging.warning("imports.json is ignored: %s: %s", type(error).__name__, error)
        return [], [], []

    def refresh(self):
        """Adds the listed resources to the account and region of this call, unless that was done since the file changed."""
        try:
            status = self.path.stat()
            now = status.st_mtime_ns, status.st_size
        except OSError:
            now = None
        if now != self.seen:
            self.seen, self.lists, self.done = now, self.read(), set()
        scope = get_account_id(), get_region()
        if scope in self.done:
            return
        self.done.add(scope)
        certificates, zones, vpcs = self.lists
        for arn in certificates:
            put_certificate(arn)
        for identifier, name in zones:
            put_zone(identifier, name)
        for identifier, network, subnets in vpcs:
            put_vpc(identifier, network)
            put_subnets(identifier, subnets)

    def refreshing(self, original):
        def action(params):
            self.refresh()
            return original(params)
        return action

    def install(self):
        for action in ACTIONS:
            handlers._ACTION_HANDLERS[action] = self.refreshing(handlers._ACTION_HANDLERS[action])
