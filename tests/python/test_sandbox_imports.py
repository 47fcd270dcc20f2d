"""Tests of the resources that a workspace imports into the sandbox.

    python tests/python/test_sandbox_imports.py
"""
import time
import unittest

from sandbox_server import SandboxTestCase
from sandbox_templates import ACCOUNT, REGION, imported, resource, template

CERTIFICATE = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/0a1b2c3d-0000-4000-8000-00000000000"
VPC, ZONE = "vpc-0a1b2c3d4e5f60718", "Z0123456789ARTISTA"
PUBLIC = ["subnet-0a1b2c3d4e5f60711", "subnet-0a1b2c3d4e5f60712"]
PRIVATE = ["subnet-0a1b2c3d4e5f60721", "subnet-0a1b2c3d4e5f60722"]
WITHOUT_VPC = {"certificates": [CERTIFICATE + "1"], "hosted_zones": [{"id": ZONE, "name": "artista.es"}]}
EVERYTHING = {**WITHOUT_VPC, "vpcs": [
    {"id": VPC, "cidr": "10.9.0.0/16", "public_subnets": PUBLIC, "private_subnets": PRIVATE}]}
STACK = imported(CERTIFICATE + "1", ZONE, VPC, PUBLIC, PRIVATE)


class ImportsTest(SandboxTestCase):
    def start(self, content):
        server = self.new_server()
        server.write_imports(content)
        server.start()
        self.connect(server)
        self.connect_clients()

    def connect_clients(self):
        self.ec2, self.acm, self.route53 = (self.server.client(name) for name in ("ec2", "acm", "route53"))

    def read_imports_again(self):
        """Creates a change set, which reads the file again."""
        self.assert_deploys(f"again{time.monotonic_ns()}", {"Topic": resource("SNS::Topic")})

    def test_what_the_file_lists_exists_from_the_start(self):
        self.start(WITHOUT_VPC)
        certificate = self.acm.describe_certificate(CertificateArn=CERTIFICATE + "1")["Certificate"]
        self.assertEqual(certificate["Status"], "ISSUED")
        listed = self.acm.list_certificates()["CertificateSummaryList"]
        self.assertEqual([certificate["CertificateArn"] for certificate in listed], [CERTIFICATE + "1"])
        zone = self.route53.get_hosted_zone(Id=ZONE)
        self.assertEqual((zone["HostedZone"]["Name"], zone["HostedZone"]["Config"]["PrivateZone"],
                          len(zone["DelegationSet"]["NameServers"])), ("artista.es.", False, 4))
        records = self.route53.list_resource_record_sets(HostedZoneId=ZONE)["ResourceRecordSets"]
        self.assertEqual({record["Type"] for record in records}, {"NS", "SOA"})
        self.assert_refused(STACK, f"ID '{VPC}' ")

    def test_a_change_set_reads_the_file_again(self):
        self.start(WITHOUT_VPC)
        self.server.write_imports(EVERYTHING)
        self.assert_deploys("imports", STACK)
        described = self.ec2.describe_vpcs(VpcIds=[VPC])["Vpcs"][0]
        self.assertEqual((described["CidrBlock"], described["State"]), ("10.9.0.0/16", "available"))
        names = self.ec2.describe_vpc_attribute(VpcId=VPC, Attribute="enableDnsHostnames")
        self.assertTrue(names["EnableDnsHostnames"]["Value"])
        in_vpc = [{"Name": "vpc-id", "Values": [VPC]}]
        self.assertEqual(len(self.ec2.describe_security_groups(Filters=in_vpc)["SecurityGroups"]), 2)  # default and Guard
        self.assertEqual(len(self.ec2.describe_route_tables(Filters=in_vpc)["RouteTables"]), 1)
        subnets = {subnet["SubnetId"]: subnet for subnet in self.ec2.describe_subnets(Filters=in_vpc)["Subnets"]}
        self.assertEqual(set(subnets), {*PUBLIC, *PRIVATE})
        for names, is_public in ((PUBLIC, True), (PRIVATE, False)):
            self.assertEqual([(subnets[name]["AvailabilityZone"], subnets[name]["MapPublicIpOnLaunch"]) for name in names],
                             [(f"{REGION}a", is_public), (f"{REGION}b", is_public)])
        blocks = sorted(subnet["CidrBlock"] for subnet in subnets.values())
        self.assertEqual(blocks, [f"10.9.{number}.0/24" for number in range(4)])
        balancer = self.server.client("elbv2").describe_load_balancers()["LoadBalancers"][0]
        self.assertEqual(balancer["VpcId"], VPC)

    def test_what_the_file_does_not_list_is_refused(self):
        self.start(EVERYTHING)
        for certificate, zone, vpc, message in (
                (CERTIFICATE + "9", ZONE, VPC, f"Certificate ARN '{CERTIFICATE}9' is not valid"),
                (CERTIFICATE + "1", "Z9", VPC, "No hosted zone with id 'Z9'"),
                (CERTIFICATE + "1", ZONE, "vpc-9", "ID 'vpc-9' ")):
            self.assert_refused(imported(certificate, zone, vpc, PUBLIC, PRIVATE, "other.artista.es", False), message)
        other = imported(CERTIFICATE + "1", ZONE, VPC, [PUBLIC[0], "subnet-9"], PRIVATE, "other.artista.es", False)
        self.assert_refused(other, "The subnet ID 'subnet-9' is not valid")

    def test_a_malformed_file_is_logged_and_ignored(self):
        self.start(EVERYTHING)
        for bad in ("{", "[]", {"certificates": [CERTIFICATE + "2", "arn:aws:iam::1:role/x"]},
                    {"hosted_zones": [{"id": "Z2"}]},
                    {"certificates": [CERTIFICATE + "2"], "vpcs": [{"id": "vpc-2", "cidr": "10.9"}]}):
            self.server.write_imports(bad)
            self.read_imports_again()
        log = (self.server.home / "log" / "sandbox.log").read_text()
        self.assertEqual(log.count("imports.json is ignored"), 5)
        self.acm.describe_certificate(CertificateArn=CERTIFICATE + "1")
        self.assert_error("ResourceNotFoundException", self.acm.describe_certificate, CertificateArn=CERTIFICATE + "2")
        self.server.write_imports({"certificates": [CERTIFICATE + "2"]})
        self.read_imports_again()
        self.acm.describe_certificate(CertificateArn=CERTIFICATE + "2")

    def test_subnets_fit_into_a_small_vpc_and_into_the_region_of_the_call(self):
        self.start({"vpcs": [{"id": "vpc-02", "cidr": "10.9.0.0/27", "public_subnets": ["subnet-021", "subnet-022"]}]})
        small = self.ec2.describe_subnets(SubnetIds=["subnet-021", "subnet-022"])["Subnets"]
        self.assertEqual([subnet["CidrBlock"] for subnet in small], ["10.9.0.0/28", "10.9.0.16/28"])
        self.server.client("cloudformation", "eu-central-1").create_change_set(
            StackName="away", ChangeSetName="c", ChangeSetType="CREATE",
            TemplateBody=template({"Topic": resource("SNS::Topic")}))
        away = self.server.client("ec2", "eu-central-1").describe_subnets(SubnetIds=["subnet-022"])["Subnets"][0]
        self.assertEqual(away["AvailabilityZone"], "eu-central-1b")

    def test_a_restart_creates_nothing_twice_and_loses_nothing(self):
        self.start(EVERYTHING)
        self.assert_deploys("imports", STACK)
        before = self.existing()
        self.assertEqual(len(before[2]), 4)
        self.server.stop()
        self.server.start()
        self.connect(self.server)
        self.connect_clients()
        self.assertEqual(self.existing(), before)
        self.assertEqual(self.delete("imports"), "DELETE_COMPLETE")
        self.ec2.describe_subnets(SubnetIds=PUBLIC + PRIVATE)
        self.assertEqual(self.route53.get_hosted_zone(Id=ZONE)["HostedZone"]["ResourceRecordSetCount"], 2)

    def existing(self):
        return [self.ec2.describe_vpcs()["Vpcs"], self.ec2.describe_subnets()["Subnets"],
                self.route53.list_resource_record_sets(HostedZoneId=ZONE)["ResourceRecordSets"],
                self.acm.describe_certificate(CertificateArn=CERTIFICATE + "1")["Certificate"]["CreatedAt"]]


if __name__ == "__main__":
    unittest.main(verbosity=2)
