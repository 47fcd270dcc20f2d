"""The PostgreSQL servers of konta's sandbox: one real server for each AWS::RDS::DBCluster.

As on AWS, two clusters must not see each other. So each has its own data folder, port and bootstrap superuser (`rdsadmin`,
whose random password is in a 0600 file and never given to konta). The master user is like that of RDS: no superuser,
CREATEDB and CREATEROLE, a member of `rds_superuser`. A missing GRANT fails here as it would there.

fsync is off. A killed process loses nothing, since the operating system still has the pages. A power failure may lose data.
"""
import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import psutil
import psycopg2
from psycopg2 import sql

from unprivileged import BIN, Account, free_port, write_private

SUPERUSER = "rdsadmin"
# log_min_error_statement and log_error_verbosity keep statements (and the passwords in them) out of the log.
SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = 200
shared_buffers = 32MB
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = replica
max_wal_senders = 2
min_wal_size = 32MB
max_wal_size = 256MB
jit = off
log_statement = 'none'
log_min_error_statement = 'panic'
log_error_verbosity = 'terse'
timezone = 'UTC'
log_timezone = 'UTC'
"""
# As on RDS, no user can connect to the service's own database.
HBA = """host rdsadmin all 127.0.0.1/32 reject
host replication rdsadmin 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
"""


def init_cluster(account, folder):
    """Makes `folder/data` and `folder/superuser`, with a new password."""
    data, secret, password = folder / "data", folder / "superuser", folder / "initdb"
    write_private(secret, secrets.token_urlsafe(24))
    data.mkdir(mode=0o700)
    account.give(data)
    write_private(password, secret.read_text())
    if os.geteuid() == 0:
        os.chown(password, account.uid, account.gid)
    try:
        # The smallest segments: an empty cluster has two of them, and a snapshot copies them.
        account.run([str(BIN / "initdb"), "-D", str(data), "-U", SUPERUSER, f"--pwfile={password}", "--wal-segsize=1",
                     "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"])
    finally:
        password.unlink()
    with open(data / "postgresql.conf", "a") as conf:
        conf.write(SETTINGS)
    (data / "pg_hba.conf").write_text(HBA)


def empty_cluster(account):
    """A cluster to copy, made once in KONTA_SANDBOX_CLUSTERS for this PostgreSQL; None if that names no folder.

    Copying takes a tenth of initdb's time. All clusters copied from one have the same superuser password, so this is for tests.
    """
    root = os.environ.get("KONTA_SANDBOX_CLUSTERS")
    if not root:
        return None
    made_from = f"{BIN} {os.path.getmtime(BIN / 'postgres')} {account.uid} {SETTINGS} {HBA}"
    folder = Path(root) / hashlib.sha256(made_from.encode()).hexdigest()[:16]
    if not folder.exists():
        new = folder.with_name(f"{folder.name}.{os.getpid()}")
        new.mkdir(parents=True)
        for passed in (new.parent, new):
            account.let_in(passed)
        init_cluster(account, new)
        try:
            new.rename(folder)
        except OSError:     # another sandbox was faster
            shutil.rmtree(new)
    return folder


class Server:
    """One PostgreSQL server: `folder/data`, `folder/superuser` (password) and a port."""

    def __init__(self, owner, record):
        self.owner, self.record, self.process = owner, record, None
        self.folder = owner.root / record["folder"]
        self.data, self.secret = self.folder / "data", self.folder / "superuser"

    def admin(self, database="postgres"):
        connection = psycopg2.connect(host="127.0.0.1", port=self.record["port"], user=SUPERUSER, dbname=database,
                                      password=self.secret.read_text(), connect_timeout=5)
        connection.autocommit = True
        return connection

    def execute(self, *statements):
        connection = self.admin()
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        finally:
            connection.close()

    def initialise(self, snapshot=None):
        account = self.owner.account
        self.folder.mkdir(exist_ok=True)
        account.let_in(self.folder)
        source = snapshot or empty_cluster(account)
        if source:
            # cp keeps the owner, and takes a fifth of shutil's time.
            subprocess.run(["cp", "-a", str(source / "data"), str(self.data)], check=True, capture_output=True)
            write_private(self.secret, (source / "superuser").read_text())
        else:
            init_cluster(account, self.folder)

    def start(self):
        self.end_orphan()
        for _ in range(3):
            self.record["port"] = free_port(self.record.get("port"))
            with open(self.owner.logs / f"postgres-{self.record['folder']}.log", "a") as log:
                self.process = self.owner.account.start(
                    [str(BIN / "postgres"), "-D", str(self.data), "-p", str(self.record["port"])], log)
            deadline = time.monotonic() + 60
            while self.process.poll() is None and time.monotonic() < deadline:
                try:
                    self.admin().close()
                    self.record["pid"] = self.process.pid
                    return
                except psycopg2.OperationalError as error:
                    if "authentication failed" in str(error):
                        # Another PostgreSQL took the port in between.
                        break
                    time.sleep(0.02)
            self.stop()
            self.record["port"] = None
        raise RuntimeError(f"PostgreSQL of {self.record['identifier']} does not start: see the sandbox's log folder")

    def revive(self):
        """Starts the server again if it has died, on the same port."""
        with self.owner.lock:
            if self.process is not None and self.process.poll() is not None:
                self.start()
                self.owner.save()

    def stop(self):
        """Stops the server in fast mode: it disconnects its clients and writes its data."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait(10)
        self.process, self.record["pid"] = None, None

    def end_orphan(self):
        """Stops a server that a killed sandbox left running on this data. Another process with the same id is left alone."""
        try:
            process = psutil.Process(int((self.data / "postmaster.pid").read_text().split("\n", 1)[0]))
            name = Path(process.cmdline()[0]).name
            # PostgreSQL's working directory is its data folder, also if the folder has been moved since the start.
            is_ours = name.startswith("postgres") and str(self.data) in (process.cwd(), *process.cmdline())
        except (OSError, ValueError, IndexError, psutil.Error):
            return      # no such process: PostgreSQL removes the file by itself
        if is_ours:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except psutil.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)
                process.wait(10)
        elif not name.startswith("postgres"):
            (self.data / "postmaster.pid").unlink()


class Databases:
    """All servers, by the ARN of their cluster. `clusters.json` lists them for clients."""

    def __init__(self, home, changed=lambda: None):
        self.home, self.root, self.logs = Path(home), Path(home) / "postgres", Path(home) / "log"
        self.account, self.changed = Account(home), changed
        self.lock, self.servers = threading.RLock(), {}
        self.root.mkdir(exist_ok=True)
        self.account.let_in(self.root)
        self.file = self.home / "clusters.json"
        for record in json.loads(self.file.read_text()) if self.file.exists() else []:
            self.servers[record["arn"]] = Server(self, record)

    def save(self):
        write_private(self.file, json.dumps([server.record for server in self.servers.values()], indent=1))
        self.changed()

    def start(self):
        """Starts the servers of the last run, all at the same time: each takes a moment, and there may be a dozen."""
        failures = []

        def start(server):
            try:
                server.start()
            except Exception as error:  # raised below, after all have been tried
                failures.append(error)
        threads = [threading.Thread(target=start, args=(server,)) for server in self.servers.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.save()
        if failures:
            raise failures[0]

    def stop(self):
        with self.lock:
            for server in self.servers.values():
                if server.process:
                    server.process.send_signal(signal.SIGINT)
            for server in self.servers.values():
                server.stop()
            self.save()

    def create(self, arn, identifier, user, password, database=None, snapshot=None):
        """Creates a server with its master user. From a snapshot, it has the snapshot's content and a new password."""
        record = {"identifier": identifier, "arn": arn, "port": None, "pid": None, "master_user": user,
                  "folder": f"{arn.split(':')[3]}-{identifier}"}
        self.remove(arn)    # left behind if the sandbox was killed while it created the server
        with self.lock:
            server = self.servers[arn] = Server(self, record)
        try:
            server.end_orphan()
            shutil.rmtree(server.folder, ignore_errors=True)
            server.initialise(self.root / "snapshots" / snapshot if snapshot else None)
            server.start()
            name, secret = sql.Identifier(user), sql.Literal(password)
            if snapshot:
                server.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, secret))
            else:
                server.execute(
                    "CREATE ROLE rds_superuser NOLOGIN",
                    "GRANT pg_monitor, pg_signal_backend, pg_checkpoint TO rds_superuser WITH ADMIN OPTION",
                    sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER CREATEDB CREATEROLE PASSWORD {}").format(name, secret),
                    sql.SQL("GRANT rds_superuser TO {}").format(name),
                    sql.SQL("ALTER DATABASE postgres OWNER TO {}").format(name),
                    sql.SQL("ALTER DATABASE template1 OWNER TO {}").format(name),
                    "CREATE DATABASE rdsadmin", "REVOKE ALL ON DATABASE rdsadmin FROM PUBLIC")
                if database and database != "postgres":
                    server.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), name))
        except BaseException:
            self.remove(arn)
            raise
        self.save()
        return record["port"]

    def set_password(self, arn, password):
        server = self.servers[arn]
        server.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(
            sql.Identifier(server.record["master_user"]), sql.Literal(password)))

    def snapshot(self, arn, name):
        """Copies a running server to `postgres/snapshots/NAME`, from which a cluster can be restored."""
        server, target = self.servers.get(arn), self.root / "snapshots" / name
        if server is None:
            return
        shutil.rmtree(target, ignore_errors=True)
        (target / "data").mkdir(parents=True)
        for folder in (target.parent, target):
            self.account.let_in(folder)
        self.account.give(target / "data")
        self.account.run([str(BIN / "pg_basebackup"), "-D", str(target / "data"), "-h", "127.0.0.1", "-p",
                          str(server.record["port"]), "-U", SUPERUSER, "-X", "fetch", "-c", "fast", "--no-sync", "-w"],
                         env={**os.environ, "PGPASSWORD": server.secret.read_text()})
        write_private(target / "superuser", server.secret.read_text())

    def remove(self, arn):
        with self.lock:
            server = self.servers.pop(arn, None)
        if server:
            server.stop()
            shutil.rmtree(server.folder, ignore_errors=True)
            self.save()

    def reset(self):
        """Removes all clusters and snapshots."""
        for arn in list(self.servers):
            self.remove(arn)
        shutil.rmtree(self.root / "snapshots", ignore_errors=True)
