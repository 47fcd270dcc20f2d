"""Measures tenants on a real Odoo in the sandbox: the time of a deployment and an upgrade, and the memory of a large pool.

    python3 benches/odoo.py --konta target/release/konta --tenants 98

It prints a table; docs/benchmarks.md has figures and the machine that they are from. It needs Python 3 and what `--with-odoo` needs.
A load balancer's 100 rules leave room for 98 tenants in a cell.
"""
import argparse
import concurrent.futures
import http.client
import json
import os
import shutil
import ssl
import statistics
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def row(what, value):
    print(f"{what:<70} {value}", flush=True)


class World:
    def __init__(self, konta, folder):
        self.konta, self.folder = str(Path(konta).resolve()), folder
        shutil.copytree(ROOT / "manifests", folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".konta"))
        environment = folder / "environments/prod.yml"
        environment.write_text(environment.read_text().replace("tenants_per_cell: 90", "tenants_per_cell: 98")
                               .replace("  tasks: 2", "  tasks: 1"))
        for file in (folder / "tenants").iterdir():
            file.unlink()

    def tenant(self, name, tier):
        (self.folder / f"tenants/{name}.yml").write_text(f"tier: {tier}\nhosts: [{name}.konta.shop]\n")

    def run(self, *arguments):
        began = time.monotonic()
        done = subprocess.run([self.konta, "-w", str(self.folder), *arguments, "--sandbox", "--with-odoo", "--yes", "-o", "json"],
                              capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"konta {' '.join(arguments)}: {done.stderr[-2000:]}")
        return time.monotonic() - began

    @property
    def ready(self):
        return json.loads((self.folder / ".konta/sandbox/ready.json").read_text())

    def page(self, host, path="/"):
        """The status and the seconds of one request on a new connection, as for a new visitor."""
        began = time.monotonic()
        connection = http.client.HTTPSConnection("127.0.0.1", self.ready_port, timeout=120, context=CONTEXT)
        connection.request("GET", path, headers={"Host": host})
        status = connection.getresponse().read() and 200
        connection.close()
        return status, time.monotonic() - began

    def tasks(self):
        with urllib.request.urlopen(self.ready["endpoint"] + "/_konta/tasks") as answer:
            return json.load(answer)["tasks"]

    def sql(self, statement):
        cluster = json.loads((self.folder / ".konta/sandbox/clusters.json").read_text())[0]
        password = (self.folder / ".konta/sandbox/postgres" / cluster["folder"] / "superuser").read_text()
        task = Path(self.tasks()[0]["folder"])
        done = subprocess.run([str(task / "enter"), "env", f"PGPASSWORD={password}", "PGOPTIONS=", "PGUSER=rdsadmin", "psql", "-At",
                               "-d", "postgres", "-c", statement], capture_output=True, text=True)
        return done.stdout.strip()


CONTEXT = ssl._create_unverified_context()  # the authority is the sandbox's own


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--konta", default=str(ROOT / "target/release/konta"))
    parser.add_argument("--tenants", type=int, default=98)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        world = World(options.konta, Path(folder))
        try:
            measure(world, options.tenants)
        finally:
            subprocess.run([world.konta, "-w", folder, "sandbox", "stop"], capture_output=True)


def measure(world, tenants):
    world.tenant("first", "production")
    row("the first tenant of a tier: environment, cell, template, copy", f"{world.run('deploy', 'tenant', 'first'):.1f} s")
    world.ready_port = world.ready["https_port"]
    world.tenant("next", "production")
    seconds = world.run("deploy", "tenant", "next")
    row("the next of its tier (dedicated), until it answers", f"{seconds:.1f} s, its login page {world.page('next.konta.shop', '/web/login')[1]:.1f} s more")
    world.tenant("shop-0", "catalogue")
    row("the first pooled tenant: pool, template, copy", f"{world.run('deploy', 'tenant', 'shop-0'):.1f} s")
    world.tenant("shop-1", "catalogue")
    row("the next pooled one", f"{world.run('deploy', 'tenant', 'shop-1'):.1f} s")
    row("upgrade of one module (stock) of a dedicated tenant, page to page", f"{world.run('tenant', 'upgrade', 'next', '--modules', 'stock'):.1f} s")
    row("upgrade of all its modules", f"{world.run('tenant', 'upgrade', 'next'):.1f} s")
    for name in ("first", "next"):
        world.run("tenant", "suspend", name)     # their memory and connections are not the pool's
    for number in range(2, tenants - 2):
        world.tenant(f"shop-{number}", "catalogue")
    seconds = world.run("deploy", "tenant", "--all")
    count = tenants - 2
    row(f"{count - 2} more pooled tenants in one command", f"{seconds:.0f} s, {seconds / (count - 2):.2f} s each")
    pool = world.tasks()[0]
    row("pool, its tenants not yet visited: memory", f"{pool['memory'] / 1e6:.0f} MB")
    first = [world.page(f"shop-{n}.konta.shop")[1] for n in range(count)]
    row("first visit of each tenant: median, longest", f"{statistics.median(first) * 1000:.0f} ms, {max(first) * 1000:.0f} ms")
    again = [world.page(f"shop-{n}.konta.shop")[1] for n in range(count)]
    row("second visit: median, longest", f"{statistics.median(again) * 1000:.0f} ms, {max(again) * 1000:.0f} ms")
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(4) as clients:
        times = sorted(clients.map(lambda n: world.page(f"shop-{n % count}.konta.shop")[1], range(count * 5)))
    spent = time.monotonic() - began
    row(f"{len(times)} visits by 4 clients: median, 95 of 100, a second",
        f"{times[len(times) // 2] * 1000:.0f} ms, {times[len(times) * 95 // 100] * 1000:.0f} ms, {len(times) / spent:.0f}")
    pool = world.tasks()[0]
    row(f"pool, {count} tenants visited: memory", f"{pool['memory'] / 1e6:.0f} MB")
    row("connections of the pool", world.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'konta_pool'"))
    row("size of a tenant's database, of the cluster", world.sql(
        "SELECT pg_size_pretty(pg_database_size('shop_0')) || ', ' || pg_size_pretty(sum(pg_database_size(oid))) FROM pg_database"))
    world.run("tenant", "resume", "next")
    world.run("tenant", "move", "next", "--cell", "2")  # the cell is made on the way, so the way back is measured
    row("move of it from one cell to another, page of maintenance to answer", f"{world.run('tenant', 'move', 'next', '--cell', '1'):.1f} s")


if __name__ == "__main__":
    main()
