"""Tests of the sandbox's databases: the RDS Data API, snapshots, protected and retained clusters.

    python tests/python/test_sandbox_databases.py
"""
import json
import unittest

import psutil
import psycopg2

from sandbox_server import SharedSandboxTestCase
from sandbox_templates import SMALL, database


class DatabasesTest(SharedSandboxTestCase):
    def test_the_data_api_answers_with_postgresqls_results_and_errors(self):
        out, where = self.deploy_cluster("db", DatabaseName="first")
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
        self.assertIn('ERROR: must be able to SET ROLE "t"', self.assert_error(
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
        self.assertIn("Multistatements", self.assert_error("ValidationException", run, text="SELECT 1; SELECT 2"))
        run("SELECT 1; -- the end")
        run("DO $$ BEGIN PERFORM 1; PERFORM 2; END $$")
        text = self.assert_error("DatabaseErrorException", run, text="SELECT nothing FROM y")
        self.assertEqual(text, 'ERROR: column "nothing" does not exist; Position: 8; SQLState: 42703')
        self.assertIn("$1", self.assert_error("DatabaseErrorException", self.data.execute_statement, parameters=[
            {"name": "p", "value": {"stringValue": "x"}}], sql="CREATE ROLE u PASSWORD :p", **where))
        self.assertIn('database "none" does not exist', self.assert_error("DatabaseErrorException", run, text="SELECT 1",
                                                                           database="none"))
        self.assert_error("DatabaseErrorException", run, text="SELECT 1", database="rdsadmin")
        # Transactions.
        key = self.data.begin_transaction(database="first", **where)["transactionId"]
        run("INSERT INTO y VALUES (3)", transactionId=key)
        self.assertEqual(value("SELECT count(*) FROM y"), 2)
        self.data.commit_transaction(transactionId=key, **where)
        self.assertEqual(value("SELECT count(*) FROM y"), 3)
        self.assert_error("TransactionNotFoundException", run, text="SELECT 1", transactionId=key)
        key = self.data.begin_transaction(**where)["transactionId"]
        self.assertIn("cannot run inside a transaction block", self.assert_error(
            "DatabaseErrorException", run, text="CREATE DATABASE z", transactionId=key))
        self.data.rollback_transaction(transactionId=key, **where)
        self.data.batch_execute_statement(sql="INSERT INTO y VALUES (:i)", parameterSets=[
            [{"name": "i", "value": {"longValue": 8}}], [{"name": "i", "value": {"longValue": 9}}]], **where)
        self.assertEqual(value("SELECT sum(i) FROM y WHERE i > 7"), 17)
        # Another cluster has none of these databases, and its secret does not open this one.
        _, other = self.deploy_cluster("db2", http=False)
        self.assert_error("HttpEndpointNotEnabledException", self.data.execute_statement, sql="SELECT 1", **other)
        self.assert_deploys("db2", {**SMALL, **database()}, "UPDATE")
        found = self.data.execute_statement(sql="SELECT count(*) FROM pg_database WHERE datname IN ('t', 'first')", **other)
        self.assertEqual(found["records"][0][0], {"longValue": 0})
        self.assertIn("password authentication failed", self.assert_error(
            "DatabaseErrorException", self.data.execute_statement, sql="SELECT 1", resourceArn=where["resourceArn"],
            secretArn=other["secretArn"]))
        pid = next(c["pid"] for c in json.loads((self.server.home / "clusters.json").read_text())
                   if c["arn"] == other["resourceArn"])
        self.assertEqual(self.delete("db2"), "DELETE_COMPLETE")
        self.assertFalse(psutil.pid_exists(pid))
        self.assert_error("DatabaseNotFoundException", self.data.execute_statement, sql="SELECT 1", **other)
        self.assertEqual(self.delete("db"), "DELETE_COMPLETE")

    def test_versions_classes_and_absent_services(self):
        found = self.rds.describe_db_engine_versions(Engine="aurora-postgresql", EngineVersion="16.9")["DBEngineVersions"]
        self.assertEqual(found[0]["ServerlessV2FeaturesSupport"], {"MinCapacity": 0.0, "MaxCapacity": 256.0})
        listed = self.rds.describe_orderable_db_instance_options(Engine="aurora-postgresql", DBInstanceClass="db.serverless")
        self.assertEqual(listed["OrderableDBInstanceOptions"][0]["DBInstanceClass"], "db.serverless")
        for service in ("service-quotas", "pricing"):
            call = "list_services" if service == "service-quotas" else "describe_services"
            self.assert_error("UnknownOperationException", getattr(self.server.client(service), call))

    def test_a_retained_cluster_outlives_its_stack(self):
        _, first = self.deploy_cluster("stays", policy="Retain")
        self.data.execute_statement(sql="CREATE TABLE kept (i int)", **first)
        self.assertEqual(self.delete("stays"), "DELETE_COMPLETE")
        _, second = self.deploy_cluster("stays")
        self.assertNotEqual(first["resourceArn"], second["resourceArn"])
        self.data.execute_statement(sql="SELECT i FROM kept", **first)
        self.assert_deploys("stays", {**SMALL, **database(scaling={"MinCapacity": 1, "MaxCapacity": 8})}, "UPDATE")
        self.data.execute_statement(sql="SELECT 1", **second)
        self.assertEqual(self.delete("stays"), "DELETE_COMPLETE")

    def test_a_protected_cluster_stays_and_a_snapshot_can_be_restored(self):
        out, where = self.deploy_cluster("safe", protected=True, policy="Snapshot")
        self.data.execute_statement(sql="CREATE TABLE kept (i int)", **where)
        self.assertEqual(self.delete("safe"), "DELETE_FAILED")
        failures = self.failures(self.cfn.describe_stacks(StackName="safe")["Stacks"][0]["StackId"])
        message = "Cannot delete protected Cluster, please disable deletion protection and try again."
        self.assertTrue(any(message in failure for failure in failures), failures)
        self.rds.modify_db_cluster(DBClusterIdentifier=out["Id"], DeletionProtection=False)
        self.assertEqual(self.delete("safe"), "DELETE_COMPLETE")
        snapshot = self.rds.describe_db_cluster_snapshots()["DBClusterSnapshots"][0]["DBClusterSnapshotIdentifier"]
        _, again = self.deploy_cluster("safe2", SnapshotIdentifier=snapshot)
        found = self.data.execute_statement(sql="SELECT to_regclass('kept')::text", **again)
        self.assertEqual(found["records"][0][0], {"stringValue": "kept"})
        self.assertEqual(self.delete("safe2"), "DELETE_COMPLETE")


if __name__ == "__main__":
    unittest.main(verbosity=2)
