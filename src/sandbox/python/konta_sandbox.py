"""The local AWS of `konta --sandbox`: MiniStack with real PostgreSQL servers, in one process, on 127.0.0.1 only.

    python konta_sandbox.py --home DIR --account 123456789012 --region eu-west-1

DIR/ready.json appears when everything answers, and disappears when the process stops in order. DIR also has clusters.json
(databases.py), requests.jsonl (request_log.py), state/, postgres/ and log/. konta may write an imports.json there, with the
resources that the workspace imports (imports.py).
Besides the AWS API, the process answers GET /_konta/health, /_konta/tasks and /_konta/resources?stack=NAME. For konta's own
tests: POST /_konta/reset empties a sandbox that runs no tasks; KONTA_SANDBOX_WHILE_LOCKED names a file, and the sandbox stops
when nobody has locked it; KONTA_SANDBOX_CLUSTERS names a folder for clusters to copy (databases.py).

State is saved within half a second of a change, at once when a stack operation ends, and when the process stops in order.
So `kill -9` loses the calls of the last moment. The databases lose nothing. Their servers keep running until the next start,
which stops them and starts its own on the same ports. A stack that was in progress comes back as FAILED. Transactions of the
Data API are lost, as on AWS after three minutes. Unix only.
"""
import argparse
import asyncio
import fcntl
import json
import logging
import os
import re
import signal
import sys
import threading
import time
import urllib.parse
from pathlib import Path

sys.dont_write_bytecode = True  # the folder has only the files that konta wrote
import request_log
import state_files


class Sandbox:
    def __init__(self, options):
        self.options, self.home = options, Path(options.home).resolve()
        self.dirty, self.started, self.ready, self.loop = False, request_log.now(), False, None
        self.calls_in_progress = 0
        self.stopping, self.wake = asyncio.Event(), asyncio.Event()

    def prepare(self):
        """Sets everything in the environment that MiniStack reads when it is imported."""
        from databases import Databases
        from unprivileged import bind_port, write_private
        self.write = write_private
        import odoo_image
        self.odoo_folder = Path(self.options.odoo).resolve() if self.options.odoo else None
        self.odoo = odoo_image.ready(self.odoo_folder) if self.options.odoo else None
        if self.options.odoo and not self.odoo:
            raise RuntimeError(f"there is no Odoo in {self.odoo_folder}")
        self.set_aside = state_files.set_unreadable_aside(self.home)
        ports = self.home / "ports.json"
        old = json.loads(ports.read_text()) if ports.exists() else {}
        # Bound here and handed over, so that no other process takes the port in between.
        self.socket = bind_port(old.get("gateway"))
        self.port = self.socket.getsockname()[1]
        write_private(ports, json.dumps({**old, "gateway": self.port}))
        os.environ.update(
            BIND_HOST="127.0.0.1", MINISTACK_HOST="127.0.0.1", GATEWAY_PORT=str(self.port), PERSIST_STATE="1",
            DOCKER_HOST=f"unix://{self.home}/no-docker", MINISTACK_ACCOUNT_ID=self.options.account,
            MINISTACK_REGION=self.options.region, STATE_DIR=str(self.home / "state"), S3_PERSIST="1",
            S3_DATA_DIR=str(self.home / "state" / "s3"), IOT_MTLS_ENABLED="0", SFTP_ENABLED="0", LOG_LEVEL="WARNING",
            # Tests of credentials need signatures, tokens and policies checked. The root keys are then test/test.
            AUTH="true" if os.environ.get("KONTA_SANDBOX_AUTH") else "false", USE_SSL="0")
        for name in ("SERVICES", "EDGE_PORT", "LOCALSTACK_PERSISTENCE"):
            os.environ.pop(name, None)
        state_files.finish_saving(self.home / "state")
        self.databases = Databases(self.home, self.announce)
        self.runner = self.router = None

    def announce(self):
        """Writes ready.json, and again when the databases change. `postgres_*` belong to the oldest cluster, or are null."""
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
        from emulator import Emulator
        self.emulator = Emulator(self.home, self.options.account, self.options.region, self.databases)
        self.emulator.install(self.on_stack_event)
        if self.options.odoo:
            self.run_containers()

    def on_stack_event(self, kind, status):
        self.dirty = True   # a stack operation continues after its call has been answered
        if self.loop and kind == "AWS::CloudFormation::Stack" and "IN_PROGRESS" not in status:
            # Save at once: an operation that has ended must not come back as one in progress.
            self.loop.call_soon_threadsafe(self.wake.set)

    def run_containers(self):
        """Makes services and tasks run as processes, with a router that brings visitors to them."""
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

    # --- HTTP --------------------------------------------------------------------------------------------------
    async def app(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.emulator.app(scope, receive, send)
        if scope["path"].startswith("/_konta/"):
            return await self.answer_konta(scope, send)
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
        self.calls_in_progress += 1
        try:
            if service in self.emulator.absent_services:
                await self.reply(write, *self.emulator.absent_service(service))
            else:
                await self.emulator.app(scope, read, write)
        finally:
            self.calls_in_progress -= 1
            service, action = self.log.name(scope, bytes(head))
            if service:
                self.log.add(service, action, status[0])
            if not request_log.is_read_only(action):
                self.dirty = True

    async def answer_konta(self, scope, send):
        query = dict(urllib.parse.parse_qsl(scope["query_string"].decode()))
        status, answer = 404, {"message": "not found"}
        if scope["path"] == "/_konta/health":
            status, answer = 200, {"status": "ok", "ministack": self.emulator.version(),
                                   "clusters": len(self.databases.servers)}
        elif scope["path"] == "/_konta/tasks":
            status, answer = 200, {"tasks": await asyncio.to_thread(self.runner.shown) if self.runner else []}
        elif scope["path"] == "/_konta/resources":
            region = query.get("region", self.options.region)
            resources = self.emulator.resources(query.get("stack", ""), region)
            if resources is None:
                answer = {"message": f"no stack {query.get('stack')} in {region}"}
            else:
                status, answer = 200, resources
        elif scope["path"] == "/_konta/reset" and scope["method"] == "POST":
            status, answer = await self.reset()
        await self.reply(send, status, answer)

    async def reset(self):
        """Empties the sandbox for the next test that uses it, or refuses if something in it does not come to an end."""
        deadline = time.monotonic() + 30
        while self.runner or self.calls_in_progress or self.emulator.is_busy():
            if self.runner or time.monotonic() > deadline:
                return 409, {"message": "something is in progress"}
            await asyncio.sleep(0.02)
        (self.home / "imports.json").unlink(missing_ok=True)
        await asyncio.to_thread(self.emulator.reset)
        self.log.clear()
        self.dirty = True
        return 200, {"status": "empty"}

    @staticmethod
    async def reply(send, status, answer):
        body = json.dumps(answer, default=str).encode()
        await send({"type": "http.response.start", "status": status, "headers": [
            (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]})
        await send({"type": "http.response.body", "body": body})

    # --- state -------------------------------------------------------------------------------------------------
    async def saver(self):
        while not self.stopping.is_set():
            await self.pause(self.wake, 0.5)
            self.wake.clear()
            if not self.dirty or self.stopping.is_set():
                continue    # at the end, MiniStack saves by itself
            started_at = time.monotonic()
            self.dirty = False
            states, is_complete = self.emulator.states()
            if not is_complete:
                self.dirty = True   # the next round saves the rest
            await asyncio.to_thread(self.emulator.save, states)
            # Saving a large sandbox takes long. Leave nine tenths of the time for its work.
            await self.pause(self.stopping, 9 * (time.monotonic() - started_at))

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
        if os.environ.get("KONTA_SANDBOX_WHILE_LOCKED"):
            threading.Thread(target=self.stop_when_unlocked, args=(os.environ["KONTA_SANDBOX_WHILE_LOCKED"],), daemon=True).start()
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
            self.emulator.after_load()
            self.dirty = True
            saver = asyncio.create_task(self.saver())
            self.ready = not self.stopping.is_set()
            self.announce()
            await asyncio.wait([stopped, server], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.ready = False
            (self.home / "ready.json").unlink(missing_ok=True)
            self.stopping.set()
            if saver:
                await saver     # MiniStack writes the same files when it closes
            closing.set()
            await server
            if self.runner:
                await asyncio.to_thread(self.runner.close)
            await asyncio.to_thread(self.databases.stop)

    def stop_when_unlocked(self, file):
        """Stops the sandbox as soon as nobody has locked a file: tests hold a lock that the system releases when they are killed."""
        try:
            with open(file) as lock:
                fcntl.flock(lock, fcntl.LOCK_SH)
        except FileNotFoundError:
            pass
        self.loop.call_soon_threadsafe(self.stopping.set)

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
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]    # variables such as PGSSLMODE would change how the sandbox connects
    (home / "ready.json").unlink(missing_ok=True)
    (home / "log").mkdir(exist_ok=True)
    for log in (home / "log").iterdir():
        if log.stat().st_size > request_log.MAX_BYTES:
            log.unlink()
    logging.basicConfig(filename=home / "log" / "sandbox.log", level=logging.WARNING,
                        format="%(asctime)s %(levelname)s [%(name)s] %(message)s")
    try:
        sandbox = Sandbox(options)
        sandbox.log = request_log.RequestLog(home / "requests.jsonl")
        sandbox.prepare()
        sandbox.install()
        asyncio.run(sandbox.serve())
    except Exception as error:
        logging.exception("the sandbox ended")
        sys.exit(f"konta sandbox: {error}")


if __name__ == "__main__":
    main()
