"""The log of API calls: one JSON line for each, with time, service, action and status. It has no bodies, which may be secret."""
import datetime
import json
import re

MAX_BYTES = 5 * 1024 * 1024     # a larger log is deleted at the start


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_read_only(action):
    return bool(re.match(r"(Describe|List|Get|Head|Filter|Lookup|Estimate|Validate|Detect|GET|HEAD)", action or ""))


class RequestLog:
    def __init__(self, path):
        if path.exists() and path.stat().st_size > MAX_BYTES:
            path.unlink()
        self.out = open(path, "a", buffering=1)

    def clear(self):
        self.out.truncate(0)

    @staticmethod
    def name(scope, body):
        """The service and the action of a call, from its headers and the start of its body."""
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        signed = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", headers.get("authorization", ""))
        form = re.search(rb"(?:^|&)Action=(\w+)", body[:65536])
        target, path = headers.get("x-amz-target"), scope["path"]
        if target:
            action = target.rsplit(".", 1)[-1]
        elif form and "urlencoded" in headers.get("content-type", ""):
            action = form[1].decode()
        else:
            action = {"/Execute": "ExecuteStatement", "/BatchExecute": "BatchExecuteStatement"}.get(path) or (
                path[1:] if path.endswith("Transaction") else f"{scope['method']} {path}")
        return signed[1] if signed else "", action

    def add(self, service, action, status):
        self.out.write(json.dumps({"time": now(), "service": service, "action": action, "status": status}) + "\n")
