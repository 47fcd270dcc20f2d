"""Tests of the sandbox's process: starts, stops and kills, saved state, and its user.

    python tests/python/test_sandbox_process.py
"""
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
import unittest

import psutil

from sandbox_server import PATIENCE, PROGRAMS, SandboxTestCase
from sandbox_templates import REGION, application, network, ref, resource, template

import state_files


class ProcessTest(SandboxTestCase):
    def test_a_kill_at_any_moment_leaves_the_state_of_one_moment(self):
        server = self.new_server().start()
        body = template({"Zone": resource("Route53::HostedZone", Name="a.example"),
                         "Name": resource("SSM::Parameter", Type="String", Value="x", Name="/made")})
        for delay in (0.0, 0.2, 0.45, 0.5, 0.52, 0.55, 0.6, 0.8):
            cfn = server.client("cloudformation")
            for stack in cfn.describe_stacks()["Stacks"]:
                cfn.delete_stack(StackName=stack["StackName"])
            time.sleep(0.6)
            cfn.create_stack(StackName="made", TemplateBody=body)
            time.sleep(delay)
            server.kill()
            server.start()
            stacks = server.client("cloudformation").describe_stacks()["Stacks"]
            zones = server.client("route53").list_hosted_zones()["HostedZones"]
            names = server.client("ssm").get_parameters(Names=["/made"])["Parameters"]
            if any(stack["StackStatus"] == "CREATE_COMPLETE" for stack in stacks):
                self.assertEqual((len(zones), len(names)), (1, 1), delay)

    def test_only_a_complete_save_is_used(self):
        state = self.new_folder()
        (state / "sns.json").write_text("old")
        (state / "sqs.json").write_text("old")
        for name, text in ((".saved", "complete"), (".next", "incomplete")):
            (state / name).mkdir()
            (state / name / "sns.json").write_text(text)
        state_files.finish_saving(state)
        found = {file.name: file.read_text() for file in state.iterdir()}
        self.assertEqual(found, {"sns.json": "complete", "sqs.json": "old"})

    def test_the_process_listens_only_on_localhost_and_runs_once(self):
        server = self.new_server().start()
        self.connect(server)
        self.deploy_cluster("one")
        self.assertEqual(server.get("/_konta/health")["status"], "ok")
        process = psutil.Process(server.ready["pid"])
        connections = [connection for one in [process, *process.children()] for connection in one.net_connections("inet")]
        self.assertEqual({connection.laddr.ip for connection in connections}, {"127.0.0.1"})
        second = subprocess.run([sys.executable, str(PROGRAMS / "konta_sandbox.py"), "--home", str(server.home)],
                                capture_output=True, text=True)
        self.assertIn("another one already runs", second.stderr)

    def test_a_stop_ends_all_processes_and_a_start_uses_the_same_ports(self):
        server = self.new_server().start()
        self.connect(server)
        out, where = self.deploy_cluster("keep")
        self.data.execute_statement(sql="CREATE TABLE kept (i int)", **where)
        endpoint = server.ready["endpoint"]
        self.assertEqual(server.stop(), 0)
        self.assertFalse((server.home / "ready.json").exists())
        self.assertEqual([pid for pid in psutil.pids() if self.uses(pid, server.home)], [])
        server.start()
        self.assertEqual((server.ready["endpoint"], str(server.ready["postgres_port"])), (endpoint, out["Port"]))
        self.data.execute_statement(sql="INSERT INTO kept VALUES (1)", **where)

    def test_a_kill_loses_no_saved_state_and_no_data(self):
        server = self.new_server().start()
        self.connect(server)
        out, where = self.deploy_cluster("keep")
        self.data.execute_statement(sql="CREATE TABLE kept (i int)", **where)
        self.data.execute_statement(sql="INSERT INTO kept VALUES (1)", **where)
        server.client("ssm").put_parameter(Name="/late", Value="x", Type="String")
        saved, deadline = server.home / "state" / "ssm.json", time.monotonic() + PATIENCE
        while not (saved.exists() and "/late" in saved.read_text()):
            self.assertLess(time.monotonic(), deadline, "the state is not saved")
            time.sleep(0.05)
        postgres = json.loads((server.home / "ready.json").read_text())["postgres_pid"]
        server.kill()
        self.assertTrue(psutil.pid_exists(postgres))
        server.start()
        self.assertNotEqual(server.ready["postgres_pid"], postgres)
        self.assertEqual(str(server.ready["postgres_port"]), out["Port"])
        self.assertEqual(self.data.execute_statement(sql="SELECT i FROM kept", **where)["records"], [[{"longValue": 1}]])
        self.assertEqual(self.cfn.describe_stacks(StackName="keep")["Stacks"][0]["StackStatus"], "CREATE_COMPLETE")
        self.assertEqual(server.client("ssm").get_parameter(Name="/late")["Parameter"]["Value"], "x")

    def test_calls_are_logged_without_secrets_in_private_files(self):
        server = self.new_server().start()
        self.connect(server)
        out, where = self.deploy_cluster("logged")
        self.data.execute_statement(sql="SELECT 1", **where)
        secret = server.client("secretsmanager").get_secret_value(SecretId=out["Secret"])["SecretString"]
        server.stop()
        server.start()
        calls = [json.loads(line) for line in (server.home / "requests.jsonl").read_text().splitlines()]
        names = {(call["service"], call["action"]) for call in calls}
        self.assertLessEqual({("rds-data", "ExecuteStatement"), ("cloudformation", "CreateChangeSet")}, names)
        logs = "".join(file.read_text() for file in (server.home / "log").iterdir()) + json.dumps(calls)
        self.assertNotIn(json.loads(secret)["password"], logs)
        for file in ("ready.json", "clusters.json", "requests.jsonl", "state/secretsmanager.json"):
            self.assertEqual(os.stat(server.home / file).st_mode & 0o777, 0o600, file)

    def test_a_reset_leaves_nothing_of_what_was_deployed(self):
        server = self.new_server().start()
        self.connect(server)
        fresh = self.saved(server)
        self.calls_of_every_kind(server)
        self.assertNotEqual(self.saved(server), fresh)
        self.assertEqual(server.reset(), {"status": "empty"})
        self.assertEqual((server.home / "requests.jsonl").read_text(), "")
        self.assertEqual(json.loads((server.home / "clusters.json").read_text()), [])
        self.assertEqual(list((server.home / "postgres").iterdir()), [])
        self.assertEqual(self.saved(server), fresh)
        self.assertEqual(list((server.home / "state").rglob("*.pdf")), [])
        # A transaction, an import or a role of before is no obstacle.
        self.calls_of_every_kind(server)

    def calls_of_every_kind(self, server):
        """A stack with a cluster and a service, an open transaction, a snapshot, an import, an object, a parameter."""
        server.write_imports({"hosted_zones": [{"id": "Z0123456789", "name": "b.example"}]})
        _, where = self.deploy_cluster("data")
        self.data.begin_transaction(**where)
        self.data.execute_statement(sql="CREATE TABLE t (i int)", **where)
        identifier = self.rds.describe_db_clusters()["DBClusters"][0]["DBClusterIdentifier"]
        self.rds.create_db_cluster_snapshot(DBClusterSnapshotIdentifier="s", DBClusterIdentifier=identifier)
        self.assertEqual([zone["Name"] for zone in server.client("route53").list_hosted_zones()["HostedZones"]], ["b.example."])
        self.assert_deploys("application", {**network(), **application()})
        server.client("s3").create_bucket(Bucket="objects", CreateBucketConfiguration={"LocationConstraint": REGION})
        server.client("s3").put_object(Bucket="objects", Key="k.pdf", Body=b"x")
        server.client("ssm").put_parameter(Name="/p", Value="x", Type="SecureString")

    def settle(self, server):
        """Waits until everything is saved."""
        marker, deadline = f"/settled{time.monotonic_ns()}", time.monotonic() + PATIENCE
        ssm, file = server.client("ssm"), server.home / "state" / "ssm.json"
        ssm.put_parameter(Name=marker, Value="x", Type="String")
        while not (file.exists() and marker in file.read_text()):
            self.assertLess(time.monotonic(), deadline, "the state is not saved")
            time.sleep(0.05)
        ssm.delete_parameter(Name=marker)
        while marker in file.read_text():
            self.assertLess(time.monotonic(), deadline, "the state is not saved")
            time.sleep(0.05)

    def saved(self, server):
        """What is saved of each service that holds anything."""
        self.settle(server)
        return {file.name: file.read_text() for file in (server.home / "state").glob("*.json")}

    def test_a_reset_waits_for_what_is_in_progress(self):
        server = self.new_server().start()
        self.connect(server)
        body = template({"Ready": resource("CloudFormation::WaitCondition", Handle=ref("Handle"), Timeout="2", Count=1),
                         "Handle": resource("CloudFormation::WaitConditionHandle")})
        self.cfn.create_stack(StackName="waiting", TemplateBody=body)
        self.assertEqual(server.reset(), {"status": "empty"})
        self.assertEqual(self.cfn.describe_stacks()["Stacks"], [])

    def test_a_sandbox_stops_when_a_file_is_unlocked(self):
        lock = self.new_folder() / "lock"
        with open(lock, "w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            server = self.new_server().start(KONTA_SANDBOX_WHILE_LOCKED=str(lock))
            self.assertEqual(server.get("/_konta/health")["status"], "ok")
        self.assertEqual(server.process.wait(PATIENCE), 0)

    def test_clusters_are_copied_from_one_that_is_made_once(self):
        folder = self.new_folder()
        for _ in range(2):
            server = self.new_server().start(KONTA_SANDBOX_CLUSTERS=str(folder / "clusters"))
            self.connect(server)
            _, where = self.deploy_cluster("copied")
            self.data.execute_statement(sql="CREATE TABLE t (i int)", **where)
        self.assertEqual(len(list((folder / "clusters").iterdir())), 1)

    @unittest.skipUnless(os.geteuid() == 0, "only root runs PostgreSQL as another user")
    def test_without_setpriv_the_folder_must_be_open_to_the_other_user(self):
        root = self.new_folder()
        (root / "bin").mkdir()
        (root / "bin" / "ls").symlink_to(shutil.which("ls"))
        script = ("import sys; sys.dont_write_bytecode = True; sys.path.insert(0, sys.argv[1])\n"
                  "import unprivileged; a = unprivileged.Account(sys.argv[2]); print(a.uid, a.prefix, a.options)")
        command = [sys.executable, "-c", script, str(PROGRAMS), str(root / "home")]
        (root / "home").mkdir()
        closed = subprocess.run(command, capture_output=True, text=True, env={"PATH": str(root / "bin")})
        self.assertIn("PostgreSQL does not run as root", closed.stderr)
        root.chmod(0o755)
        opened = subprocess.run(command, capture_output=True, text=True, env={"PATH": str(root / "bin")})
        if "cannot reach" in opened.stderr:
            self.skipTest("the packages are in a folder that only root can enter")
        self.assertIn("'extra_groups': []", opened.stdout, opened.stderr)
        self.assertEqual(os.stat(root / "home").st_mode & 0o777, 0o711)

    @staticmethod
    def uses(pid, home):
        """Whether the command line of a process names the folder."""
        try:
            return any(str(home) in part for part in psutil.Process(pid).cmdline())
        except psutil.Error:
            return False


if __name__ == "__main__":
    unittest.main(verbosity=2)
