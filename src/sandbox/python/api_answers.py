"""API answers that MiniStack leaves out and konta asks for: what a change set changes, value by value; which engine
versions reach 0 ACU and that `db.serverless` may be ordered; the certificates of a listener; healthy targets of a
service; rule priorities; and a plain refusal from the services that are not here at all."""
import copy
import hashlib
import json
import re
from xml.sax.saxutils import escape

from ministack.services import alb, ecs, rds
from ministack.services.cloudformation import changesets, engine
from ministack.services.cloudformation import handlers as api

import aws_checks

# Newer than MiniStack's list, and offered by AWS.
NEWER = ("16.15", "17.10", "17.11", "18.3", "18.4", "18.6")
LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"
# MiniStack takes 400 MB to find out that it has no such service, and answers without an error code.
ABSENT = {"application-autoscaling", "ce", "compute-optimizer", "ecr-public", "freetier", "pricing", "servicequotas",
          "sso", "sso-oauth", "support"}


def absent(service):
    """The answer for a service that this sandbox does not have."""
    return 400, {"__type": "UnknownOperationException", "message": f"konta sandbox: {service} is not emulated"}


# --- change sets -----------------------------------------------------------------------------------------------
class Unknown(dict):
    """The attributes of a resource that does not exist yet: every one of them, with the same answer."""

    def __contains__(self, _key):
        return True

    def __getitem__(self, _key):
        return LATER


def resolved(template, parameters, resources, stack):
    """The properties of each resource as a change set shows them: NoEcho masked, all scalars text."""
    shown = {k: {**v, "Value": "****"} if v.get("NoEcho") else v for k, v in parameters.items()}
    conditions, out = engine._evaluate_conditions(template, parameters), {}
    for name, definition in template.get("Resources", {}).items():
        properties = copy.deepcopy(definition.get("Properties") or {})
        try:
            properties = engine._resolve_refs(properties, resources, shown, conditions, template.get("Mappings", {}),
                                              stack["StackName"], stack["StackId"])
        except (ValueError, TypeError, IndexError, KeyError):
            pass    # a function over a value that is not known yet: show the template's own words
        out[name] = textual({k: v for k, v in properties.items() if v is not engine._NO_VALUE})
    return out


def textual(value):
    if isinstance(value, dict):
        return {k: textual(v) for k, v in value.items()}
    if isinstance(value, list):
        return [textual(v) for v in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def by_condition(original):
    def ours(template, params, *names):
        """MiniStack compares templates without their conditions, so a resource that a parameter switches on or off was no
        change to it, and a change set that does only this was refused as empty."""
        out = original(template, params, *names)
        conditions = engine._evaluate_conditions(template, params) if out else {}
        return out and {"Resources": {name: r for name, r in out["Resources"].items()
                                      if conditions.get(r.get("Condition"), True)}}
    return ours


def change_values(original):
    def ours(params):
        status, headers, body = original(params)
        if status != 200 or api._p(params, "IncludePropertyValues").lower() != "true":
            return status, headers, body
        _, change = changesets._find_change_set(api._p(params, "ChangeSetName"), api._p(params, "StackName"))
        stack = api._resolve_stack(change["StackId"])
        changes = {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"] for c in change["Changes"]}
        existing = stack.get("_resources", {})
        coming = {name: {"PhysicalResourceId": LATER, "Attributes": Unknown()} for name in change["_template"].get(
            "Resources", {}) if name not in existing or changes.get(name, {}).get("Replacement") == "True"}
        before = resolved(stack.get("_template") or {}, stack.get("_resolved_params") or {}, existing, stack)
        after = resolved(change["_template"], change["_resolved_params"], {**existing, **coming}, stack)

        def one(match):
            text = match[0]
            name = re.search(r"<LogicalResourceId>(.*?)</LogicalResourceId>", text)[1]
            action, old, new = changes[name]["Action"], before.get(name, {}), after.get(name, {})
            contexts = ("" if action == "Add" else f"<BeforeContext>{context(old)}</BeforeContext>") + (
                "" if action == "Remove" else f"<AfterContext>{context(new)}</AfterContext>")

            def target(found):
                key = re.search(r"<Name>(.*?)</Name>", found[0])
                if not key:
                    return found[0]
                was, becomes = old.get(key[1]), new.get(key[1])
                kind = "Add" if was is None else "Remove" if becomes is None else "Modify"
                return found[0].replace("</Target>", "".join((
                    f"<Path>/Properties/{key[1]}</Path>",
                    f"<BeforeValue>{plain(was)}</BeforeValue>" if was is not None else "",
                    f"<AfterValue>{plain(becomes)}</AfterValue>" if becomes is not None else "",
                    f"<AttributeChangeType>{kind}</AttributeChangeType></Target>")))
            text = re.sub(r"<Target>.*?</Target>", target, text)
            return text.replace("</ResourceChange>", contexts + "</ResourceChange>")
        text = re.sub(r"<ResourceChange>.*?</ResourceChange>", one, body.decode(), flags=re.S)
        return status, headers, text.encode()
    return ours


def context(properties):
    return escape(json.dumps({"Properties": properties}, separators=(",", ":")))


def plain(value):
    return escape(value if isinstance(value, str) else json.dumps(value, separators=(",", ":")))


# --- RDS -------------------------------------------------------------------------------------------------------
def versions(original):
    def ours(params):
        status, headers, body = original(params)
        if status != 200 or rds._p(params, "Engine") != "aurora-postgresql":
            return status, headers, body

        def one(match):
            version = re.search(r"<EngineVersion>(\d+)\.(\d+)</EngineVersion>", match[0])
            if not version:
                return match[0]     # -limitless has no such capacity
            major, minor = int(version[1]), int(version[2])
            pauses = minor >= {13: 15, 14: 12, 15: 7, 16: 3}.get(major, 0 if major > 16 else 999)
            return match[0].replace("</DBEngineVersion>", "<ServerlessV2FeaturesSupport><MinCapacity>"
                                    f"{0.0 if pauses else 0.5}</MinCapacity><MaxCapacity>{256.0 if pauses else 128.0}"
                                    "</MaxCapacity></ServerlessV2FeaturesSupport></DBEngineVersion>")
        return status, headers, re.sub(r"<DBEngineVersion>.*?</DBEngineVersion>", one, body.decode(), flags=re.S).encode()
    return ours


def orderable(original):
    def ours(params):
        if rds._p(params, "Engine") == "aurora-postgresql" and rds._p(params, "DBInstanceClass") == "db.serverless":
            status, headers, body = original({**params, "DBInstanceClass": ["db.r5.large"]})
            return status, headers, body.replace(b"db.r5.large", b"db.serverless")
        return original(params)
    return ours


# --- load balancing --------------------------------------------------------------------------------------------
def listener_certificates(params):
    listener = alb._listeners.get(alb._p(params, "ListenerArn"))
    if listener is None:
        return alb._error("ListenerNotFound", "One or more listeners not found")
    more = [(arn, "false") for arns in listener.get("_more_certificates", {}).values() for arn in arns]
    members = "".join(f"<member><CertificateArn>{arn}</CertificateArn><IsDefault>{default}</IsDefault></member>"
                      for arn, default in [(a, "true") for a in listener.get("Certificates") or []] + more)
    return alb._xml(200, "DescribeListenerCertificates", f"<Certificates>{members}</Certificates>")


def ssl_policies(params):
    names = alb._parse_member_list(params, "Names") or [alb._DEFAULT_SSL_POLICY]
    for name in names:
        if not name.startswith("ELBSecurityPolicy-"):
            return alb._error("SSLPolicyNotFound", f"SSL policy '{name}' not found")
    members = "".join(f"<member><Name>{name}</Name><SslProtocols><member>TLSv1.3</member><member>TLSv1.2</member>"
                      "</SslProtocols><Ciphers/></member>" for name in names)
    return alb._xml(200, "DescribeSSLPolicies", f"<SslPolicies>{members}</SslPolicies>")


def free_priority(original):
    def ours(params):
        listener, priority = alb._p(params, "ListenerArn"), alb._p(params, "Priority", "1")
        if any(r["ListenerArn"] == listener and str(r["Priority"]) == priority for r in alb._rules.values()):
            return alb._error("PriorityInUse", f"Priority '{priority}' is currently in use")
        return original(params)
    return ours


def escaped_body(original):
    def ours(action):
        """MiniStack writes the body of a fixed response into its XML as it is."""
        fixed = action.get("FixedResponseConfig")
        if fixed:
            action = {**action, "FixedResponseConfig": {**fixed, "MessageBody": escape(str(fixed.get("MessageBody") or ""))}}
        return original(action)
    return ours


def balanced_service(original):
    def ours(data):
        """ECS starts no task for a target group to which no load balancer leads."""
        cluster = str(data.get("cluster", "default")).rsplit("/", 1)[-1]
        service = ecs._services.get(f"{cluster}/{str(data.get('service', '')).rsplit('/', 1)[-1]}") or {}
        for balancer in service.get("loadBalancers") or []:
            group = alb._tgs.get(balancer.get("targetGroupArn")) or {}
            if data.get("desiredCount") != 0 and not group.get("LoadBalancerArns"):
                return ecs.error_response_json(
                    "InvalidParameterException", f"The target group with targetGroupArn {balancer.get('targetGroupArn')} "
                    "does not have an associated load balancer.", 400)
        return original(data)
    return ours


def task_address(original):
    def ours(task):
        """Without containers a task has no address; give it one, so that its targets are there and healthy."""
        found = original(task)
        if found or not task.get("group", "").startswith("service:"):
            return found
        number = hashlib.sha256(task["taskArn"].encode()).digest()
        return f"10.0.{number[0]}.{number[1]}"
    return ours


def replace(module, action, make):
    """Put ours in the place of an action, in the table and under its own name."""
    original = module._ACTION_MAP[action]
    ours = module._ACTION_MAP[action] = make(original)
    for name, value in list(vars(module).items()):
        if value is original:
            setattr(module, name, ours)


def install():
    changesets._resolve_props_for_diff = by_condition(changesets._resolve_props_for_diff)
    api._ACTION_HANDLERS["DescribeChangeSet"] = change_values(api._ACTION_HANDLERS["DescribeChangeSet"])
    known = rds.AURORA_POSTGRESQL_ENGINE_VERSIONS
    for version in NEWER:
        if all(version != listed for listed, _ in known):
            known.append((version, f"aurora-postgresql{version[:2]}"))
    replace(rds, "DescribeDBEngineVersions", versions)
    replace(rds, "DescribeOrderableDBInstanceOptions", orderable)
    replace(alb, "CreateRule", free_priority)
    alb._ACTION_MAP["DescribeListenerCertificates"] = listener_certificates
    alb._ACTION_MAP["DescribeSSLPolicies"] = ssl_policies
    alb._action_xml = escaped_body(alb._action_xml)
    replace(ecs, "UpdateService", balanced_service)
    replace(ecs, "ListTasks", aws_checks.sole_filter)
    ecs._task_ip = task_address(ecs._task_ip)
