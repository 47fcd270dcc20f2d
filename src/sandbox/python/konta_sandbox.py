"""The local AWS of `konta --sandbox`: MiniStack with a real PostgreSQL, in one process, for 127.0.0.1 only.

    python konta_sandbox.py --home DIR --account 123456789012 --region eu-west-1

DIR/ready.json appears once everything answers and goes when the process stops in order. DIR also holds
clusters.json (databases.py), requests.jsonl (one line for each call, never a body), state/, postgres/ and log/. konta
may put an imports.json there, with the things it imports (imports.py).
Beside the AWS API there are GET /_konta/health and GET /_konta/resources?stack=NAME.

State is written within half a second of a change, at once when a stack operation ends, and when the process ends in
order. `kill -9` therefore loses the calls of the last moment. The databases lose nothing, but their servers live on;
the next start ends them and starts its own, on the same ports. A stack that was under way comes back as FAILED, and
the transactions of the Data API are gone, as on AWS after three minutes. Unix only.
"""
import argparse
import asyncio
import datetime
import fcntl
import json
import logging
import os
import re
import shutil
import signal
import sys
import time
import urllib.parse
from pathlib import Path

BIG = 5 * 1024 * 1024
sys.dont_write_bytecode = True  # the folder stays what konta wrote


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_only(action):
    return bool(re.match(r"(Describe|List|Get|Head|Filter|Lookup|Estimate|Validate|Detect|GET|HEAD)", action or ""))


def set_unreadable_aside(home):
    """Rename what would be read at the start and is no JSON, so that it is neither lost nor taken for nothing to read.

    MiniStack itself starts a service empty whose file it cannot read, and writes over the file. Returns the new names.
    """
    aside = []
    for path in [home / "clusters.json", home / "ports.json", *sorted((home / "state").glob("*.json"))]:
        try:
            json.loads(path.read_text())
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            number = 1
            while (kept := path.with_name(f"{path.name}.unreadable-{number}")).exists():
                number += 1
            path.rename(kept)
            logging.error("%s cannot be read (%s); it is kept as %s", path, error, kept.name)
            aside.append(str(kept.relative_to(home)))
    return aside


class RequestLog:
    """One JSON line for each call: when, which service, which action, which status. Bodies may hold secrets."""

    def __init__(self, path):
        if path.exists() and path.stat().st_size > BIG:
            path.unlink()
        self.out = open(path, "a", buffering=1)

    @staticmethod
    def name(scope, body):
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
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


def finish_saving(state):
    """Put what was saved whole in its place; what was saved in part is dropped."""
    saved = state / ".saved"
    if saved.exists():
        for file in saved.iterdir():
            os.replace(file, state / file.name)
        saved.rmdir()
    shutil.rmtree(state / ".next", ignore_errors=True)


class Sandbox:
    def __init__(self, options):
        self.options, self.home = options, Path(options.home).resolve()
        self.dirty, self.started, self.ready, self.loop = False, now(), False, None
        self.stopping, self.wake = asyncio.Event(), asyncio.Event()

    def prepare(self):
        """Everything MiniStack reads when it is imported must be in the environment before."""
        from databases import Databases
        from unprivileged import bind_port, write_private
        self.write = write_private
        import odoo_image
        self.odoo_folder = Path(self.options.odoo).resolve() if self.options.odoo else None
        self.odoo = odoo_image.ready(self.odoo_folder) if self.options.odoo else None
        if self.options.odoo and not self.odoo:
            raise RuntimeError(f"there is no Odoo in {self.odoo_folder}")
        self.set_aside = set_unreadable_aside(self.home)
        ports = self.home / "ports.json"
        old = json.loads(ports.read_text()) if ports.exists() else {}
        # Bound here and handed over, so that nobody takes the port in between.
        self.socket = bind_port(old.get("gateway"))
        self.port = self.socket.getsockname()[1]
        write_private(ports, json.dumps({**old, "gateway": self.port}))
        os.environ.update(
            BIND_HOST="127.0.0.1", MINISTACK_HOST="127.0.0.1", GATEWAY_PORT=str(self.port), PERSIST_STATE="1",
            DOCKER_HOST=f"unix://{self.home}/no-docker", MINISTACK_ACCOUNT_ID=self.options.account,
            MINISTACK_REGION=self.options.region, STATE_DIR=str(self.home / "state"), S3_PERSIST="1",
            S3_DATA_DIR=str(self.home / "state" / "s3"), IOT_MTLS_ENABLED="0", SFTP_ENABLED="0", LOG_LEVEL="WARNING",
            # Tests of credentials want signatures, tokens and policies checked; then the root keys are test/test.
            AUTH="true" if os.environ.get("KONTA_SANDBOX_AUTH") else "false", USE_SSL="0")
        for name in ("SERVICES", "EDGE_PORT", "LOCALSTACK_PERSISTENCE"):
            os.environ.pop(name, None)
        finish_saving(self.home / "state")
        self.databases = Databases(self.home, self.announce)
        self.runner = self.router = None

    def announce(self):
        """Write ready.json, again whenever the databases change; `postgres_*` are the oldest cluster's, or null."""
        if not self.ready:
            return
        record = next((s.record for s in self.databases.servers.values()), {})
        self.write(self.home / "ready.json", json.dumps({
            "endpoint": f"http://127.0.0.1:{self.port}", "port": self.port, "postgres_port": record.get("port"),
            "pid": os.getpid(), "postgres_pid": record.get("pid"), "account": self.options.account,
            "region": self.options.region, "started_at": self.started, "set_aside": self.set_aside,
            "odoo": self.odoo and self.odoo["version"], "https_port": self.router and self.router.ports["https"],
            "http_port": self.router and self.router.ports["http"]}))

    def install(self):
        import api_answers
        import cfn_adjusted_types
        import data_api
        import imports
        import ministack.app
        from ministack.core.responses import request_scope
        from ministack.services import cloudformation, rds
        from ministack.services.cloudformation import stacks
        self.ministack, self.cloudformation, self.rds = ministack.app, cloudformation, rds
        data_api.install(self.databases)
        cfn_adjusted_types.install(self.databases)
        api_answers.install()
        self.imports = imports.Imports(self.home / "imports.json")
        self.imports.install()
        self.absent, self.unknown = api_answers.ABSENT, api_answers.absent
        if self.options.odoo:
            self.run_containers()
        event = stacks._add_event

        def noted(*arguments, **named):
            event(*arguments, **named)
            self.dirty = True  # a stack goes on after its call was answered
            if self.loop and arguments[3] == "AWS::CloudFormation::Stack" and "IN_PROGRESS" not in arguments[4]:
                # A stack that has ended must not come back as one under way.
                self.loop.call_soon_threadsafe(self.wake.set)
        self.event, self.scope, stacks._add_event = noted, request_scope, noted
        cloudformation.changesets._add_event = cloudformation.handlers._add_event = noted
        delete = rds._delete_db_cluster

        def deleted(parameters):
            before = dict(rds._clusters.items())
            answer = delete(parameters)
            for cluster in (c for name, c in before.items() if name not in rds._clusters):
                cfn_adjusted_types.forget_cluster(cluster)
            return answer
        rds._delete_db_cluster = deleted
        for value in list(vars(rds).values()):
            if isinstance(value, dict) and value.get("DeleteDBCluster") is delete:
                value["DeleteDBCluster"] = deleted

    def run_containers(self):
        """Let services and tasks really run, and a router lead visitors to them."""
        import containers
        import router
        from unprivileged import bind_port
        self.runner = containers.Runner(self.home, self.odoo_folder, self.port, self.options.account, self.options.region)
        containers.install(self.runner)
        old = json.loads((self.home / "ports.json").read_text())
        sockets = {name: bind_port(old.get(name)) for name in ("https", "http")}
        self.router = router.Router(self.home, self.runner, sockets)
        router.install(self.router)
        self.write(self.home / "ports.json", json.dumps({"gateway": self.port, **self.router.ports}))

    def after_load(self):
        """Bring the loaded state in line with the world: ports may have moved, and nothing is under way any more."""
        for cluster in list(self.rds._clusters._data.values()):
            server = self.databases.servers.get(cluster["DBClusterArn"])
            if server:
                cluster["Port"] = server.record["port"]
                for instance in self.rds._instances._data.values():
                    if instance.get("DBClusterIdentifier") == cluster["DBClusterIdentifier"]:
                        instance["Endpoint"]["Port"] = cluster["Port"]
        for (account, region, name), stack in list(self.cloudformation._stacks._data.items()):
            status = stack.get("StackStatus", "")
            if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
                operation = status.removesuffix("_IN_PROGRESS")
                stack["StackStatus"] = operation.removesuffix("_CLEANUP") if operation.endswith("_CLEANUP") \
                    else operation + "_FAILED"
                stack["StackStatusReason"] = "konta sandbox: the process ended while this was under way"
                with self.scope(account, region):
                    self.event(stack["StackId"], name, name, "AWS::CloudFormation::Stack", stack["StackStatus"],
                               stack["StackStatusReason"], stack["StackId"])
        with self.scope(self.options.account, self.options.region):
            self.imports.refresh()
        self.dirty = True

    # --- HTTP --------------------------------------------------------------------------------------------------
    async def app(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.ministack.app(scope, receive, send)
        if scope["path"].startswith("/_konta/"):
            return await self.own(scope, send)
        head, status = bytearray(), [0]

        async def read():
            message = await receive()
            if len(head) < 65536:
                head.extend(message.get("body", b"")[:65536])
            return message

        async def write(message):
            if message["type"] == "http.response.start":
                status[0] = message["status"]
            await send(message)
        service, action = self.log.name(scope, b"")
        try:
            if service in self.absent:
                await self.reply(write, *self.unknown(service))
            else:
                await self.ministack.app(scope, read, write)
        finally:
            service, action = self.log.name(scope, bytes(head))
            if service:
                self.log.add(service, action, status[0])
            if not read_only(action):
                self.dirty = True

    async def own(self, scope, send):
        query = dict(urllib.parse.parse_qsl(scope["query_string"].decode()))
        status, answer = 404, {"message": "not found"}
        if scope["path"] == "/_konta/health":
            status, answer = 200, {"status": "ok", "ministack": self.ministack._version(),
                                   "clusters": len(self.databases.servers)}
        elif scope["path"] == "/_konta/tasks":
            status, answer = 200, {"tasks": await asyncio.to_thread(self.runner.shown) if self.runner else []}
        elif scope["path"] == "/_konta/resources":
            region = query.get("region", self.options.region)
            stack = self.cloudformation._stacks.get_scoped(self.options.account, region, query.get("stack", ""))
            if stack and stack["StackStatus"] != "DELETE_COMPLETE":
                status, answer = 200, {
                    name: {"type": r["ResourceType"], "physicalId": r["PhysicalResourceId"],
                           "properties": r.get("Properties", {}), "attributes": r.get("Attributes", {})}
                    for name, r in stack.get("_resources", {}).items()}
            else:
                answer = {"message": f"no stack {query.get('stack')} in {region}"}
        await self.reply(send, status, answer)

    @staticmethod
    async def reply(send, status, answer):
        body = json.dumps(answer, default=str).encode()
        await send({"type": "http.response.start", "status": status, "headers": [
            (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]})
        await send({"type": "http.response.body", "body": body})

    # --- state -------------------------------------------------------------------------------------------------
    def save(self, states):
        """Write every service's state, all or nothing: a stack whose resources are of another moment could not be gone on with."""
        from ministack.core import persistence
        state = self.home / "state"
        shutil.rmtree(state / ".next", ignore_errors=True)
        persistence.STATE_DIR = str(state / ".next")
        try:
            for name, content in states.items():
                if content is not None:
                    persistence.save_state(name, content)
        finally:
            persistence.STATE_DIR = str(state)
        if (state / ".next").exists():
            os.rename(state / ".next", state / ".saved")
            finish_saving(state)

    async def saver(self):
        while not self.stopping.is_set():
            await self.pause(self.wake, 0.5)
            self.wake.clear()
            if not self.dirty or self.stopping.is_set():
                continue    # at the end MiniStack saves by itself
            self.dirty, began, states = False, time.monotonic(), {}
            for name, state in self.ministack._build_persistence_save_dict().items():
                try:
                    states[name] = state()
                except RuntimeError:
                    self.dirty = True  # changed by a thread while it was copied: the next round gets it
            await asyncio.to_thread(self.save, states)
            # A big sandbox takes long to save; leave it nine tenths of its time for work.
            await self.pause(self.stopping, 9 * (time.monotonic() - began))

    @staticmethod
    async def pause(event, seconds):
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except asyncio.TimeoutError:
            pass

    async def serve(self):
        from hypercorn.asyncio import serve
        from hypercorn.config import Config
        loop = self.loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        config = Config()
        config.bind = [f"fd://{self.socket.fileno()}"]
        config.errorlog = logging.getLogger("hypercorn")
        config.keep_alive_timeout, config.graceful_timeout, config.shutdown_timeout = 75, 1, 20
        closing = asyncio.Event()
        starting = asyncio.create_task(asyncio.to_thread(self.databases.start))
        server = asyncio.create_task(serve(self.app, config, shutdown_trigger=closing.wait))
        stopped = asyncio.create_task(self.stopping.wait())
        saver = None
        try:
            await starting
            while not await self.answers() and not self.stopping.is_set():
                if server.done():
                    server.result()
                    raise RuntimeError("the HTTP server ended while it started")
                await asyncio.sleep(0.01)
            self.after_load()
            saver = asyncio.create_task(self.saver())
            self.ready = not self.stopping.is_set()
            self.announce()
            await asyncio.wait([stopped, server], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.ready = False
            (self.home / "ready.json").unlink(missing_ok=True)
            self.stopping.set()
            if saver:
                await saver     # two must not write the same files
            closing.set()
            await server
            if self.runner:
                await asyncio.to_thread(self.runner.close)
            await asyncio.to_thread(self.databases.stop)

    async def answers(self):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(b"GET /_konta/health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            line = await asyncio.wait_for(reader.readline(), 5)
            writer.close()
            return b" 200 " in line
        except (OSError, asyncio.TimeoutError):
            return False


def main():
    parser = argparse.ArgumentParser(description="The local AWS of konta --sandbox")
    parser.add_argument("--home", required=True)
    parser.add_argument("--account", default="123456789012")
    parser.add_argument("--region", default="eu-west-1")
    parser.add_argument("--odoo", help="the folder of an Odoo (odoo_image.py) in which tasks are run")
    options = parser.parse_args()
    if not re.fullmatch(r"\d{12}", options.account):
        parser.error("--account takes twelve digits")
    os.umask(0o077)
    home = Path(options.home).resolve()
    home.mkdir(parents=True, exist_ok=True)
    os.chmod(home, 0o700)
    lock = open(home / "lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(f"konta sandbox: another one already runs in {home}")
    for name in [n for n in os.environ if n.startswith("PG")]:
        del os.environ[name]    # PGSSLMODE and its like are meant for Odoo, and would change how we connect
    (home / "ready.json").unlink(missing_ok=True)
    (home / "log").mkdir(exist_ok=True)
    for log in (home / "log").iterdir():
        if log.stat().st_size > BIG:
            log.unlink()
    logging.basicConfig(filename=home / "log" / "sandbox.log", level=logging.WARNING,
                        format="%(asctime)s %(levelname)s [%(name)s] %(message)s")
    try:
        sandbox = Sandbox(options)
        sandbox.log = RequestLog(home / "requests.jsonl")
        sandbox.prepare()
        sandbox.install()
        asyncio.run(sandbox.serve())
    except Exception as error:
        logging.exception("the sandbox ended")
        sys.exit(f"konta sandbox: {error}")


if __name__ == "__main__":
    main()
