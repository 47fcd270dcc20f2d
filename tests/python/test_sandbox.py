"""Tests of konta's sandbox: `python tests/python/test_sandbox.py`. They start a server of their own and leave nothing behind."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

import boto3
import psutil
import psycopg2
from botocore.config import Config
from botocore.exceptions import ClientError

sys.dont_write_bytecode = True
from sandbox_templates import (ACCOUNT, PARAMETERS, REGION, SMALL, application, att, database, imported, network, ref,
                               resource, template)

PROGRAMS = Path(__file__).resolve().parents[2] / "src/sandbox/python"
sys.path.insert(0, str(PROGRAMS))


class Server:
    """A sandbox as konta starts it."""

    def __init__(self, home):
        self.home, self.process = Path(home), None

    def start(self):
        self.output = open(self.home.parent / "output", "w+")
        self.process = subprocess.Popen([sys.executable, str(PROGRAMS / "konta_sandbox.py"), "--home", str(self.home),
                                         "--account", ACCOUNT, "--region", REGION], stderr=self.output)
        deadline = time.monotonic() + 60
        while not (self.home / "ready.json").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((self.home.parent / "output").read_text())
            time.sleep(0.01)
        self.ready = json.loads((self.home / "ready.json").read_text())
        return self

    def stop(self, number=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(30)
        self.output.close()
        return code

    def client(self, name, region=REGION):
        return boto3.client(name, endpoint_url=self.ready["endpoint"], region_name=region, aws_access_key_id="konta",
                            aws_secret_access_key="konta", config=Config(retries={"max_attempts": 1}))

    def imports(self, content):
        """Write imports.json as konta does."""
        self.home.mkdir(exist_ok=True)
        new = self.home / "imports.json.new"
        new.write_text(content if isinstance(content, str) else json.dumps(content))
        new.replace(self.home / "imports.json")

    def own(self, path):
        with urllib.request.urlopen(self.ready["endpoint"] + path, timeout=10) as answer:
            return json.load(answer)


class SandboxTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # 0700 and root's, when root runs this: PostgreSQL's user must get through nevertheless.
        cls.root = Path(tempfile.mkdtemp(prefix="konta-sandbox-test-"))
        cls.server = Server(cls.root / "home").start()
        cls.cfn, cls.rds, cls.data = (cls.server.client(n) for n in ("cloudformation", "rds", "rds-data"))

    @classmethod
    def tearDownClass(cls):
        if cls.server.process.poll() is None:
            cls.server.stop()
        shutil.rmtree(cls.root)

    def deploy(self, name, body, kind="CREATE", **more):
        change = self.cfn.create_change_set(StackName=name, ChangeSetName=f"c{time.monotonic_ns()}", ChangeSetType=kind,
                                            TemplateBody=body, Capabilities=["CAPABILITY_IAM"], **more)
        described = self.cfn.describe_change_set(ChangeSetName=change["Id"], IncludePropertyValues=True)
        self.assertEqual(described["Status"], "CREATE_COMPLETE", described.get("StatusReason"))
        self.cfn.execute_change_set(ChangeSetName=change["Id"])
        return self.settle(name)

    def settle(self, name):
        for _ in range(400):
            stack = self.cfn.describe_stacks(StackName=name)["Stacks"][0]
            if not stack["StackStatus"].endswith("IN_PROGRESS"):
                return stack
            time.sleep(0.05)
        raise AssertionError(f"{name}: {stack['StackStatus']}")

    def failures(self, name):
        return [e["ResourceStatusReason"] for e in self.cfn.describe_stack_events(StackName=name)["StackEvents"]
                if e["ResourceStatus"].endswith("_FAILED") and e.get("ResourceStatusReason")]

    def fine(self, name, resources, kind="CREATE", outputs=None, **more):
        stack = self.deploy(name, template(resources, outputs, PARAMETERS), kind, **more)
        self.assertEqual(stack["StackStatus"], f"{kind}_COMPLETE", self.failures(name))
        return {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}

    def refused(self, resources, sentence):
        name = f"bad{time.monotonic_ns()}"
        stack = self.deploy(name, template(resources, None, PARAMETERS))
        self.assertEqual(stack["StackStatus"], "ROLLBACK_COMPLETE")
        self.assertIn(sentence, self.failures(name)[-1])
        self.cfn.delete_stack(StackName=name)

    def raises(self, code, call, **arguments):
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        self.assertEqual(caught.exception.response["Error"]["Code"], code, caught.exception)
        return caught.exception.response["Error"]["Message"]

    def delete(self, name):
        stack = self.cfn.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        self.cfn.delete_stack(StackName=name)
        return self.settle(stack)["StackStatus"]

    def cluster(self, name, **options):
        out = self.fine(name, {**SMALL, **database(**options)}, outputs={
            "Arn": {"Value": att("Data", "DBClusterArn")}, "Secret": {"Value": att("Data", "MasterUserSecret.SecretArn")},
            "Host": {"Value": att("Data", "Endpoint.Address")}, "Port": {"Value": att("Data", "Endpoint.Port")},
            "Read": {"Value": att("Data", "ReadEndpoint.Address")}, "Id": {"Value": ref("Data")}})
        return out, {"resourceArn": out["Arn"], "secretArn": out["Secret"]}

    # --- types -------------------------------------------------------------------------------------------------
    def test_every_type(self):
        wanted = {"Cidr": att("Vpc", "CidrBlock"), "Dns": att("Balancer", "DNSName"), "Servers": {
            "Fn::Join": [",", att("Zone", "NameServers")]}, "Point": att("Access", "Arn"), "Role": att("Role", "Arn"),
            "Secret": ref("Secret"), "Trust": att("Trust", "Arn"), "Logs": att("Logs", "Arn"), "Service": att("Service", "Name"),
            "Full": att("Group", "TargetGroupFullName"), "Policy": ref("Policy"), "Alarm": att("Alarm", "Arn"),
            "Vault": att("Vault", "BackupVaultArn"), "Zone": ref("Zone"), "Files": att("Files", "Arn")}
        everything = {**network(), **application()}
        tags = [{"Key": "konta:tenant", "Value": "artista"}]
        out = self.fine("all", everything, outputs={k: {"Value": v} for k, v in wanted.items()}, Tags=tags,
                        Parameters=[{"ParameterKey": "Count", "ParameterValue": "2"}])
        self.assertEqual(out["Cidr"], "10.0.0.0/16")
        self.assertTrue(out["Secret"].startswith("arn:aws:secretsmanager:"), out["Secret"])
        self.assertEqual(len(out["Servers"].split(",")), 4)
        self.assertEqual(out["Service"], "odoo")
        self.server.client("secretsmanager").get_secret_value(SecretId=out["Secret"])
        kept = self.server.own("/_konta/resources?stack=all")
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
            self.assertEqual(self.raises("InvalidParameterException", ecs.list_tasks, cluster="konta", startedBy="nobody", **more),
                             "cannot specify startedBy with other arguments")
        ecs.list_tasks(cluster="konta", family="odoo", desiredStatus="STOPPED")
        groups = self.server.client("elbv2").describe_target_groups()["TargetGroups"]
        self.assertEqual([len(g["LoadBalancerArns"]) for g in groups if out["Full"] in g["TargetGroupArn"]], [1])
        elb, group, listener = self.server.client("elbv2"), kept["Group"]["physicalId"], kept["Listener"]["physicalId"]
        states = [t["TargetHealth"]["State"] for t in elb.describe_target_health(
            TargetGroupArn=group)["TargetHealthDescriptions"]]
        self.assertEqual(states, ["healthy", "healthy"])
        self.assertEqual([c["IsDefault"] for c in elb.describe_listener_certificates(ListenerArn=listener)["Certificates"]],
                         [True, False])
        self.raises("PriorityInUse", elb.create_rule, ListenerArn=listener, Priority=10, Actions=[
            {"Type": "forward", "TargetGroupArn": group}], Conditions=[{"Field": "path-pattern", "Values": ["/x"]}])
        guard = kept["Guard"]["physicalId"]
        rules = self.server.client("ec2").describe_security_groups(GroupIds=[guard])["SecurityGroups"][0]["IpPermissions"]
        self.assertEqual([r["FromPort"] for r in rules], [443])
        self.assertEqual(len(self.server.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]), 1)
        # A changed parameter changes only what depends on it; tags and attributes survive.
        again = self.fine("all", everything, "UPDATE", outputs={k: {"Value": v} for k, v in wanted.items()}, Tags=tags,
                          Parameters=[{"ParameterKey": "Count", "ParameterValue": "1"}])
        self.assertEqual(again, out)
        self.assertEqual(self.cfn.describe_stacks(StackName="all")["Stacks"][0]["Tags"], tags)
        self.assertEqual(self.delete("all"), "DELETE_COMPLETE")
        with self.assertRaises(urllib.error.HTTPError):
            self.server.own("/_konta/resources?stack=all")

    # --- databases ---------------------------------------------------------------------------------------------
    def test_data_api(self):
        out, where = self.cluster("db", DatabaseName="first")
        self.assertEqual((out["Host"], out["Read"]), ("127.0.0.1", "127.0.0.1"))
        listed = next(c for c in json.loads((self.server.home / "clusters.json").read_text()) if c["arn"] == out["Arn"])
        self.assertEqual((str(listed["port"]), listed["identifier"], listed["master_user"]),
                         (out["Port"], out["Id"], "konta"))
        described = self.rds.describe_db_clusters(DBClusterIdentifier=out["Id"])["DBClusters"][0]
        self.assertEqual((described["Port"], described["MasterUserSecret"]["SecretArn"]), (int(out["Port"]), out["Secret"]))

        def run(text, **more):
            return self.data.execute_statement(sql=text, **{**where, **more})

        def value(text, **more):
            return list(run(text, **more)["records"][0][0].values())[0]
        self.assertEqual(value("SELECT current_user"), "konta")
        self.assertEqual(value("SELECT current_database()"), "first")
        self.assertEqual(value("SELECT rolsuper OR NOT rolcreatedb FROM pg_roles WHERE rolname = 'konta'"), False)
        run("CREATE ROLE t LOGIN PASSWORD 'se''cret;1'")
        self.assertIn('ERROR: must be able to SET ROLE "t"', self.raises(
            "DatabaseErrorException", run, text="CREATE DATABASE t OWNER t"))
        run("GRANT t TO konta")
        run("CREATE DATABASE t OWNER t TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'")
        run("REVOKE CONNECT, TEMPORARY ON DATABASE t FROM PUBLIC")
        run("GRANT CONNECT ON DATABASE t TO t")
        with psycopg2.connect(host="127.0.0.1", port=out["Port"], user="t", password="se'cret;1", dbname="t") as own:
            cursor = own.cursor()
            cursor.execute("CREATE EXTENSION pg_trgm")
            cursor.execute("CREATE TABLE x (id int, note text, at timestamptz DEFAULT '2026-11-24 12:00+00')")
        own.close()
        run("SET ROLE t", database="first")
        answer = self.data.execute_statement(
            sql="SELECT :n AS n, :s || '::x' AS s, NULL AS z, ARRAY[1,2] AS a, 1.50 AS d, ';:no' AS q, now() > '2020-01-01'",
            parameters=[{"name": "n", "value": {"longValue": 7}}, {"name": "s", "value": {"stringValue": "it's 5%"}}],
            includeResultMetadata=True, **where)
        self.assertEqual(answer["records"][0], [
            {"longValue": 7}, {"stringValue": "it's 5%::x"}, {"isNull": True}, {"arrayValue": {"longValues": [1, 2]}},
            {"stringValue": "1.50"}, {"stringValue": ";:no"}, {"booleanValue": True}])
        self.assertEqual([c["name"] for c in answer["columnMetadata"]][:3], ["n", "s", "z"])
        self.assertEqual(run("CREATE TABLE y (i int)")["numberOfRecordsUpdated"], 0)
        self.assertEqual(run("INSERT INTO y VALUES (1), (2)")["numberOfRecordsUpdated"], 2)
        self.assertIn("Multistatements", self.raises("ValidationException", run, text="SELECT 1; SELECT 2"))
        run("SELECT 1; -- the end")
        run("DO $$ BEGIN PERFORM 1; PERFORM 2; END $$")
        text = self.raises("DatabaseErrorException", run, text="SELECT nothing FROM y")
        self.assertEqual(text, 'ERROR: column "nothing" does not exist; Position: 8; SQLState: 42703')
        self.assertIn("$1", self.raises("DatabaseErrorException", self.data.execute_statement, parameters=[
            {"name": "p", "value": {"stringValue": "x"}}], sql="CREATE ROLE u PASSWORD :p", **where))
        self.assertIn('database "none" does not exist', self.raises("DatabaseErrorException", run, text="SELECT 1",
                                                                     database="none"))
        self.raises("DatabaseErrorException", run, text="SELECT 1", database="rdsadmin")
        # Transactions
        key = self.data.begin_transaction(database="first", **where)["transactionId"]
        run("INSERT INTO y VALUES (3)", transactionId=key)
        self.assertEqual(value("SELECT count(*) FROM y"), 2)
        self.data.commit_transaction(transactionId=key, **where)
        self.assertEqual(value("SELECT count(*) FROM y"), 3)
        self.raises("TransactionNotFoundException", run, text="SELECT 1", transactionId=key)
        key = self.data.begin_transaction(**where)["transactionId"]
        self.assertIn("cannot run inside a transaction block", self.raises(
            "DatabaseErrorException", run, text="CREATE DATABASE z", transactionId=key))
        self.data.rollback_transaction(transactionId=key, **where)
        self.data.batch_execute_statement(sql="INSERT INTO y VALUES (:i)", parameterSets=[
            [{"name": "i", "value": {"longValue": 8}}], [{"name": "i", "value": {"longValue": 9}}]], **where)
        self.assertEqual(value("SELECT sum(i) FROM y WHERE i > 7"), 17)
        # Another cluster sees nothing of it, and its secret does not open this one.
        _, other = self.cluster("db2", http=False)
        self.raises("HttpEndpointNotEnabledException", self.data.execute_statement, sql="SELECT 1", **other)
        self.fine("db2", {**SMALL, **database()}, "UPDATE")
        found = self.data.execute_statement(sql="SELECT count(*) FROM pg_database WHERE datname IN ('t', 'first')", **other)
        self.assertEqual(found["records"][0][0], {"longValue": 0})
        self.assertIn("password authentication failed", self.raises(
            "DatabaseErrorException", self.data.execute_statement, sql="SELECT 1", resourceArn=where["resourceArn"],
            secretArn=other["secretArn"]))
        pid = next(c["pid"] for c in json.loads((self.server.home / "clusters.json").read_text())
                   if c["arn"] == other["resourceArn"])
        self.assertEqual(self.delete("db2"), "DELETE_COMPLETE")
        self.assertFalse(psutil.pid_exists(pid))
        self.raises("DatabaseNotFoundException", self.data.execute_statement, sql="SELECT 1", **other)
        self.assertEqual(self.delete("db"), "DELETE_COMPLETE")

    def test_what_may_be_ordered(self):
        found = self.rds.describe_db_engine_versions(Engine="aurora-postgresql", EngineVersion="16.9")["DBEngineVersions"]
        self.assertEqual(found[0]["ServerlessV2FeaturesSupport"], {"MinCapacity": 0.0, "MaxCapacity": 256.0})
        listed = self.rds.describe_orderable_db_instance_options(Engine="aurora-postgresql", DBInstanceClass="db.serverless")
        self.assertEqual(listed["OrderableDBInstanceOptions"][0]["DBInstanceClass"], "db.serverless")
        for service in ("service-quotas", "pricing"):
            call = "list_services" if service == "service-quotas" else "describe_services"
            self.raises("UnknownOperationException", getattr(self.server.client(service), call))

    def test_change_values(self):
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
        change = self.cfn.create_change_set(StackName="changes", ChangeSetName="c", TemplateBody=json.dumps(more), Parameters=[
            {"ParameterKey": "Name", "ParameterValue": "b & c"}])
        found = {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"] for c in self.cfn.describe_change_set(
            ChangeSetName=change["Id"], IncludePropertyValues=True)["Changes"]}
        self.assertEqual(set(found), {"Topic", "Queue", "Other", "New"})
        self.assertEqual(json.loads(found["Queue"]["BeforeContext"])["Properties"], {"DelaySeconds": "1"})
        target = next(d["Target"] for d in found["Topic"]["Details"] if d["Target"]["Name"] == "DisplayName")
        self.assertEqual((target["BeforeValue"], target["AfterValue"], target["Path"], target["AttributeChangeType"]),
                         ("a", "b & c", "/Properties/DisplayName", "Modify"))
        self.assertEqual(json.loads(found["Other"]["AfterContext"])["Properties"]["Value"], "{{changeSet:KNOWN_AFTER_APPLY}}")
        self.assertNotIn("BeforeContext", found["New"])
        silent = self.cfn.describe_change_set(ChangeSetName=change["Id"])
        self.assertNotIn("AfterContext", silent["Changes"][0]["ResourceChange"])
        self.assertNotIn("geheim", json.dumps(found))

    def test_retained_cluster(self):
        _, first = self.cluster("stays", policy="Retain")
        self.data.execute_statement(sql="CREATE TABLE kept (i int)", **first)
        self.assertEqual(self.delete("stays"), "DELETE_COMPLETE")
        _, second = self.cluster("stays")
        self.assertNotEqual(first["resourceArn"], second["resourceArn"])
        self.data.execute_statement(sql="SELECT i FROM kept", **first)
        self.fine("stays", {**SMALL, **database(scaling={"MinCapacity": 1, "MaxCapacity": 8})}, "UPDATE")
        self.data.execute_statement(sql="SELECT 1", **second)
        self.assertEqual(self.delete("stays"), "DELETE_COMPLETE")

    def test_conditions_change(self):
        topics = {"A": resource("SNS::Topic"), "B": {**resource("SNS::Topic"), "Condition": "On"}}
        body = json.dumps({"Resources": topics, "Conditions": {"On": {"Fn::Equals": [ref("Serving"), "true"]}},
                           "Parameters": {"Serving": {"Type": "String", "Default": "false"}}})
        self.deploy("switch", body)
        for value, action, left in (("true", "Add", {"A", "B"}), ("false", "Remove", {"A"})):
            change = self.cfn.create_change_set(StackName="switch", ChangeSetName=f"c{value}", TemplateBody=body, Parameters=[
                {"ParameterKey": "Serving", "ParameterValue": value}])
            described = self.cfn.describe_change_set(ChangeSetName=change["Id"], IncludePropertyValues=True)
            self.assertEqual([(c["ResourceChange"]["Action"], c["ResourceChange"]["LogicalResourceId"])
                              for c in described["Changes"]], [(action, "B")])
            self.cfn.execute_change_set(ChangeSetName=change["Id"])
            self.assertEqual(self.settle("switch")["StackStatus"], "UPDATE_COMPLETE")
            self.assertEqual(set(self.server.own("/_konta/resources?stack=switch")), left)

    def test_a_rollback_leaves_what_it_cannot_delete_in_the_stack(self):
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

    def test_protection_and_snapshot(self):
        out, where = self.cluster("safe", protected=True, policy="Snapshot")
        self.data.execute_statement(sql="CREATE TABLE kept (i int)", **where)
        self.assertEqual(self.delete("safe"), "DELETE_FAILED")
        self.assertTrue(any("Cannot delete protected Cluster, please disable deletion protection and try again." in r
                            for r in self.failures(self.cfn.describe_stacks(StackName="safe")["Stacks"][0]["StackId"])))
        self.rds.modify_db_cluster(DBClusterIdentifier=out["Id"], DeletionProtection=False)
        self.assertEqual(self.delete("safe"), "DELETE_COMPLETE")
        snapshot = self.rds.describe_db_cluster_snapshots()["DBClusterSnapshots"][0]["DBClusterSnapshotIdentifier"]
        _, again = self.cluster("safe2", SnapshotIdentifier=snapshot)
        found = self.data.execute_statement(sql="SELECT to_regclass('kept')::text", **again)
        self.assertEqual(found["records"][0][0], {"stringValue": "kept"})
        self.assertEqual(self.delete("safe2"), "DELETE_COMPLETE")

    # --- what AWS refuses --------------------------------------------------------------------------------------
    def test_refusals(self):
        def changed(name, **properties):
            resources = {**network(), **application()}
            resources[name]["Properties"].update(properties)
            return resources
        self.refused(changed("Task", Cpu="256", Memory="4096"), "No Fargate configuration exists for given values")
        self.refused(changed("Service", Cluster="nowhere"), "Cluster not found.")
        loose = changed("Rule", Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}])
        self.refused(loose, "does not have an associated load balancer")
        arn = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/none/0123456789abcdef"
        balancer = {"ContainerName": "odoo", "ContainerPort": 8069, "TargetGroupArn": arn}
        self.refused(changed("Service", LoadBalancers=[balancer]), f"The target group with targetGroupArn {arn} does not exist")
        self.refused(changed("Rule", ListenerArn=arn.replace("targetgroup", "listener/app")), "One or more listeners not found")
        for host in ({"HostHeaderConfig": {"Values": ["localhost"]}}, {"Values": ["localhost"]}):
            self.refused(changed("Rule", Conditions=[{"Field": "host-header", **host}]), "must contain at least one '.'")
        twice = network()
        twice["Second"] = json.loads(json.dumps(twice["Rule"]))
        twice["Second"]["DependsOn"] = "Rule"
        self.refused(twice, "Priority '10' is currently in use")
        for version in ("16.1", "16.6"):
            self.refused({**SMALL, **database(version=version)}, f"Cannot find version {version} for aurora-postgresql")
        for bad in ({"SecondsUntilAutoPause": 100}, {"MaxCapacity": 1.3}, {"MaxCapacity": 300}):
            self.refused({**SMALL, **database(scaling={"MinCapacity": 0, "MaxCapacity": 4, **bad})}, "isn't valid")
        one = {**SMALL, **database()}
        one["Places"]["Properties"]["SubnetIds"] = [ref("A")]
        self.refused(one, "Availability Zone (AZ) coverage")

    def test_a_page_takes_the_target_group_off_its_load_balancer(self):
        def shown(body):
            resources = {**network(), **application()}
            resources["Rule"]["Properties"]["Actions"] = [{"Type": "fixed-response", "FixedResponseConfig": {
                "StatusCode": "503", "ContentType": "text/html", "MessageBody": body}}]
            return resources
        self.refused(shown("x" * 1025), "cannot be longer than '1024' characters")
        tags = [{"Key": "konta:tenant", "Value": "artista"}]
        self.fine("page", {**network(), **application()}, Tags=tags)
        page = "<h1 class=\"a\">Zu & fertig</h1>"
        self.fine("page", shown(page), "UPDATE", Tags=tags)
        kept = self.server.own("/_konta/resources?stack=page")
        elb, ecs = self.server.client("elbv2"), self.server.client("ecs")
        rule = elb.describe_rules(RuleArns=[kept["Rule"]["physicalId"]])["Rules"][0]
        self.assertEqual(rule["Actions"][0]["FixedResponseConfig"]["MessageBody"], page)
        group = elb.describe_target_groups(TargetGroupArns=[kept["Group"]["physicalId"]])["TargetGroups"][0]
        self.assertEqual(group["LoadBalancerArns"], [])
        count = {"cluster": "konta", "service": "odoo"}
        text = self.raises("InvalidParameterException", ecs.update_service, desiredCount=1, **count)
        self.assertIn("does not have an associated load balancer", text)
        self.assertEqual(ecs.update_service(desiredCount=0, **count)["service"]["desiredCount"], 0)
        self.fine("page", {**network(), **application()}, "UPDATE", Tags=tags)
        self.assertEqual(ecs.update_service(desiredCount=1, **count)["service"]["desiredCount"], 1)
        self.assertEqual(self.delete("page"), "DELETE_COMPLETE")

    def test_capabilities(self):
        body = template({"R": resource("IAM::Role", AssumeRolePolicyDocument={}, RoleName="named")})
        for given, missing in (([], "CAPABILITY_NAMED_IAM"), (["CAPABILITY_IAM"], "CAPABILITY_NAMED_IAM")):
            text = self.raises("InsufficientCapabilitiesException", self.cfn.create_change_set, StackName="caps",
                               ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=body, Capabilities=given)
            self.assertEqual(text, f"Requires capabilities : [{missing}]")
        self.raises("ValidationError", self.cfn.describe_stacks, StackName="caps")

    # --- the services konta calls ------------------------------------------------------------------------------
    def test_parameters(self):
        ssm = self.server.client("ssm")
        for name in ("/konta/live/a", "/konta/live/deep/b"):
            ssm.put_parameter(Name=name, Value="geheim", Type="SecureString", Tags=[{"Key": "konta", "Value": "1"}])
        self.raises("ParameterAlreadyExists", ssm.put_parameter, Name="/konta/live/a", Value="x", Type="SecureString")
        self.assertEqual(ssm.get_parameter(Name="/konta/live/a", WithDecryption=True)["Parameter"]["Value"], "geheim")
        self.assertNotEqual(ssm.get_parameter(Name="/konta/live/a")["Parameter"]["Value"], "geheim")
        found = ssm.get_parameters_by_path(Path="/konta/live", Recursive=True, WithDecryption=True)["Parameters"]
        self.assertEqual(len(found), 2)
        self.assertEqual(ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/konta/live/a")["TagList"],
                         [{"Key": "konta", "Value": "1"}])
        ssm.put_parameter(Name="/konta/live/a", Value="neu", Type="SecureString", Overwrite=True)

    def test_run_task(self):
        ecs = self.server.client("ecs")
        self.raises("ClusterNotFoundException", ecs.run_task, cluster="nowhere", taskDefinition="once")
        ecs.create_cluster(clusterName="once")
        ecs.register_task_definition(family="once", containerDefinitions=[{"name": "odoo", "image": "odoo:19"}])
        started = ecs.run_task(cluster="once", taskDefinition="once")["tasks"][0]
        task = ecs.describe_tasks(cluster="once", tasks=[started["taskArn"]])["tasks"][0]
        self.assertEqual((task["lastStatus"], task["stopCode"], task["stoppedReason"]),
                         ("STOPPED", "TaskFailedToStart", "konta sandbox: containers are not run"))
        self.assertNotIn("exitCode", task["containers"][0])

    def test_stacks_page(self):
        body = template({"Topic": resource("SNS::Topic")}, {"T": {"Value": ref("Topic")}})
        for number in range(103):
            self.cfn.create_stack(StackName=f"page{number}", TemplateBody=body, Tags=[{"Key": "n", "Value": str(number)}])
        first = self.cfn.describe_stacks()
        self.assertEqual(len(first["Stacks"]), 100)
        stacks = [s for page in self.cfn.get_paginator("describe_stacks").paginate() for s in page["Stacks"]]
        ours = {s["StackName"]: s for s in stacks if s["StackName"].startswith("page")}
        self.assertEqual(len(ours), 103)
        self.assertEqual(ours["page7"]["Tags"], [{"Key": "n", "Value": "7"}])
        self.assertTrue(ours["page102"]["Outputs"][0]["OutputValue"].startswith("arn:aws:sns:"))
        self.cfn.update_termination_protection(StackName="page1", EnableTerminationProtection=True)
        self.raises("ValidationError", self.cfn.delete_stack, StackName="page1")
        self.cfn.update_termination_protection(StackName="page1", EnableTerminationProtection=False)
        for number in range(103):
            self.cfn.delete_stack(StackName=f"page{number}")

    @unittest.skipUnless(os.geteuid() == 0, "only root has to hand PostgreSQL to somebody else")
    def test_without_setpriv(self):
        root = Path(tempfile.mkdtemp(prefix="konta-sandbox-test-"))
        self.addCleanup(shutil.rmtree, root)
        (root / "bin").mkdir()
        (root / "bin" / "ls").symlink_to(shutil.which("ls"))
        script = ("import sys; sys.dont_write_bytecode = True; sys.path.insert(0, sys.argv[1])\n"
                  "import unprivileged; a = unprivileged.Account(sys.argv[2]); print(a.uid, a.prefix, a.options)")
        command = [sys.executable, "-c", script, str(PROGRAMS), str(root / "home")]
        (root / "home").mkdir()
        shut = subprocess.run(command, capture_output=True, text=True, env={"PATH": str(root / "bin")})
        self.assertIn("PostgreSQL does not run as root", shut.stderr)
        root.chmod(0o755)
        opened = subprocess.run(command, capture_output=True, text=True, env={"PATH": str(root / "bin")})
        if "cannot reach" in opened.stderr:
            self.skipTest("the packages lie below a folder that only root enters")
        self.assertIn("'extra_groups': []", opened.stdout, opened.stderr)
        self.assertEqual(os.stat(root / "home").st_mode & 0o777, 0o711)

    # --- what a workspace imports ------------------------------------------------------------------------------
    def test_imports(self):
        root = Path(tempfile.mkdtemp(prefix="konta-sandbox-test-"))
        self.addCleanup(shutil.rmtree, root)
        outer, server = type(self).server, Server(root / "home")
        arn = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/0a1b2c3d-0000-4000-8000-00000000000"
        vpc, zone = "vpc-0a1b2c3d4e5f60718", "Z0123456789ARTISTA"
        public, private = ([f"subnet-{kind}{n}" for n in "12"] for kind in ("0a1b2c3d4e5f6071", "0a1b2c3d4e5f6072"))
        stack = imported(arn + "1", zone, vpc, public, private)
        listed = {"certificates": [arn + "1"], "hosted_zones": [{"id": zone, "name": "artista.es"}]}
        server.imports(listed)
        server.start()
        try:
            self.cfn = server.client("cloudformation")
            ec2, acm, route53 = (server.client(n) for n in ("ec2", "acm", "route53"))
            # What was there at the start, before any stack; the VPC is not.
            self.assertEqual(acm.describe_certificate(CertificateArn=arn + "1")["Certificate"]["Status"], "ISSUED")
            self.assertEqual([c["CertificateArn"] for c in acm.list_certificates()["CertificateSummaryList"]], [arn + "1"])
            found = route53.get_hosted_zone(Id=zone)
            self.assertEqual((found["HostedZone"]["Name"], found["HostedZone"]["Config"]["PrivateZone"],
                              len(found["DelegationSet"]["NameServers"])), ("artista.es.", False, 4))
            records = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
            self.assertEqual({r["Type"] for r in records}, {"NS", "SOA"})
            self.refused(stack, f"ID '{vpc}' ")
            # A change set reads the file again.
            server.imports({**listed, "vpcs": [{"id": vpc, "cidr": "10.9.0.0/16", "public_subnets": public,
                                                "private_subnets": private}]})
            self.fine("imports", stack)
            described = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]
            self.assertEqual((described["CidrBlock"], described["State"]), ("10.9.0.0/16", "available"))
            names = ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")
            self.assertTrue(names["EnableDnsHostnames"]["Value"])
            mine = [{"Name": "vpc-id", "Values": [vpc]}]
            self.assertEqual(len(ec2.describe_security_groups(Filters=mine)["SecurityGroups"]), 2)  # its own, and Guard
            self.assertEqual(len(ec2.describe_route_tables(Filters=mine)["RouteTables"]), 1)
            subnets = {s["SubnetId"]: s for s in ec2.describe_subnets(Filters=mine)["Subnets"]}
            self.assertEqual(set(subnets), {*public, *private})
            for names, opened in ((public, True), (private, False)):
                self.assertEqual([(subnets[n]["AvailabilityZone"], subnets[n]["MapPublicIpOnLaunch"]) for n in names],
                                 [(f"{REGION}a", opened), (f"{REGION}b", opened)])
            self.assertEqual(sorted(s["CidrBlock"] for s in subnets.values()), [f"10.9.{n}.0/24" for n in range(4)])
            balancer = server.client("elbv2").describe_load_balancers()["LoadBalancers"][0]
            self.assertEqual(balancer["VpcId"], vpc)
            # What is not listed is refused as before.
            for other, sentence in (((arn + "9", zone, vpc), f"Certificate ARN '{arn}9' is not valid"),
                                    ((arn + "1", "Z9", vpc), "No hosted zone with id 'Z9'"),
                                    ((arn + "1", zone, "vpc-9"), "ID 'vpc-9' ")):
                self.refused(imported(*other, public, private, "other.artista.es", False), sentence)
            self.refused(imported(arn + "1", zone, vpc, [public[0], "subnet-9"], private, "other.artista.es", False),
                         "The subnet ID 'subnet-9' is not valid")
            # A malformed file is said and ignored; what it held before stays, and the next good one counts.
            for bad in ("{", "[]", {"certificates": [arn + "2", "arn:aws:iam::1:role/x"]}, {"hosted_zones": [{"id": "Z2"}]},
                        {"certificates": [arn + "2"], "vpcs": [{"id": "vpc-2", "cidr": "10.9"}]}):
                server.imports(bad)
                self.fine(f"bad{time.monotonic_ns()}", {"Topic": resource("SNS::Topic")})
            self.assertEqual((root / "home" / "log" / "sandbox.log").read_text().count("imports.json is ignored"), 5)
            self.raises("ResourceNotFoundException", acm.describe_certificate, CertificateArn=arn + "2")
            server.imports({"certificates": [arn + "2"], "vpcs": [{"id": "vpc-02", "cidr": "10.9.0.0/27", "public_subnets": [
                "subnet-021", "subnet-022"]}]})
            self.fine("again", {"Topic": resource("SNS::Topic")})
            acm.describe_certificate(CertificateArn=arn + "2")
            small = ec2.describe_subnets(SubnetIds=["subnet-021", "subnet-022"])["Subnets"]
            self.assertEqual([s["CidrBlock"] for s in small], ["10.9.0.0/28", "10.9.0.16/28"])
            # A process of one region serves an environment in another one.
            away = server.client("cloudformation", "eu-central-1")
            away.create_change_set(StackName="away", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=template(
                {"Topic": resource("SNS::Topic")}))
            far = server.client("ec2", "eu-central-1").describe_subnets(SubnetIds=["subnet-022"])["Subnets"][0]
            self.assertEqual(far["AvailabilityZone"], "eu-central-1b")
            # Nothing is made twice, and nothing is lost, when the process starts again.
            before = [ec2.describe_vpcs()["Vpcs"], ec2.describe_subnets()["Subnets"],
                      route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"],
                      acm.describe_certificate(CertificateArn=arn + "1")["Certificate"]["CreatedAt"]]
            self.assertEqual(len(before[2]), 4)
            server.stop()
            server.start()
            ec2, acm, route53 = (server.client(n) for n in ("ec2", "acm", "route53"))
            self.assertEqual([ec2.describe_vpcs()["Vpcs"], ec2.describe_subnets()["Subnets"],
                              route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"],
                              acm.describe_certificate(CertificateArn=arn + "1")["Certificate"]["CreatedAt"]], before)
            self.cfn = server.client("cloudformation")
            self.assertEqual(self.delete("imports"), "DELETE_COMPLETE")
            ec2.describe_subnets(SubnetIds=public + private)
            self.assertEqual(route53.get_hosted_zone(Id=zone)["HostedZone"]["ResourceRecordSetCount"], 2)
        finally:
            server.stop()
            self.cfn = outer.client("cloudformation")

    # --- the process -------------------------------------------------------------------------------------------
    def test_killed_at_any_moment_it_stands_as_it_stood_at_one(self):
        root = Path(tempfile.mkdtemp(prefix="konta-sandbox-test-"))
        self.addCleanup(shutil.rmtree, root)
        server = Server(root / "home").start()
        body = json.dumps({"Resources": {"Zone": {"Type": "AWS::Route53::HostedZone", "Properties": {"Name": "a.example"}},
                                         "Name": {"Type": "AWS::SSM::Parameter",
                                                  "Properties": {"Type": "String", "Value": "x", "Name": "/made"}}}})
        try:
            for delay in (0.0, 0.2, 0.45, 0.5, 0.52, 0.55, 0.6, 0.8):
                cfn = server.client("cloudformation")
                for stack in cfn.describe_stacks()["Stacks"]:
                    cfn.delete_stack(StackName=stack["StackName"])
                time.sleep(0.6)
                cfn.create_stack(StackName="made", TemplateBody=body)
                time.sleep(delay)
                server.stop(signal.SIGKILL)
                (server.home / "ready.json").unlink()
                server.start()
                stacks = server.client("cloudformation").describe_stacks()["Stacks"]
                made = any(stack["StackStatus"] == "CREATE_COMPLETE" for stack in stacks)
                zones = server.client("route53").list_hosted_zones()["HostedZones"]
                names = server.client("ssm").get_parameters(Names=["/made"])["Parameters"]
                if made:
                    self.assertEqual((len(zones), len(names)), (1, 1), delay)
        finally:
            server.stop()

    def test_a_state_saved_in_part_is_dropped_and_one_saved_whole_is_taken(self):
        from state_files import finish_saving
        state = Path(tempfile.mkdtemp(prefix="konta-sandbox-test-"))
        self.addCleanup(shutil.rmtree, state)
        (state / "sns.json").write_text("old")
        (state / "sqs.json").write_text("old")
        for name, text in ((".saved", "whole"), (".next", "part")):
            (state / name).mkdir()
            (state / name / "sns.json").write_text(text)
        finish_saving(state)
        self.assertEqual({f.name: f.read_text() for f in state.iterdir()}, {"sns.json": "whole", "sqs.json": "old"})

    def test_process(self):
        root = Path(tempfile.mkdtemp(prefix="konta-sandbox-test-"))
        self.addCleanup(shutil.rmtree, root)
        outer, server = type(self).server, Server(root / "home").start()
        try:
            self.cfn, self.data = server.client("cloudformation"), server.client("rds-data")
            out, where = self.cluster("keep")
            self.data.execute_statement(sql="CREATE TABLE kept (i int)", **where)
            first = server.ready
            self.assertEqual(server.own("/_konta/health")["status"], "ok")
            for connection in psutil.Process(first["pid"]).net_connections("inet") + [
                    c for child in psutil.Process(first["pid"]).children() for c in child.net_connections("inet")]:
                self.assertEqual(connection.laddr.ip, "127.0.0.1")
            second = subprocess.run([sys.executable, str(PROGRAMS / "konta_sandbox.py"), "--home", str(server.home)],
                                    capture_output=True, text=True)
            self.assertIn("another one already runs", second.stderr)
            self.assertEqual(server.stop(), 0)
            self.assertFalse((server.home / "ready.json").exists())
            self.assertEqual([p for p in psutil.pids() if self.runs(p, server.home)], [])
            server.start()
            self.assertEqual((server.ready["endpoint"], str(server.ready["postgres_port"])),
                             (first["endpoint"], out["Port"]))
            self.data.execute_statement(sql="INSERT INTO kept VALUES (1)", **where)
            server.client("ssm").put_parameter(Name="/late", Value="x", Type="String")
            time.sleep(1.5)
            server.stop(signal.SIGKILL)
            self.assertTrue(psutil.pid_exists(server.ready["postgres_pid"]))
            killed = server.ready["postgres_pid"]
            (server.home / "ready.json").unlink()
            server.start()
            self.assertNotEqual(server.ready["postgres_pid"], killed)
            self.assertEqual(str(server.ready["postgres_port"]), out["Port"])
            self.assertEqual(self.data.execute_statement(sql="SELECT i FROM kept", **where)["records"], [[{"longValue": 1}]])
            self.assertEqual(self.cfn.describe_stacks(StackName="keep")["Stacks"][0]["StackStatus"], "CREATE_COMPLETE")
            self.assertEqual(server.client("ssm").get_parameter(Name="/late")["Parameter"]["Value"], "x")
            calls = [json.loads(line) for line in (server.home / "requests.jsonl").read_text().splitlines()]
            self.assertTrue(any((c["service"], c["action"]) == ("rds-data", "ExecuteStatement") for c in calls))
            self.assertTrue(any((c["service"], c["action"]) == ("cloudformation", "CreateChangeSet") for c in calls))
            secret = json.loads(server.client("secretsmanager").get_secret_value(SecretId=out["Secret"])["SecretString"])
            logs = "".join(f.read_text() for f in (server.home / "log").iterdir()) + json.dumps(calls)
            self.assertNotIn(secret["password"], logs)
            for file in ("ready.json", "clusters.json", "requests.jsonl", "state/secretsmanager.json"):
                self.assertEqual(os.stat(server.home / file).st_mode & 0o777, 0o600, file)
        finally:
            server.stop()
            self.cfn, self.data = outer.client("cloudformation"), outer.client("rds-data")

    @staticmethod
    def runs(pid, home):
        try:
            return any(str(home) in part for part in psutil.Process(pid).cmdline())
        except psutil.Error:
            return False


if __name__ == "__main__":
    unittest.main(verbosity=2)
