"""Tests of other services of the sandbox that konta calls.

    python tests/python/test_sandbox_services.py
"""
import unittest

from sandbox_server import SharedSandboxTestCase


class ServicesTest(SharedSandboxTestCase):
    def test_secure_parameters_are_encrypted_and_tagged(self):
        ssm = self.server.client("ssm")
        for name in ("/konta/live/a", "/konta/live/deep/b"):
            ssm.put_parameter(Name=name, Value="geheim", Type="SecureString", Tags=[{"Key": "konta", "Value": "1"}])
        self.assert_error("ParameterAlreadyExists", ssm.put_parameter, Name="/konta/live/a", Value="x", Type="SecureString")
        self.assertEqual(ssm.get_parameter(Name="/konta/live/a", WithDecryption=True)["Parameter"]["Value"], "geheim")
        self.assertNotEqual(ssm.get_parameter(Name="/konta/live/a")["Parameter"]["Value"], "geheim")
        found = ssm.get_parameters_by_path(Path="/konta/live", Recursive=True, WithDecryption=True)["Parameters"]
        self.assertEqual(len(found), 2)
        self.assertEqual(ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/konta/live/a")["TagList"],
                         [{"Key": "konta", "Value": "1"}])
        ssm.put_parameter(Name="/konta/live/a", Value="neu", Type="SecureString", Overwrite=True)

    def test_a_task_ends_at_once_without_containers(self):
        ecs = self.server.client("ecs")
        self.assert_error("ClusterNotFoundException", ecs.run_task, cluster="nowhere", taskDefinition="once")
        ecs.create_cluster(clusterName="once")
        ecs.register_task_definition(family="once", containerDefinitions=[{"name": "odoo", "image": "odoo:19"}])
        started = ecs.run_task(cluster="once", taskDefinition="once")["tasks"][0]
        task = ecs.describe_tasks(cluster="once", tasks=[started["taskArn"]])["tasks"][0]
        self.assertEqual((task["lastStatus"], task["stopCode"], task["stoppedReason"]),
                         ("STOPPED", "TaskFailedToStart", "konta sandbox: containers are not run"))
        self.assertNotIn("exitCode", task["containers"][0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
