"""Translates CloudFormation's names and text values into those of the ECS API. MiniStack translates only some of them."""
import re

INTEGERS = {"containerPort", "hostPort", "softLimit", "hardLimit", "startPeriod", "interval", "timeout", "retries",
            "stopTimeout", "startTimeout", "weight", "base", "maximumPercent", "minimumHealthyPercent", "sizeInGiB",
            "bakeTimeInMinutes", "transitEncryptionPort", "memoryReservation", "maxSwap", "swappiness"}
BOOLEANS = {"essential", "readonlyRootFilesystem", "enable", "rollback", "initProcessEnabled", "privileged",
            "interactive", "pseudoTerminal", "readOnly", "disableNetworking", "resetOnHealthyTask"}
# Names that do not follow the rule "the first letter becomes lower case".
IRREGULAR_NAMES = {"EFSVolumeConfiguration": "efsVolumeConfiguration", "FilesystemId": "fileSystemId", "IAM": "iam"}
# Maps whose keys are the user's own.
VERBATIM = {"options", "dockerLabels", "driverOpts", "labels"}


def to_ecs(value, is_container=False):
    """A property of a template as the ECS API has it: its names, and numbers and booleans instead of text."""
    if isinstance(value, list):
        return [to_ecs(item, is_container) for item in value]
    if not isinstance(value, dict):
        return value
    out = {}
    for key, item in value.items():
        name = IRREGULAR_NAMES.get(key, key[:1].lower() + key[1:])
        if name in VERBATIM:
            out[name] = item
        elif re.fullmatch(r"-?\d+", str(item)) and (name in INTEGERS or is_container and name in ("cpu", "memory")
                                                    or name == "value" and "Type" in value):
            out[name] = int(item)
        elif name in BOOLEANS and str(item).lower() in ("true", "false"):
            out[name] = str(item).lower() == "true"
        else:
            out[name] = to_ecs(item)
    return out


def container_definitions(definitions):
    out = []
    for definition in definitions:
        properties = {key: value for key, value in definition.items() if key != "Name"}
        out.append({"name": definition.get("Name", ""), **to_ecs(properties, is_container=True)})
    return out
