"""Runs the containers of tasks as processes of this machine. To MiniStack, this is its Docker engine.

MiniStack's ECS does the rest as with Docker: task definitions, secrets, one-off tasks, rolling deployments, logs. A container
is a process of the Odoo from odoo_image.py, in `tasks/ID/`. Paths in the image become folders there, mounts become folders in
`files/`, and ports become free ports of 127.0.0.1 (Runner.address() maps them). A container is stopped as by ECS: it leaves
the load balancer, gets SIGTERM, and is killed after the stop timeout.

An image whose tag ends in `-deaf` is the same Odoo on another port, so that its tasks run but do not answer.

Not as on AWS: PGSSLMODE, since this PostgreSQL has no TLS; no limits of memory and CPU; no separate user.
"""
import ctypes
import hashlib
import json
import logging
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import types
from concurrent.futures import ThreadPoolExecutor

import psutil

from ministack.core.responses import request_scope
from ministack.services import ecs, efs, ssm

import odoo_image
from unprivileged import BIN, free_port, write_private

log = logging.getLogger("containers")
LINUX = sys.platform.startswith("linux")
ENTER = """#!{python} -I
# Runs a command as if inside the container: in its environment, with its paths.
import json, os, re, sys
here = {folder!r}
environment = json.load(open(here + '/environment.json'))
paths = json.load(open(here + '/paths.json'))
def local(text):
    for inside, outside in paths.items():
        text = re.sub(r'(?<![\\w./-])' + re.escape(inside) + r'(?![\\w.-])', lambda _: outside, text)
    return text
os.chdir(here)
command = [local(word) for word in sys.argv[1:]] or ['bash']
try:
    os.execvpe(command[0], command, environment)
except OSError as error:
    sys.exit(f'{{command[0]}}: {{error.strerror}}')
"""


class NotFound(Exception):
    """There is no such container or image."""


def die_with_parent():
    """Ends this process if the sandbox is killed. The signal comes when the *thread* that started it ends: see Runner."""
    if LINUX:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Container:
    """One process, with the part of docker-py's Container that MiniStack uses."""

    def __init__(self, runner, task, definition, environment, command):
        self.runner, self.arn, self.task_id = runner, task["taskArn"], task["taskArn"].rsplit("/", 1)[-1]
        self.id = hashlib.sha256(os.urandom(16)).hexdigest()
        self.folder = runner.home / "tasks" / self.task_id
        number = hashlib.sha256(self.arn.encode()).digest()
        self.ip = f"10.0.{number[0]}.{number[1] or 1}"
        self.definition, self.stopping, self.code = definition, False, None
        self.ports = {mapping["containerPort"]: free_port() for mapping in definition.get("portMappings") or []}
        self.stop_timeout = int(definition.get("stopTimeout") or 30)
        self.folder.mkdir(parents=True)
        self.paths = {"/tmp/konta": str(self.folder / "konta"), "/entrypoint.sh": str(runner.image / "entrypoint.sh"),
                      "/mnt/extra-addons": str(self.folder / "extra-addons"), **self.mounts(task, definition)}
        (self.folder / "extra-addons").mkdir()
        self.environment = self.local_environment(environment)
        self.output = self.folder / "log"
        write_private(self.folder / "environment.json", json.dumps(self.environment))
        write_private(self.folder / "paths.json", json.dumps(self.paths))
        odoo_image.script(self.folder / "enter", ENTER.format(python=sys.executable, folder=str(self.folder)))
        words = [self.local(word) for word in [*(definition.get("entryPoint") or []), *(command or [])]]
        self.process = runner.spawn(words, self.environment, self.folder, self.output)
        threading.Thread(target=self.watch, daemon=True).start()

    def mounts(self, task, definition):
        """Maps each path of a mount in the container to a folder."""
        volumes = {}
        for volume in ecs._task_defs[ecs._resolve_td_key(task["taskDefinitionArn"])].get("volumes") or []:
            files = volume.get("efsVolumeConfiguration")
            if files:
                point = (files.get("authorizationConfig") or {}).get("accessPointId")
                record = efs._access_points.get(point) or {}
                root = (record.get("RootDirectory") or {}).get("Path") or files.get("rootDirectory") or "/"
                folder = self.runner.home / "files" / files["fileSystemId"] / root.strip("/")
            else:
                folder = self.folder / "volumes" / volume["name"]
            folder.mkdir(parents=True, exist_ok=True)
            volumes[volume["name"]] = str(folder)
        return {m["containerPath"]: volumes[m["sourceVolume"]] for m in definition.get("mountPoints") or []}

    def local(self, text):
        for inside, outside in self.paths.items():
            text = re.sub(r"(?<![\w./-])" + re.escape(inside) + r"(?![\w.-])", lambda _: outside, text)
        return text

    def local_environment(self, environment):
        # MiniStack gives its address as a container would reach it.
        gateway = f"//127.0.0.1:{self.runner.port}"
        reachable = {name: str(value).replace(f"//host.docker.internal:{self.runner.port}", gateway)
                     for name, value in environment.items()}
        own = {name: self.local(value) for name, value in reachable.items()}
        region = self.arn.split(":")[3]
        deaf = re.search(r":[\w.]+-deaf(@|$)", self.definition.get("image") or "")
        http = free_port() if deaf else self.ports.get(8069) or free_port()
        return {
            **own, "PATH": f"{self.runner.image / 'bin'}:{BIN}:{os.environ.get('PATH', '/usr/bin:/bin')}",
            "HOME": str(self.folder), "LANG": "C.UTF-8", "TMPDIR": str(self.folder), "PGSSLMODE": "prefer",
            "KONTA_REGISTRY_REFRESH": "1", "ODOO_HTTP_INTERFACE": "127.0.0.1", "ODOO_HTTP_PORT": str(http),
            "ODOO_GEVENT_PORT": str(self.ports.get(8072) or free_port()),
            "AWS_REGION": region, "AWS_DEFAULT_REGION": region}

    def watch(self):
        self.process.wait()
        code = self.process.returncode
        self.code = 128 - code if code < 0 else code    # an exit code as a shell and Docker report it
        with request_scope(*self.runner.scope):
            task = ecs._tasks.get(self.arn)
            if task and self.stopping:
                self.settle(task, "STOPPED")

    def settle(self, task, status):
        """Sets the state of a task that is being stopped. MiniStack would set it to STOPPED at once."""
        task["lastStatus"] = status
        task["stoppedAt"] = ecs._iso() if status == "STOPPED" else None
        for container in task.get("containers", []):
            container["lastStatus"] = "STOPPED" if status == "STOPPED" else "RUNNING"
            container["exitCode"] = self.code

    # --- docker-py's names ---------------------------------------------------------------------------------------
    @property
    def status(self):
        return "running" if self.code is None else "exited"

    @property
    def attrs(self):
        return {"NetworkSettings": {"Networks": {"vpc": {"IPAddress": self.ip}}}}

    def reload(self):
        """Nothing is cached."""

    def wait(self):
        self.process.wait()
        while self.code is None:
            time.sleep(0.01)
        return {"StatusCode": self.code}

    def logs(self, stream=False, follow=False, tail=None, **_):
        if not stream:
            lines = self.output.read_bytes().splitlines(keepends=True)
            return b"".join(lines[-tail:] if tail else lines)
        return self.lines(follow)

    def lines(self, follow):
        """Yields complete lines as they arrive."""
        rest = b""
        with open(self.output, "rb") as source:
            while True:
                ended = self.code is not None
                chunk = source.read(65536)
                whole, newline, rest = (rest + chunk).rpartition(b"\n")
                if newline:
                    yield whole + newline
                if not chunk:
                    if ended or not follow:
                        break
                    time.sleep(0.1)
        if rest:
            yield rest

    def stop(self, timeout=None):
        """Starts to stop the container and returns: the caller must not wait for the container's visitors."""
        if self.code is not None or self.stopping:
            return
        self.stopping = True
        with request_scope(*self.runner.scope):
            task = ecs._tasks.get(self.arn)
            if task:
                self.settle(task, "DEACTIVATING")
        threading.Thread(target=self.end, daemon=True).start()

    def end(self, drain=True):
        if drain and self.runner.router:
            self.runner.router.drain(self.ip)
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(self.stop_timeout)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)

    def signal(self, number):
        try:
            if number == signal.SIGKILL:
                os.killpg(self.process.pid, number)
            else:
                self.process.send_signal(number)
        except ProcessLookupError:
            pass

    def remove(self, **_):
        """Keeps the folder with its log for a while: see Runner.sweep."""


class Images:
    """The only image that the sandbox has."""

    def __init__(self, image):
        self.series = odoo_image.ready(image)["series"]

    def pull(self, name, **_):
        last = re.fullmatch(r"([\w.-]+?)(?::([\w.-]+))?(?:@.+)?", name.rsplit("/", 1)[-1])
        if not last or last[1] != "odoo" or (last[2] or "latest").split(".")[0] not in (self.series, "latest"):
            raise NotFound(f"{name}: konta's sandbox has Odoo {self.series} and no other image")
        return types.SimpleNamespace(id=name, tag=lambda *_, **__: True)

    def get(self, name):
        return self.pull(name)

    def get_registry_data(self, name, **_):
        self.pull(name)
        return types.SimpleNamespace(id="sha256:" + hashlib.sha256(name.encode()).hexdigest())


class Runner:
    """MiniStack's Docker engine."""

    def __init__(self, home, image, port, account, region):
        self.home, self.image, self.port, self.scope, self.router = home, image, port, (account, region), None
        self.all, self.images, self.containers = {}, Images(image), self
        # One thread starts all containers and lives as long as the process: see die_with_parent.
        self.starter = ThreadPoolExecutor(1)
        self.closed = False
        self.sweep()

    def sweep(self, keep=50):
        """Removes the folders of ended tasks except the newest, and the environments of all of them."""
        folders = sorted((self.home / "tasks").glob("*"), key=lambda folder: folder.stat().st_mtime, reverse=True)
        live = {container.task_id for container in self.all.values() if container.code is None}
        for folder in folders[keep:]:
            if folder.name not in live:
                shutil.rmtree(folder, ignore_errors=True)
        for folder in folders:    # the environment has passwords
            if folder.name not in live:
                (folder / "environment.json").unlink(missing_ok=True)

    def spawn(self, words, environment, folder, output):
        def start():
            with open(output, "ab", buffering=0) as out:
                return subprocess.Popen(words, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                        start_new_session=True, preexec_fn=die_with_parent)
        return self.starter.submit(start).result()

    def run(self, _image, environment=None, labels=None, command=None, **_):
        if self.closed:
            raise NotFound("the sandbox is ending")
        self.images.pull(_image)
        arn, name = labels["com.amazonaws.ecs.task-arn"], labels["com.amazonaws.ecs.container-name"]
        task = ecs._tasks[arn]
        definitions = ecs._task_defs[ecs._resolve_td_key(task["taskDefinitionArn"])]["containerDefinitions"]
        definition = next(d for d in definitions if d["name"] == name)
        words = shlex.split(command) if isinstance(command, str) else command
        container = Container(self, task, definition, environment or {}, words)
        self.all[container.id] = container
        self.sweep()
        return container

    def get(self, container_id):
        try:
            return self.all[container_id]
        except KeyError:
            raise NotFound(container_id) from None

    def list(self, **_):
        return []

    def address(self, ip, port):
        """The real address of a port of a task."""
        for container in self.all.values():
            if container.ip == ip and port in container.ports and container.code is None:
                return "127.0.0.1", container.ports[port]
        return None

    def shown(self):
        """The running tasks, with their memory and folders, for /_konta/tasks."""
        tasks = []
        for container in list(self.all.values()):
            if container.code is None:
                try:
                    memory = sum(p.memory_info().rss for p in self.family(container))
                except psutil.Error:
                    continue
                tasks.append({"task": container.arn, "pid": container.process.pid, "address": container.ip,
                              "ports": container.ports, "memory": memory, "folder": str(container.folder)})
        return tasks

    @staticmethod
    def family(container):
        process = psutil.Process(container.process.pid)
        return [process, *process.children(recursive=True)]

    def close(self):
        """Ends all containers in order, but without draining: the databases stop next."""
        self.closed = True
        threads = [threading.Thread(target=c.end, args=(False,)) for c in list(self.all.values()) if c.code is None]
        for container in self.all.values():
            container.stop_timeout = 10
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def install(runner):
    """Makes MiniStack use the runner as its Docker engine."""
    ecs._docker = runner
    ecs._get_docker = lambda: runner
    errors = types.ModuleType("docker.errors")
    errors.ImageNotFound = errors.NotFound = NotFound
    sys.modules.setdefault("docker", types.ModuleType("docker"))
    sys.modules.setdefault("docker.errors", errors)
    value_of = ssm.resolve_parameter_value
    # ECS gives a container the decrypted SecureString. MiniStack would give it the stored value.
    ssm.resolve_parameter_value = lambda reference, version=None, decrypt=True: value_of(reference, version, decrypt)
    make_deployment = ecs._make_deployment

    def deployment_in_progress(task_definition, desired_count, *more, **named):
        """Keeps a service's first deployment in progress until its tasks answer. MiniStack completes it at once."""
        deployment = make_deployment(task_definition, desired_count, *more, **named)
        if desired_count:
            deployment.update(rolloutState="IN_PROGRESS", rolloutStateReason="ECS deployment in progress.")
        return deployment
    ecs._make_deployment = deployment_in_progress
    record_healthy = ecs._record_service_task_healthy

    def record_healthy_once_answering(svc_key, task):
        """Reports a task as started when its load balancer finds it healthy. MiniStack does so when its process runs."""
        service = ecs._services.get(svc_key) or {}
        deadline = time.monotonic() + int(service.get("healthCheckGracePeriodSeconds") or 60)
        groups = [balancer["targetGroupArn"] for balancer in service.get("loadBalancers") or []]
        while runner.router and groups and not all(runner.router.is_healthy(group, ecs._task_ip(task)) for group in groups):
            if not ecs._task_is_active(task["taskArn"], task) or task.get("lastStatus") != "RUNNING":
                return
            if time.monotonic() > deadline:
                fail(runner, task, groups[0])
                return
            time.sleep(0.2)
        record_healthy(svc_key, task)
    ecs._record_service_task_healthy = record_healthy_once_answering


def fail(runner, task, group):
    """Ends a task that does not answer. Its service starts another one until the circuit breaker stops the deployment."""
    reason = f"Task failed ELB health checks in (target-group {group})"
    if ecs._mark_task_stopped(task["taskArn"], task, reason, "ServiceSchedulerInitiated"):
        ecs._record_service_task_failure(task)
        ecs._cleanup_task_resources(task, runner)
