"""API answers that MiniStack does not give or gives differently from AWS, and that konta needs.

- Change sets: which property changes from which value to which; conditions.
- RDS: the engine versions that scale to 0 ACU; that `db.serverless` can be ordered.
- Load balancing: a listener's certificates, TLS policies, priorities in use.
- ECS: the filters of ListTasks, tasks and their addresses where no container runs, services without a load balancer.
- Services that the sandbox does not have: an error with a code.
"""
import copy
import hashlib
import json
import re
from xml.sax.saxutils import escape

from ministack.services import alb, ecs, rds
from ministack.services.cloudformation import changesets, engine, handlers

# Versions of Aurora PostgreSQL that AWS offers and MiniStack does not list yet.
NEWER_VERSIONS = ("16.15", "17.10", "17.11", "18.3", "18.4", "18.6")
KNOWN_AFTER_APPLY = "{{changeSet:KNOWN_AFTER_APPLY}}"
# MiniStack has none of these services. It uses 400 MB of memory to find that out, and its answer has no error code.
ABSENT_SERVICES = {"application-autoscaling", "ce", "compute-optimizer", "ecr-public", "freetier", "pricing",
                   "servicequotas", "sso", "sso-oauth", "support"}


def absent_service(service):
    """The answer for a service that the sandbox does not have."""
    return 400, {"__type": "UnknownOperationException", "message": f"konta sandbox: {service} is not emulated"}


# --- change sets -----------------------------------------------------------------------------------------------
class UnknownAttributes(dict):
    """The attributes of a resource that does not exist yet. Each has the same value."""

    def __contains__(self, _key):
        return True

    def __getitem__(self, _key):
        return KNOWN_AFTER_APPLY


def shown_properties(template, parameters, resources, stack):
    """The properties of each resource as a change set shows them: values as text, NoEcho parameters masked."""
    shown = {name: {**parameter, "Value": "****"} if parameter.get("NoEcho") else parameter
             for name, parameter in parameters.items()}
    conditions, out = engine._evaluate_conditions(template, parameters), {}
    for name, definition in template.get("Resources", {}).items():
        properties = copy.deepcopy(definition.get("Properties") or {})
        try:
            properties = engine._resolve_refs(properties, resources, shown, conditions, template.get("Mappings", {}),
                                              stack["StackName"], stack["StackId"])
        except (ValueError, TypeError, IndexError, KeyError):
            pass    # a function of a value that is not known yet: the template's own text is shown
        out[name] = as_text({key: value for key, value in properties.items() if value is not engine._NO_VALUE})
    return out


def as_text(value):
    if isinstance(value, dict):
        return {key: as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_text(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def without_inactive_resources(original):
    def resolve_props_for_diff(template, params, *names):
        """Leaves out the resources whose condition is false.

        MiniStack compares templates without their conditions. A parameter that switches a resource on or off was no
        change for it, and it refused such a change set as empty.
        """
        out = original(template, params, *names)
        conditions = engine._evaluate_conditions(template, params) if out else {}
        return out and {"Resources": {name: resource for name, resource in out["Resources"].items()
                                      if conditions.get(resource.get("Condition"), True)}}
    return resolve_props_for_diff


def with_property_values(original):
    def describe_change_set(params):
        """Adds what `IncludePropertyValues` asks for: each property before and after, and the paths that change."""
        status, headers, body = original(params)
        if status != 200 or handlers._p(params, "IncludePropertyValues").lower() != "true":
            return status, headers, body
        _, change_set = changesets._find_change_set(handlers._p(params, "ChangeSetName"), handlers._p(params, "StackName"))
        stack = handlers._resolve_stack(change_set["StackId"])
        changes = {change["ResourceChange"]["LogicalResourceId"]: change["ResourceChange"]
                   for change in change_set["Changes"]}
        existing = stack.get("_resources", {})
        template = change_set["_template"]
        new = {name: {"PhysicalResourceId": KNOWN_AFTER_APPLY, "Attributes": UnknownAttributes()}
               for name in template.get("Resources", {})
               if name not in existing or changes.get(name, {}).get("Replacement") == "True"}
        before = shown_properties(stack.get("_template") or {}, stack.get("_resolved_params") or {}, existing, stack)
        after = shown_properties(template, change_set["_resolved_params"], {**existing, **new}, stack)

        def with_values(match):
            name = re.search(r"<LogicalResourceId>(.*?)</LogicalResourceId>", match[0])[1]
            return resource_change(match[0], changes[name]["Action"], before.get(name, {}), after.get(name, {}))
        text = re.sub(r"<ResourceChange>.*?</ResourceChange>", with_values, body.decode(), flags=re.S)
        return status, headers, text.encode()
    return describe_change_set


def resource_change(element, action, old, new):
    """A `ResourceChange` element with the values of its properties."""
    def target(match):
        name = re.search(r"<Name>(.*?)</Name>", match[0])
        if not name:
            return match[0]
        before, after = old.get(name[1]), new.get(name[1])
        kind = "Add" if before is None else "Remove" if after is None else "Modify"
        return match[0].replace("</Target>", "".join((
            f"<Path>/Properties/{name[1]}</Path>",
            f"<BeforeValue>{value_text(before)}</BeforeValue>" if before is not None else "",
            f"<AfterValue>{value_text(after)}</AfterValue>" if after is not None else "",
            f"<AttributeChangeType>{kind}</AttributeChangeType></Target>")))
    contexts = ("" if action == "Add" else f"<BeforeContext>{context(old)}</BeforeContext>") + (
        "" if action == "Remove" else f"<AfterContext>{context(new)}</AfterContext>")
    element = re.sub(r"<Target>.*?</Target>", target, element)
    return element.replace("</ResourceChange>", contexts + "</ResourceChange>")


def context(properties):
    return escape(json.dumps({"Properties": properties}, separators=(",", ":")))


def value_text(value):
    return escape(value if isinstance(value, str) else json.dumps(value, separators=(",", ":")))


# --- RDS -------------------------------------------------------------------------------------------------------
def with_serverless_features(original):
    def describe_db_engine_versions(params):
        """Adds the range of ACUs to each version. Only newer ones scale to 0."""
        status, headers, body = original(params)
        if status != 200 or rds._p(params, "Engine") != "aurora-postgresql":
            return status, headers, body

        def with_features(match):
            version = re.search(r"<EngineVersion>(\d+)\.(\d+)</EngineVersion>", match[0])
            if not version:
                return match[0]     # a -limitless version, which has no Serverless v2
            major, minor = int(version[1]), int(version[2])
            can_pause = minor >= {13: 15, 14: 12, 15: 7, 16: 3}.get(major, 0 if major > 16 else 999)
            return match[0].replace("</DBEngineVersion>", "<ServerlessV2FeaturesSupport><MinCapacity>"
                                    f"{0.0 if can_pause else 0.5}</MinCapacity><MaxCapacity>{256.0 if can_pause else 128.0}"
                                    "</MaxCapacity></ServerlessV2FeaturesSupport></DBEngineVersion>")
        text = re.sub(r"<DBEngineVersion>.*?</DBEngineVersion>", with_features, body.decode(), flags=re.S)
        return status, headers, text.encode()
    return describe_db_engine_versions


def with_serverless_class(original):
    def describe_orderable_db_instance_options(params):
        """Answers for `db.serverless` as for a class that MiniStack knows."""
        if rds._p(params, "Engine") == "aurora-postgresql" and rds._p(params, "DBInstanceClass") == "db.serverless":
            status, headers, body = original({**params, "DBInstanceClass": ["db.r5.large"]})
            return status, headers, body.replace(b"db.r5.large", b"db.serverless")
        return original(params)
    return describe_orderable_db_instance_options


def add_newer_versions():
    listed = {version for version, _ in rds.AURORA_POSTGRESQL_ENGINE_VERSIONS}
    for version in NEWER_VERSIONS:
        if version not in listed:
            rds.AURORA_POSTGRESQL_ENGINE_VERSIONS.append((version, f"aurora-postgresql{version[:2]}"))


# --- load balancing --------------------------------------------------------------------------------------------
def describe_listener_certificates(params):
    listener = alb._listeners.get(alb._p(params, "ListenerArn"))
    if listener is None:
        return alb._error("ListenerNotFound", "One or more listeners not found")
    default = [(arn, "true") for arn in listener.get("Certificates") or []]
    more = [(arn, "false") for arns in listener.get("_more_certificates", {}).values() for arn in arns]
    members = "".join(f"<member><CertificateArn>{arn}</CertificateArn><IsDefault>{is_default}</IsDefault></member>"
                      for arn, is_default in default + more)
    return alb._xml(200, "DescribeListenerCertificates", f"<Certificates>{members}</Certificates>")


def describe_ssl_policies(params):
    names = alb._parse_member_list(params, "Names") or [alb._DEFAULT_SSL_POLICY]
    for name in names:
        if not name.startswith("ELBSecurityPolicy-"):
            return alb._error("SSLPolicyNotFound", f"SSL policy '{name}' not found")
    members = "".join(f"<member><Name>{name}</Name><SslProtocols><member>TLSv1.3</member><member>TLSv1.2</member>"
                      "</SslProtocols><Ciphers/></member>" for name in names)
    return alb._xml(200, "DescribeSSLPolicies", f"<SslPolicies>{members}</SslPolicies>")


def refusing_used_priority(original):
    def create_rule(params):
        listener, priority = alb._p(params, "ListenerArn"), alb._p(params, "Priority", "1")
        if any(rule["ListenerArn"] == listener and str(rule["Priority"]) == priority for rule in alb._rules.values()):
            return alb._error("PriorityInUse", f"Priority '{priority}' is currently in use")
        return original(params)
    return create_rule


def with_escaped_body(original):
    def action_xml(action):
        """Escapes the body of a fixed response, which MiniStack copies into its XML as it is."""
        fixed = action.get("FixedResponseConfig")
        if fixed:
            body = escape(str(fixed.get("MessageBody") or ""))
            action = {**action, "FixedResponseConfig": {**fixed, "MessageBody": body}}
        return original(action)
    return action_xml


# --- ECS -------------------------------------------------------------------------------------------------------
def refusing_detached_target_group(original):
    def update_service(data):
        """Refuses to start tasks for a target group that has no load balancer."""
        cluster = str(data.get("cluster", "default")).rsplit("/", 1)[-1]
        service = ecs._services.get(f"{cluster}/{str(data.get('service', '')).rsplit('/', 1)[-1]}") or {}
        for balancer in service.get("loadBalancers") or []:
            group = alb._tgs.get(balancer.get("targetGroupArn")) or {}
            if data.get("desiredCount") != 0 and not group.get("LoadBalancerArns"):
                return ecs.error_response_json(
                    "InvalidParameterException", f"The target group with targetGroupArn {balancer.get('targetGroupArn')} "
                    "does not have an associated load balancer.", 400)
        return original(data)
    return update_service


def refusing_filters_with_started_by(original):
    def list_tasks(data):
        """Refuses `startedBy` together with another filter. Source: ECS API reference, ListTasks."""
        others = ("containerInstance", "desiredStatus", "family", "launchType", "serviceName")
        if data.get("startedBy") and any(data.get(name) for name in others):
            return ecs.error_response_json("InvalidParameterException", "cannot specify startedBy with other arguments", 400)
        return original(data)
    return list_tasks


def stopping_tasks_at_once(original):
    def run_task(data):
        """Stops a one-off task at once if the sandbox runs no containers. A service's task is not affected."""
        if "_deploymentId" in data or ecs._get_docker():
            return original(data)
        cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
        if cluster not in ecs._clusters:
            return ecs.error_response_json("ClusterNotFoundException", "Cluster not found.", 400)
        status, headers, body = original(data)
        if status >= 400:
            return status, headers, body
        answer = json.loads(body)
        for task in answer["tasks"]:
            record = ecs._tasks[task["taskArn"]]
            ecs._mark_task_stopped(task["taskArn"], record, "konta sandbox: containers are not run", "TaskFailedToStart")
            record["startedAt"] = None
            for container in record["containers"]:
                container.pop("exitCode", None)
        tasks = [ecs._sanitize(ecs._tasks[task["taskArn"]]) for task in answer["tasks"]]
        return ecs.json_response({**answer, "tasks": tasks})
    return run_task


def with_made_up_address(original):
    def task_ip(task):
        """Gives a service's task an address even if it has no container, so that its targets exist and are healthy."""
        address = original(task)
        if address or not task.get("group", "").startswith("service:"):
            return address
        number = hashlib.sha256(task["taskArn"].encode()).digest()
        return f"10.0.{number[0]}.{number[1]}"
    return task_ip


# --- installation ----------------------------------------------------------------------------------------------
def replace_action(module, action, wrap):
    """Puts a wrapped action in place of MiniStack's, in its table of actions and under the function's name."""
    original = module._ACTION_MAP[action]
    wrapped = module._ACTION_MAP[action] = wrap(original)
    for name, value in list(vars(module).items()):
        if value is original:
            setattr(module, name, wrapped)


def install():
    changesets._resolve_props_for_diff = without_inactive_resources(changesets._resolve_props_for_diff)
    actions = handlers._ACTION_HANDLERS
    actions["DescribeChangeSet"] = with_property_values(actions["DescribeChangeSet"])
    add_newer_versions()
    replace_action(rds, "DescribeDBEngineVersions", with_serverless_features)
    replace_action(rds, "DescribeOrderableDBInstanceOptions", with_serverless_class)
    replace_action(alb, "CreateRule", refusing_used_priority)
    alb._ACTION_MAP["DescribeListenerCertificates"] = describe_listener_certificates
    alb._ACTION_MAP["DescribeSSLPolicies"] = describe_ssl_policies
    alb._action_xml = with_escaped_body(alb._action_xml)
    replace_action(ecs, "UpdateService", refusing_detached_target_group)
    replace_action(ecs, "ListTasks", refusing_filters_with_started_by)
    replace_action(ecs, "RunTask", stopping_tasks_at_once)
    ecs._task_ip = with_made_up_address(ecs._task_ip)
