"""Tests of the sandbox's stacks: resource types, change sets, rollbacks, and what AWS refuses.

    python tests/python/test_sandbox_stacks.py
"""
import json
import unittest
import urllib.error

from sandbox_server import SharedSandboxTestCase
from sandbox_templates import (ACCOUNT, PARAMETERS, REGION, SMALL, application, att, database, network, ref, resource,
                               template)


class StacksTest(SharedSandboxTestCase):
    def test_every_type_has_the_attributes_and_effects_that_konta_uses(self):
        values = {
            "Cidr": att("Vpc", "CidrBlock"), "Dns": att("Balancer", "DNSName"),
            "Servers": {"Fn::Join": [",", att("Zone", "NameServers")]}, "Point": att("Access", "Arn"),
            "Role": att("Role", "Arn"), "Secret": ref("Secret"), "Trust": att("Trust", "Arn"), "Logs": att("Logs", "Arn"),
            "Service": att("Service", "Name"), "Full": att("Group", "TargetGroupFullName"), "Policy": ref("Policy"),
            "Alarm": att("Alarm", "Arn"), "Vault": att("Vault", "BackupVaultArn"), "Zone": ref("Zone"),
            "Files": att("Files", "Arn")}
        outputs = {name: {"Value": value} for name, value in values.items()}
        everything = {**network(), **application()}
        tags = [{"Key": "konta:tenant", "Value": "artista"}]
        out = self.assert_deploys("all", everything, outputs=outputs, Tags=tags,
                                  Parameters=[{"ParameterKey": "Count", "ParameterValue": "2"}])
        self.assertEqual(out["Cidr"], "10.0.0.0/16")
        self.assertTrue(out["Secret"].startswith("arn:aws:secretsmanager:"), out["Secret"])
        self.assertEqual(len(out["Servers"].split(",")), 4)
        self.assertEqual(out["Service"], "odoo")
        self.server.client("secretsmanager").get_secret_value(SecretId=out["Secret"])
        kept = self.server.get("/_konta/resources?stack=all")
        self.assertEqual(set(kept), set(everything))
        self.assertEqual(kept["Scaled"]["properties"]["ResourceId"], "service/konta/odoo")
        self.assertEqual(kept["Selected"]["type"], "AWS::Backup::BackupSelection")
        ecs = self.server.client("ecs")
        service = ecs.describe_services(cluster="konta", services=["odoo"])["services"][0]
        self.assertEqual((service["desiredCount"], service["runningCount"], service["healthCheckGracePeriodSeconds"],
                          service["enableExecuteCommand"]), (2, 2, 120, True))
        self.assertEqual(service["deployments"][0]["rolloutState"], "COMPLETED")
        task = ecs.describe_task_definition(taskDefinition="odoo")["taskDefinition"]
        container, volume = task["containerDefinitions"][0], task["volumes"][0]["efsVolumeConfiguration"]
        self.assertEqual(container["secrets"][0]["name"], "PGPASSWORD")
        self.assertEqual(container["environment"], [{"name": "PGHOST", "value": "db"}])
        self.assertEqual((container["stopTimeout"], container["portMappings"][0]["containerPort"]), (120, 8069))
        self.assertEqual(container["logConfiguration"]["options"]["mode"], "non-blocking")
        self.assertEqual((volume["authorizationConfig"]["iam"], volume["transitEncryption"]), ("ENABLED", "ENABLED"))
        self.assertTrue(volume["fileSystemId"].startswith("fs-"))
        self.assertEqual(task["runtimePlatform"], {"cpuArchitecture": "ARM64"})
        mine = ecs.list_tasks(cluster="konta", startedBy="nobody")
        self.assertEqual(mine["taskArns"], [])
        for more in ({"desiredStatus": "RUNNING"}, {"family": "odoo"}, {"serviceName": "odoo"}):
            message = self.assert_error("InvalidParameterException", ecs.list_tasks, cluster="konta", startedBy="nobody",
                                        **more)
            self.assertEqual(message, "cannot specify startedBy with other arguments")
        ecs.list_tasks(cluster="konta", family="odoo", desiredStatus="STOPPED")
        groups = self.server.client("elbv2").describe_target_groups()["TargetGroups"]
        self.assertEqual([len(g["LoadBalancerArns"]) for g in groups if out["Full"] in g["TargetGroupArn"]], [1])
        elb, group, listener = self.server.client("elbv2"), kept["Group"]["physicalId"], kept["Listener"]["physicalId"]
        states = [t["TargetHealth"]["State"] for t in elb.describe_target_health(
            TargetGroupArn=group)["TargetHealthDescriptions"]]
        self.assertEqual(states, ["healthy", "healthy"])
        self.assertEqual([c["IsDefault"] for c in elb.describe_listener_certificates(ListenerArn=listener)["Certificates"]],
                         [True, False])
        self.assert_error("PriorityInUse", elb.create_rule, ListenerArn=listener, Priority=10, Actions=[
            {"Type": "forward", "TargetGroupArn": group}], Conditions=[{"Field": "path-pattern", "Values": ["/x"]}])
        guard = kept["Guard"]["physicalId"]
        rules = self.server.client("ec2").describe_security_groups(GroupIds=[guard])["SecurityGroups"][0]["IpPermissions"]
        self.assertEqual([r["FromPort"] for r in rules], [443])
        self.assertEqual(len(self.server.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]), 1)
        # A changed parameter changes only what depends on it; tags and attributes survive.
        again = self.assert_deploys("all", everything, "UPDATE", outputs=outputs, Tags=tags,
                                    Parameters=[{"ParameterKey": "Count", "ParameterValue": "1"}])
        self.assertEqual(again, out)
        self.assertEqual(self.cfn.describe_stacks(StackName="all")["Stacks"][0]["Tags"], tags)
        self.assertEqual(self.delete("all"), "DELETE_COMPLETE")
        with self.assertRaises(urllib.error.HTTPError):
            self.server.get("/_konta/resources?stack=all")

    def test_a_change_set_shows_the_values_that_change(self):
        def body(delay):
            return template({"Topic": resource("SNS::Topic", TopicName="changes", DisplayName=ref("Name")),
                             "Queue": resource("SQS::Queue", DelaySeconds=delay),
                             "Key": resource("SSM::Parameter", Type="String", Value=ref("Secret"), Name="/changes")},
                            None, {"Name": {"Type": "String", "Default": "a"},
                                   "Secret": {"Type": "String", "NoEcho": True, "Default": "geheim"}})
        self.deploy("changes", body(1))
        more = json.loads(body(5))
        more["Resources"]["Other"] = resource("SSM::Parameter", Type="String", Value=att("New", "Arn"))
        more["Resources"]["New"] = resource("SQS::Queue")
        change_set = self.cfn.create_change_set(StackName="changes", ChangeSetName="c", TemplateBody=json.dumps(more),
                                                Parameters=[{"ParameterKey": "Name", "ParameterValue": "b & c"}])
        described = self.cfn.describe_change_set(ChangeSetName=change_set["Id"], IncludePropertyValues=True)
        found = {change["ResourceChange"]["LogicalResourceId"]: change["ResourceChange"] for change in described["Changes"]}
        self.assertEqual(set(found), {"Topic", "Queue", "Other", "New"})
        self.assertEqual(json.loads(found["Queue"]["BeforeContext"])["Properties"], {"DelaySeconds": "1"})
        target = next(d["Target"] for d in found["Topic"]["Details"] if d["Target"]["Name"] == "DisplayName")
        self.assertEqual((target["BeforeValue"], target["AfterValue"], target["Path"], target["AttributeChangeType"]),
                         ("a", "b & c", "/Properties/DisplayName", "Modify"))
        after = json.loads(found["Other"]["AfterContext"])["Properties"]
        self.assertEqual(after["Value"], "{{changeSet:KNOWN_AFTER_APPLY}}")
        self.assertNotIn("BeforeContext", found["New"])
        without_values = self.cfn.describe_change_set(ChangeSetName=change_set["Id"])
        self.assertNotIn("AfterContext", without_values["Changes"][0]["ResourceChange"])
        self.assertNotIn("geheim", json.dumps(found))

    def test_a_parameter_can_switch_a_resource_on_and_off(self):
        topics = {"A": resource("SNS::Topic"), "B": {**resource("SNS::Topic"), "Condition": "On"}}
        body = json.dumps({"Resources": topics, "Conditions": {"On": {"Fn::Equals": [ref("Serving"), "true"]}},
                           "Parameters": {"Serving": {"Type": "String", "Default": "false"}}})
        self.deploy("switch", body)
        for value, action, left in (("true", "Add", {"A", "B"}), ("false", "Remove", {"A"})):
            change_set = self.cfn.create_change_set(
                StackName="switch", ChangeSetName=f"c{value}", TemplateBody=body,
                Parameters=[{"ParameterKey": "Serving", "ParameterValue": value}])
            described = self.cfn.describe_change_set(ChangeSetName=change_set["Id"], IncludePropertyValues=True)
            changes = [change["ResourceChange"] for change in described["Changes"]]
            self.assertEqual([(change["Action"], change["LogicalResourceId"]) for change in changes], [(action, "B")])
            self.cfn.execute_change_set(ChangeSetName=change_set["Id"])
            self.assertEqual(self.wait("switch")["StackStatus"], "UPDATE_COMPLETE")
            self.assertEqual(set(self.server.get("/_konta/resources?stack=switch")), left)

    def test_a_rollback_keeps_a_resource_that_it_cannot_delete(self):
        broken = {"Broken": {"Type": "AWS::SSM::Parameter", "DependsOn": "Data",
                             "Properties": {"Type": "SecureString", "Value": "x"}}}
        stack = self.deploy("half", template({**SMALL, **database(protected=True), **broken}, None, PARAMETERS))
        self.assertEqual(stack["StackStatus"], "ROLLBACK_FAILED")
        left = self.cfn.list_stack_resources(StackName="half")["StackResourceSummaries"]
        states = {r["LogicalResourceId"]: r["ResourceStatus"] for r in left}
        self.assertEqual(states["Data"], "DELETE_FAILED")
        self.assertEqual(self.delete("half"), "DELETE_FAILED")
        cluster = next(r["PhysicalResourceId"] for r in left if r["LogicalResourceId"] == "Data")
        self.rds.modify_db_cluster(DBClusterIdentifier=cluster, DeletionProtection=False)
        self.assertEqual(self.delete("half"), "DELETE_COMPLETE")

    @staticmethod
    def changed(name, **properties):
        """The network and the application with other properties of one resource."""
        resources = {**network(), **application()}
        resources[name]["Properties"].update(properties)
        return resources

    def test_services_and_tasks_that_ecs_refuses(self):
        self.assert_refused(self.changed("Task", Cpu="256", Memory="4096"),
                            "No Fargate configuration exists for given values")
        self.assert_refused(self.changed("Service", Cluster="nowhere"), "Cluster not found.")
        detached = self.changed("Rule", Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}])
        self.assert_refused(detached, "does not have an associated load balancer")
        arn = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/none/0123456789abcdef"
        balancer = {"ContainerName": "odoo", "ContainerPort": 8069, "TargetGroupArn": arn}
        self.assert_refused(self.changed("Service", LoadBalancers=[balancer]),
                            f"The target group with targetGroupArn {arn} does not exist")

    def test_listener_rules_that_a_load_balancer_refuses(self):
        listener = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:listener/app/none/0123456789abcdef"
        self.assert_refused(self.changed("Rule", ListenerArn=listener), "One or more listeners not found")
        for host in ({"HostHeaderConfig": {"Values": ["localhost"]}}, {"Values": ["localhost"]}):
            conditions = [{"Field": "host-header", **host}]
            self.assert_refused(self.changed("Rule", Conditions=conditions), "must contain at least one '.'")
        twice = network()
        twice["Second"] = json.loads(json.dumps(twice["Rule"]))
        twice["Second"]["DependsOn"] = "Rule"
        self.assert_refused(twice, "Priority '10' is currently in use")

    def test_databases_that_rds_refuses(self):
        for version in ("16.1", "16.6"):
            resources = {**SMALL, **database(version=version)}
            self.assert_refused(resources, f"Cannot find version {version} for aurora-postgresql")
        for bad in ({"SecondsUntilAutoPause": 100}, {"MaxCapacity": 1.3}, {"MaxCapacity": 300}):
            self.assert_refused({**SMALL, **database(scaling={"MinCapacity": 0, "MaxCapacity": 4, **bad})}, "isn't valid")
        one_zone = {**SMALL, **database()}
        one_zone["Places"]["Properties"]["SubnetIds"] = [ref("A")]
        self.assert_refused(one_zone, "Availability Zone (AZ) coverage")

    def test_a_target_group_without_a_rule_has_no_load_balancer(self):
        def with_page(body):
            resources = {**network(), **application()}
            resources["Rule"]["Properties"]["Actions"] = [{"Type": "fixed-response", "FixedResponseConfig": {
                "StatusCode": "503", "ContentType": "text/html", "MessageBody": body}}]
            return resources
        self.assert_refused(with_page("x" * 1025), "cannot be longer than '1024' characters")
        tags = [{"Key": "konta:tenant", "Value": "artista"}]
        self.assert_deploys("page", {**network(), **application()}, Tags=tags)
        page = "<h1 class=\"a\">Zu & fertig</h1>"
        self.assert_deploys("page", with_page(page), "UPDATE", Tags=tags)
        kept = self.server.get("/_konta/resources?stack=page")
        elb, ecs = self.server.client("elbv2"), self.server.client("ecs")
        rule = elb.describe_rules(RuleArns=[kept["Rule"]["physicalId"]])["Rules"][0]
        self.assertEqual(rule["Actions"][0]["FixedResponseConfig"]["MessageBody"], page)
        group = elb.describe_target_groups(TargetGroupArns=[kept["Group"]["physicalId"]])["TargetGroups"][0]
        self.assertEqual(group["LoadBalancerArns"], [])
        count = {"cluster": "konta", "service": "odoo"}
        message = self.assert_error("InvalidParameterException", ecs.update_service, desiredCount=1, **count)
        self.assertIn("does not have an associated load balancer", message)
        self.assertEqual(ecs.update_service(desiredCount=0, **count)["service"]["desiredCount"], 0)
        self.assert_deploys("page", {**network(), **application()}, "UPDATE", Tags=tags)
        self.assertEqual(ecs.update_service(desiredCount=1, **count)["service"]["desiredCount"], 1)
        self.assertEqual(self.delete("page"), "DELETE_COMPLETE")

    def test_a_named_role_needs_its_capability(self):
        body = template({"R": resource("IAM::Role", AssumeRolePolicyDocument={}, RoleName="named")})
        for given, missing in (([], "CAPABILITY_NAMED_IAM"), (["CAPABILITY_IAM"], "CAPABILITY_NAMED_IAM")):
            message = self.assert_error("InsufficientCapabilitiesException", self.cfn.create_change_set, StackName="caps",
                                        ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=body, Capabilities=given)
            self.assertEqual(message, f"Requires capabilities : [{missing}]")
        self.assert_error("ValidationError", self.cfn.describe_stacks, StackName="caps")

    def test_a_long_list_of_stacks_has_pages(self):
        body = template({"Topic": resource("SNS::Topic")}, {"T": {"Value": ref("Topic")}})
        for number in range(103):
            self.cfn.create_stack(StackName=f"page{number}", TemplateBody=body, Tags=[{"Key": "n", "Value": str(number)}])
        first = self.cfn.describe_stacks()
        self.assertEqual(len(first["Stacks"]), 100)
        pages = self.cfn.get_paginator("describe_stacks").paginate()
        stacks = {stack["StackName"]: stack for page in pages for stack in page["Stacks"]}
        self.assertEqual(sum(name.startswith("page") for name in stacks), 103)
        self.assertEqual(stacks["page7"]["Tags"], [{"Key": "n", "Value": "7"}])
        self.assertTrue(stacks["page102"]["Outputs"][0]["OutputValue"].startswith("arn:aws:sns:"))
        self.cfn.update_termination_protection(StackName="page1", EnableTerminationProtection=True)
        self.assert_error("ValidationError", self.cfn.delete_stack, StackName="page1")
        self.cfn.update_termination_protection(StackName="page1", EnableTerminationProtection=False)
        for number in range(103):
            self.cfn.delete_stack(StackName=f"page{number}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
