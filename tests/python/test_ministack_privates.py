"""Names the private parts of MiniStack that konta's sandbox uses and patches, and checks that MiniStack still has them.

    python tests/python/test_ministack_privates.py

These names are no API of MiniStack, so its version is pinned in src/sandbox/python/requirements.txt. If this test fails with
another version, look up in MiniStack what has become of each name in the message, adapt the files after it, and then change
the list here. Look at other failures of the sandbox's tests only after that.
"""
import ast
import importlib
import importlib.metadata
import importlib.util
import inspect
import os
import re
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
PROGRAMS = Path(__file__).resolve().parents[2] / "src/sandbox/python"
sys.path.insert(0, str(PROGRAMS))

# Module -> names. A function has its parameters, another value has its type.
USED = {
    "ministack.app": ["_build_persistence_save_dict()", "_reset_all_state()", "_version()", "app(scope, receive, send)"],
    "ministack.core.concurrency": ["active_counts()"],
    "ministack.core.persistence": ["STATE_DIR: str", "save_state(service, data)"],
    "ministack.core.responses": [
        "get_account_id()", "get_region()", "now_iso()", "request_scope(account_id, region)"],
    "ministack.services.acm": ["_certificates: AccountRegionScopedDict"],
    "ministack.services.alb": [
        "_ACTION_MAP: dict", "_DEFAULT_SSL_POLICY: str", "_action_xml(a)", "_error(code, message, status)",
        "_execute_action(action, method, path, headers, body, query_params, raw_query_string, raw_path)",
        "_lb_attrs: AccountScopedDict", "_lbs: AccountRegionScopedDict", "_listeners: AccountRegionScopedDict",
        "_match_condition(cond, method, path, headers, query_params)", "_p(params, key, default)",
        "_parse_member_list(params, prefix)", "_parse_targets_param(params, prefix)", "_rule_sort_key(rule)",
        "_rules: AccountRegionScopedDict", "_target_headers(lb_arn, listener, headers, client_ip)",
        "_targets: AccountScopedDict", "_tg_attrs: AccountScopedDict", "_tgs: AccountRegionScopedDict",
        "_xml(status, action, inner)"],
    "ministack.services.cloudformation": [
        "_stacks: AccountRegionScopedDict", "_stacks._data: dict", "_stacks.get_scoped(account_id, region, key, default)"],
    "ministack.services.cloudformation.changesets": [
        "_add_event(stack_id, stack_name, logical_id, resource_type, status, reason, physical_id, detailed_status)",
        "_find_change_set(cs_name, stack_name)", "_resolve_props_for_diff(template, params, stack_name, stack_id)"],
    "ministack.services.cloudformation.engine": [
        "_NO_VALUE: object", "_evaluate_conditions(template, params)",
        "_resolve_refs(value, resources, params, conditions, mappings, stack_name, stack_id)"],
    "ministack.services.cloudformation.handlers": [
        "_ACTION_HANDLERS: dict",
        "_add_event(stack_id, stack_name, logical_id, resource_type, status, reason, physical_id, detailed_status)",
        "_capabilities_enforced()", "_p(params, key, default)", "_resolve_stack(stack_name)"],
    "ministack.services.cloudformation.provisioners": [
        "_NAME_SEED: ContextVar", "_RESOURCE_HANDLERS: dict", "_acm_certificate_create(logical_id, props, stack_name)",
        "_ec2_apply_tags(physical_id, props, old_props)", "_ec2_sg_permissions(rules)",
        "_ec2_sg_reconcile(store, old_perms, new_perms)", "_ec2_subnet_create(logical_id, props, stack_name)",
        "_ec2_vpc_create(logical_id, props, stack_name)", "_normalize_container_defs(cdefs)",
        "_physical_name(stack_name, logical_id, *, lowercase, max_len, seeded)",
        "_r53_hosted_zone_create(logical_id, props, stack_name)"],
    "ministack.services.cloudformation.stacks": [
        "_add_event(stack_id, stack_name, logical_id, resource_type, status, reason, physical_id, detailed_status)",
        "_roll_back_operation(stack_name, stack_id, stack, operation, reason_override)",
        "_runs_on_worker_thread(resource_type)"],
    "ministack.services.cloudwatch_logs": ["_log_groups: AccountRegionScopedDict"],
    "ministack.services.ec2": [
        "_addresses: AccountRegionScopedDict", "_internet_gateways: AccountRegionScopedDict",
        "_nat_gateways: AccountRegionScopedDict", "_network_acls: AccountRegionScopedDict", "_now_ts()",
        "_route_tables: AccountRegionScopedDict", "_security_groups: AccountRegionScopedDict",
        "_subnets: AccountRegionScopedDict", "_vpcs: AccountRegionScopedDict"],
    "ministack.services.ecs": [
        "_ECS_DEPLOYMENT_STEADY_DELAY: float",
        "_cleanup_task_resources(task, docker_client, extra_container)", "_clusters: AccountRegionScopedDict",
        "_docker: NoneType", "_get_docker()", "_iso()", "_make_deployment(task_definition, desired_count, status)",
        "_mark_task_stopped(task_arn, task, reason, stop_code, exit_code)", "_put_cluster_capacity_providers(data)",
        "_record_service_task_failure(task, digest_resolution_failed)", "_record_service_task_healthy(svc_key, task)",
        "_resolve_cluster_name(ref)", "_resolve_td_key(ref)", "_sanitize(obj)", "_services: AccountRegionScopedDict",
        "_task_defs: AccountRegionScopedDict", "_task_ip(task)", "_task_is_active(task_arn, task)",
        "_tasks: AccountRegionScopedDict",
        "error_response_json(code, message, status, extra, *, message_key, content_type)",
        "json_response(data, status, *, content_type)"],
    "ministack.services.efs": ["_access_points: AccountRegionScopedDict"],
    "ministack.services.iam": ["_now()", "_oidc_providers: AccountScopedDict", "_roles: AccountScopedDict"],
    "ministack.services.rds": [
        "AURORA_POSTGRESQL_ENGINE_VERSIONS: list", "_clusters: AccountRegionScopedDict", "_clusters._data: dict",
        "_create_cluster_snapshot_internal(snap_id, cluster)", "_db_cluster_snapshots: AccountRegionScopedDict",
        "_delete_db_cluster(p)", "_instances: AccountRegionScopedDict", "_instances._data: dict",
        "_p(params, key, default)", "_resolve_cluster(cluster_id)", "_subnet_groups: AccountRegionScopedDict"],
    "ministack.services.rds_data": ["handle_request(method, path, headers, body, query_params)"],
    "ministack.services.route53": [
        "_DEFAULT_NS: list", "_caller_refs: AccountScopedDict", "_records: AccountScopedDict", "_zones: AccountScopedDict"],
    "ministack.services.secretsmanager": [
        "_resolve(secret_id, *, use_arn_scope)", "_secrets: AccountRegionScopedDict",
        "create_secret_in_process(name, secret_string, description)", "delete_secret_in_process(secret_id)"],
    "ministack.services.ssm": ["resolve_parameter_value(name_or_arn, version, decrypt)"],
}
# Table of actions -> the actions that konta wraps. Their functions have one parameter.
WRAPPED_ACTIONS = {
    "ministack.services.alb._ACTION_MAP": ["CreateRule", "DescribeTargetHealth"],
    "ministack.services.cloudformation.handlers._ACTION_HANDLERS": [
        "CreateChangeSet", "DescribeChangeSet", "ExecuteChangeSet"],
    "ministack.services.ecs._ACTION_MAP": ["ListTasks", "RunTask", "UpdateService"],
    "ministack.services.rds._ACTION_MAP": [
        "DeleteDBCluster", "DescribeDBEngineVersions", "DescribeOrderableDBInstanceOptions"],
}
# Private keys in MiniStack's records that konta reads or writes.
RECORD_KEYS = ["_MasterUserPassword", "_deploymentId", "_resolved_params", "_resources", "_rollback_failed", "_template"]
# Private keys that konta itself adds to the records.
KONTA_KEYS = {"_konta", "_more_certificates"}
# Methods of dicts, lists and context variables.
ORDINARY_METHODS = {"append", "get", "items", "pop", "set", "values"}


def lookup(path):
    """The value of a dotted name, or an AttributeError."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for name in parts[length:]:
            value = getattr(value, name)
        return value
    raise AttributeError(path)


def is_module(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def description(name, value):
    """A name as in USED."""
    if not callable(value):
        return f"{name}: {type(value).__name__}"
    words = []
    for parameter in inspect.signature(value).parameters.values():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and "*" not in words:
            words.append("*")
        words.append(parameter.name)
    return f"{name}({', '.join(words)})"


class Uses(ast.NodeVisitor):
    """The names of MiniStack that a file uses, and the private keys in it."""

    def __init__(self, file):
        self.modules, self.names, self.keys = {}, set(), set()
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ministack"):
                self.modules.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
            elif isinstance(node, ast.Import):
                names = [alias.name.partition(".")[0] for alias in node.names]
                self.modules.update({name: name for name in names if name == "ministack"})
        self.names.update(self.modules.values())
        self.visit(tree)

    def path(self, node):
        if isinstance(node, ast.Name):
            return self.modules.get(node.id)
        if isinstance(node, ast.Attribute) and (owner := self.path(node.value)):
            return f"{owner}.{node.attr}"
        return None

    def visit_Attribute(self, node):
        if path := self.path(node):
            self.names.add(path)
        self.generic_visit(node)

    def visit_Constant(self, node):
        self.add_key(node.value)

    def visit_keyword(self, node):
        self.add_key(node.arg)
        self.generic_visit(node)

    def add_key(self, text):
        # A text such as _IN_PROGRESS is part of a stack's status.
        if isinstance(text, str) and re.fullmatch(r"_[A-Za-z]\w*", text) and not text.isupper():
            self.keys.add(text)


class MiniStackTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="konta-ministack-test-")
        cls.addClassCleanup(folder.cleanup)
        # MiniStack reads these when it is imported.
        os.environ.update(STATE_DIR=folder.name, S3_DATA_DIR=f"{folder.name}/s3", PERSIST_STATE="0",
                          DOCKER_HOST=f"unix://{folder.name}/no-docker")
        pinned = re.search(r"^ministack==(.+)$", (PROGRAMS / "requirements.txt").read_text(), re.M)[1]
        cls.message = (f"MiniStack {importlib.metadata.version('ministack')} is not what konta's sandbox was written for "
                       f"(version {pinned} is pinned). See the head of {Path(__file__).name}.")
        cls.uses = {file.name: Uses(file) for file in sorted(PROGRAMS.glob("*.py"))}

    def assert_none(self, differences):
        if differences:
            self.fail("\n".join([self.message, *differences]))

    def users(self, name):
        return ", ".join(file for file, uses in self.uses.items() if name in uses.names or name in uses.keys)

    def test_ministack_has_every_private_name_that_konta_uses(self):
        differences = []
        for module, names in USED.items():
            for used in names:
                name = re.match(r"[\w.]+", used)[0]
                try:
                    found = description(name, lookup(f"{module}.{name}"))
                except AttributeError:
                    found = "missing"
                if found != used:
                    differences.append(f"{module}: {used} is now {found} ({self.users(f'{module}.{name}')})")
        for table, actions in WRAPPED_ACTIONS.items():
            for action in actions:
                try:
                    function = lookup(table).get(action)
                except AttributeError:
                    function = None
                if not function or len(inspect.signature(function).parameters) != 1:
                    differences.append(f'{table}["{action}"] is now {function and description(action, function)}')
        services = Path(lookup("ministack.services").__file__).parent
        source = "".join(file.read_text() for file in services.rglob("*.py"))
        missing = [key for key in RECORD_KEYS if f'"{key}"' not in source]
        differences += [f'no record has the key "{key}" any more ({self.users(key)})' for key in missing]
        self.assert_none(differences)

    def test_ministack_handles_every_type_that_konta_adjusts(self):
        import cfn_adjusted_types
        types = lookup("ministack.services.cloudformation.provisioners._RESOURCE_HANDLERS")
        kinds = {*cfn_adjusted_types.FINISH, "AWS::ECS::Cluster", "AWS::SecretsManager::Secret"}
        incomplete = [kind for kind in sorted(kinds) if not {"create", "delete"} <= types.get(kind, {}).keys()]
        self.assert_none([f"{kind} has no functions to create and delete it" for kind in incomplete])

    def test_the_list_names_all_that_konta_uses_and_nothing_else(self):
        listed = {".".join((module, re.match(r"[\w.]+", used)[0])) for module, names in USED.items() for used in names}
        used = set()
        for uses in self.uses.values():
            names = {name for name in uses.names if name.rpartition(".")[2] not in ORDINARY_METHODS | {"__name__"}}
            used |= {name for name in names if not is_module(name)}
        self.assertEqual(sorted(used), sorted(listed))
        keys = set().union(*(uses.keys for uses in self.uses.values()))
        self.assertEqual(sorted(keys - KONTA_KEYS), RECORD_KEYS)

    def test_the_list_names_every_action_that_konta_wraps(self):
        source = "".join(file.read_text() for file in PROGRAMS.glob("*.py"))
        wrapped = set(re.findall(r'replace_action\(\w+, "(\w+)"', source))
        listed = {action for actions in WRAPPED_ACTIONS.values() for action in actions}
        self.assertTrue(wrapped)
        self.assertLessEqual(wrapped, listed)


if __name__ == "__main__":
    unittest.main(verbosity=2)
