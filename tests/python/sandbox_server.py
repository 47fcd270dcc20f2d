"""A sandbox for tests: the process, and the calls that tests make of it."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

import boto3
import psutil
from botocore.config import Config
from botocore.exceptions import ClientError

sys.dont_write_bytecode = True
from sandbox_templates import ACCOUNT, PARAMETERS, REGION, SMALL, att, database, ref, template

PROGRAMS = Path(__file__).resolve().parents[2] / "src/sandbox/python"
sys.path.insert(0, str(PROGRAMS))
PATIENCE = 120  # seconds; a busy machine is slow


class Server:
    """A sandbox, started as konta starts it."""

    def __init__(self, home):
        self.home, self.process = Path(home), None

    def start(self, **environment):
        self.output = open(self.home.parent / "output", "w+")
        self.process = subprocess.Popen([sys.executable, str(PROGRAMS / "konta_sandbox.py"), "--home", str(self.home),
                                         "--account", ACCOUNT, "--region", REGION], stderr=self.output,
                                        env={**os.environ, **environment})
        deadline = time.monotonic() + PATIENCE
        while not (self.home / "ready.json").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((self.home.parent / "output").read_text())
            time.sleep(0.01)
        self.ready = json.loads((self.home / "ready.json").read_text())
        return self

    def stop(self, number=signal.SIGTERM):
        """Stops the process and returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self.output.close()
        return code

    def kill(self):
        """Kills the process. Its PostgreSQL servers keep running."""
        self.stop(signal.SIGKILL)
        (self.home / "ready.json").unlink()

    def clean_up(self):
        """Ends everything that a test has left running."""
        if self.process:
            self.stop()
        clusters = self.home / "clusters.json"
        for cluster in json.loads(clusters.read_text()) if clusters.exists() else []:
            if cluster["pid"] and psutil.pid_exists(cluster["pid"]):
                server = psutil.Process(cluster["pid"])
                if str(self.home) in server.cwd():
                    server.send_signal(signal.SIGINT)
                    server.wait(PATIENCE)

    def client(self, name, region=REGION):
        return boto3.client(name, endpoint_url=self.ready["endpoint"], region_name=region, aws_access_key_id="konta",
                            aws_secret_access_key="konta", config=Config(retries={"max_attempts": 1}))

    def write_imports(self, content):
        """Writes imports.json as konta does."""
        self.home.mkdir(exist_ok=True)
        new = self.home / "imports.json.new"
        new.write_text(content if isinstance(content, str) else json.dumps(content))
        new.replace(self.home / "imports.json")

    def get(self, path):
        """An answer of the sandbox's own API, below /_konta/."""
        with urllib.request.urlopen(self.ready["endpoint"] + path, timeout=PATIENCE) as answer:
            return json.load(answer)

    def reset(self):
        request = urllib.request.Request(self.ready["endpoint"] + "/_konta/reset", method="POST")
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)


class SandboxTestCase(unittest.TestCase):
    """Calls and assertions for the sandbox to which the test is connected."""

    def connect(self, server):
        self.server = server
        self.cfn, self.rds, self.data = (server.client(name) for name in ("cloudformation", "rds", "rds-data"))

    def new_server(self):
        """A sandbox that is not started yet. The test's end stops and removes it."""
        root = self.new_folder()
        server = Server(root / "home")
        self.addCleanup(server.clean_up)
        return server

    def new_folder(self):
        folder = Path(tempfile.mkdtemp(prefix="konta-sandbox-test-"))
        self.addCleanup(shutil.rmtree, folder)
        return folder

    def deploy(self, name, body, kind="CREATE", **more):
        """Creates and executes a change set. Returns the stack when its operation has ended."""
        change_set = self.cfn.create_change_set(StackName=name, ChangeSetName=f"c{time.monotonic_ns()}", ChangeSetType=kind,
                                                TemplateBody=body, Capabilities=["CAPABILITY_IAM"], **more)
        described = self.cfn.describe_change_set(ChangeSetName=change_set["Id"], IncludePropertyValues=True)
        self.assertEqual(described["Status"], "CREATE_COMPLETE", described.get("StatusReason"))
        self.cfn.execute_change_set(ChangeSetName=change_set["Id"])
        return self.wait(name)

    def wait(self, name):
        """The stack when its operation has ended."""
        deadline = time.monotonic() + PATIENCE
        while True:
            stack = self.cfn.describe_stacks(StackName=name)["Stacks"][0]
            if not stack["StackStatus"].endswith("IN_PROGRESS"):
                return stack
            self.assertLess(time.monotonic(), deadline, f"{name}: {stack['StackStatus']}")
            time.sleep(0.05)

    def failures(self, name):
        events = self.cfn.describe_stack_events(StackName=name)["StackEvents"]
        return [event["ResourceStatusReason"] for event in events
                if event["ResourceStatus"].endswith("_FAILED") and event.get("ResourceStatusReason")]

    def assert_deploys(self, name, resources, kind="CREATE", outputs=None, **more):
        """Deploys resources and returns the stack's outputs."""
        stack = self.deploy(name, template(resources, outputs, PARAMETERS), kind, **more)
        self.assertEqual(stack["StackStatus"], f"{kind}_COMPLETE", self.failures(name))
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def assert_refused(self, resources, message):
        """The stack of these resources rolls back, and its first failure has this message."""
        name = f"bad{time.monotonic_ns()}"
        stack = self.deploy(name, template(resources, None, PARAMETERS))
        self.assertEqual(stack["StackStatus"], "ROLLBACK_COMPLETE")
        self.assertIn(message, self.failures(name)[-1])
        self.cfn.delete_stack(StackName=name)

    def assert_error(self, code, call, **arguments):
        """A call fails with this code. Returns the message."""
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        self.assertEqual(caught.exception.response["Error"]["Code"], code, caught.exception)
        return caught.exception.response["Error"]["Message"]

    def delete(self, name):
        """Deletes a stack and returns its final status."""
        stack = self.cfn.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        self.cfn.delete_stack(StackName=name)
        return self.wait(stack)["StackStatus"]

    def deploy_cluster(self, name, **options):
        """Deploys a stack with a database cluster. Returns its outputs, and the arguments of Data API calls to it."""
        out = self.assert_deploys(name, {**SMALL, **database(**options)}, outputs={
            "Arn": {"Value": att("Data", "DBClusterArn")}, "Secret": {"Value": att("Data", "MasterUserSecret.SecretArn")},
            "Host": {"Value": att("Data", "Endpoint.Address")}, "Port": {"Value": att("Data", "Endpoint.Port")},
            "Read": {"Value": att("Data", "ReadEndpoint.Address")}, "Id": {"Value": ref("Data")}})
        return out, {"resourceArn": out["Arn"], "secretArn": out["Secret"]}


class SharedSandboxTestCase(SandboxTestCase):
    """Tests that share one sandbox."""

    @classmethod
    def setUpClass(cls):
        # If root runs this, the folder is root's and 0700: PostgreSQL's user must reach its data nevertheless.
        cls.root = Path(tempfile.mkdtemp(prefix="konta-sandbox-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.root)
        cls.shared = Server(cls.root / "home")
        cls.addClassCleanup(cls.shared.clean_up)
        cls.shared.start()

    def setUp(self):
        self.connect(self.shared)
