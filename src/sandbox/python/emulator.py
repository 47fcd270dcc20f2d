"""MiniStack as the sandbox runs it: konta's changes to it, its state, and what it says about stacks.

MiniStack reads the environment when it is imported. Import this module only after konta_sandbox.py has set the environment.
"""
import ministack.app
from ministack.core import concurrency, persistence
from ministack.core.responses import request_scope
from ministack.services import ecs, rds
from ministack.services.cloudformation import _stacks, changesets, handlers, stacks

import api_answers
import cfn_adjusted_types
import data_api
import imports
import state_files


class Emulator:
    app = staticmethod(ministack.app.app)
    version = staticmethod(ministack.app._version)
    absent_services = api_answers.ABSENT_SERVICES
    absent_service = staticmethod(api_answers.absent_service)

    def __init__(self, home, account, region, databases):
        self.home, self.account, self.region, self.databases = home, account, region, databases
        self.imports = imports.Imports(home / "imports.json")

    def install(self, on_stack_event):
        """Changes MiniStack to behave as AWS does. `on_stack_event` is called with the type and the status of each event."""
        # MiniStack gives a container a second to crash. Here the load balancer finds out whether a task works.
        ecs._ECS_DEPLOYMENT_STEADY_DELAY = 0.1
        data_api.install(self.databases)
        cfn_adjusted_types.install(self.databases)
        api_answers.install()
        self.imports.install()
        stacks._add_event = changesets._add_event = handlers._add_event = reporting_events(stacks._add_event, on_stack_event)
        delete = rds._delete_db_cluster
        rds._delete_db_cluster = removing_databases(delete)
        for value in list(vars(rds).values()):
            if isinstance(value, dict) and value.get("DeleteDBCluster") is delete:
                value["DeleteDBCluster"] = rds._delete_db_cluster

    def after_load(self):
        """Updates the loaded state: databases may have new ports, and no stack operation is in progress any more."""
        for cluster in list(rds._clusters._data.values()):
            server = self.databases.servers.get(cluster["DBClusterArn"])
            if server:
                cluster["Port"] = server.record["port"]
                for instance in rds._instances._data.values():
                    if instance.get("DBClusterIdentifier") == cluster["DBClusterIdentifier"]:
                        instance["Endpoint"]["Port"] = cluster["Port"]
        for (account, region, name), stack in list(_stacks._data.items()):
            status = stack.get("StackStatus", "")
            if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
                operation = status.removesuffix("_IN_PROGRESS")
                is_cleanup = operation.endswith("_CLEANUP")
                stack["StackStatus"] = operation.removesuffix("_CLEANUP") if is_cleanup else operation + "_FAILED"
                stack["StackStatusReason"] = "konta sandbox: the process ended while this was in progress"
                with request_scope(account, region):
                    stacks._add_event(stack["StackId"], name, name, "AWS::CloudFormation::Stack", stack["StackStatus"],
                                      stack["StackStatusReason"], stack["StackId"])
        with request_scope(self.account, self.region):
            self.imports.refresh()

    @staticmethod
    def is_busy():
        """Whether a stack operation is in progress, or work that a call left behind."""
        is_operating = any(stack.get("StackStatus", "").endswith("_IN_PROGRESS") and stack["StackStatus"] != "REVIEW_IN_PROGRESS"
                           for stack in list(_stacks._data.values()))
        return is_operating or concurrency.active_counts()["background"] > 0

    def reset(self):
        """Forgets everything that was deployed. Only while no containers run and nothing is in progress."""
        ministack.app._reset_all_state()
        data_api.reset()
        self.databases.reset()
        with request_scope(self.account, self.region):
            self.imports.refresh()

    def resources(self, stack_name, region=None):
        """The resources of a stack with their resolved properties; None if there is no such stack."""
        stack = _stacks.get_scoped(self.account, region or self.region, stack_name)
        if not stack or stack["StackStatus"] == "DELETE_COMPLETE":
            return None
        return {name: {"type": record["ResourceType"], "physicalId": record["PhysicalResourceId"],
                       "properties": record.get("Properties", {}), "attributes": record.get("Attributes", {})}
                for name, record in stack.get("_resources", {}).items()}

    @staticmethod
    def states():
        """The state of each service to save, and whether it is complete."""
        states, is_complete = {}, True
        for name, state in ministack.app._build_persistence_save_dict().items():
            try:
                states[name] = state()
            except RuntimeError:
                is_complete = False     # a thread changed it while it was copied
        return states, is_complete

    def save(self, states):
        state = self.home / "state"

        def write(folder):
            persistence.STATE_DIR = str(folder)
            try:
                for name, content in states.items():
                    if content is not None:
                        persistence.save_state(name, content)
            finally:
                persistence.STATE_DIR = str(state)
        state_files.save(state, write)


def reporting_events(original, report):
    def add_event(stack_id, stack_name, logical_id, kind, status, *more, **named):
        original(stack_id, stack_name, logical_id, kind, status, *more, **named)
        report(kind, status)
    return add_event


def removing_databases(original):
    def delete_db_cluster(parameters):
        before = dict(rds._clusters.items())
        answer = original(parameters)
        for cluster in (cluster for name, cluster in before.items() if name not in rds._clusters):
            cfn_adjusted_types.remove_database(cluster)
        return answer
    return delete_db_cluster
