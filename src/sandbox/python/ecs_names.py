"""CloudFormation's names and texts to those of the ECS API, which MiniStack passes on half translated."""
import re

INTEGERS = {"containerPort", "hostPort", "softLimit", "hardLimit", "startPeriod", "interval", "timeout", "retries",
            "stopTimeout", "startTimeout", "weight", "base", "maximumPercent", "minimumHealthyPercent", "sizeInGiB",
            "bakeTimeInMinutes", "transitEncryptionPort", "memoryReservation", "maxSwap", "swappiness"}
BOOLEANS = {"essential", "readonlyRootFilesystem", "enable", "rollback", "initProcessEnabled", "privileged",
            "interactive", "pseudoTerminal", "readOnly", "disableNetworking", "resetOnHealthyTask"}
# Names that do not follow the rule "first letter small".
ODD_NAMES = {"EFSVolumeConfiguration": "efsVolumeConfiguration", "FilesystemId": "fileSystemId", "IAM": "iam"}
VERBATIM = {"options", "dockerLabels", "driverOpts", "labels"}


def camel(value, container=False):
    """CloudFormation's names to those of the ECS API, with the numbers and booleans that ECS has there."""
    if isinstance(value, list):
        return [camel(v, container) for v in value]
    if not isinstance(value, dict):
        return value
    out = {}
    for key, item in value.items():
        name = ODD_NAMES.get(key, key[:1].lower() + key[1:])
        if name in VERBATIM:
            out[name] = item
        elif re.fullmatch(r"-?\d+", str(item)) and (name in INTEGERS or container and name in ("cpu", "memory")
                                                    or name == "value" and "Type" in value):
            out[name] = int(item)
        elif name in BOOLEANS and str(item).lower() in ("true", "false"):
            out[name] = str(item).lower() == "true"
        else:
            out[name] = camel(item)
    return out


def container_definitions(definitions):
    out = []
    for definition in definitions:
        one = camel({k: v for k, v in definition.items() if k != "Name"}, container=True)
        out.append({"name": definition.get("Name", ""), **one})
    return out
