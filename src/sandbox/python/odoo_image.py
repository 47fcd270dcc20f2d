"""The Odoo that the sandbox runs instead of the official image: Debian's package, unpacked into a folder and not installed.

    python odoo_image.py DIR

DIR then has `bin/` (odoo and python3, for PATH), `entrypoint.sh` and `image.json`, which is written last.
This needs apt and dpkg, a Debian mirror in the system's sources and, once, a package index. It downloads about 350 MB and
needs 1.2 GB of disk space.
"""
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

SERIES = "19"
PACKAGES = ("odoo-19", "libjs-jquery", "libjs-jquery-form", "libjs-underscore", "fonts-font-awesome",
            "fonts-glyphicons-halflings", "fonts-inconsolata", "fonts-montserrat", "fonts-ocr-b", "fonts-roboto-unhinted",
            "gsfonts")    # odoo-19 has links to web files of the other packages; without them every page is an error
PYTHON = (
    "asn1crypto Babel==2.10.3 cbor2 chardet cryptography==42.0.8 docutils==0.20.1 freezegun geoip2 gevent==24.11.1 greenlet "
    "idna isodate Jinja2==3.1.2 libsass lxml==5.2.1 lxml_html_clean==0.4.4 MarkupSafe==2.1.5 num2words ofxparse openpyxl "
    "passlib Pillow==10.2.0 polib psutil psycopg2-binary==2.9.9 pyOpenSSL==24.1.0 pypdf pyserial python-dateutil "
    "python-magic python-stdnum pytz pyusb qrcode reportlab rl_renderPM requests rjsmin setuptools<66 urllib3 vobject "
    "Werkzeug==3.0.1 xlrd xlsxwriter xlwt zeep").split()
# The official image's entry point, as far as konta's tasks need it: it waits for the database and runs Odoo, or runs any
# other command. Odoo finds the database in the environment and the configuration, so no option names it.
ENTRYPOINT = """#!/bin/bash
set -e
case "$1" in
  -- | odoo)
    shift
    [ "$1" = scaffold ] || python3 "$(dirname "$0")/wait-for-psql.py"
    exec odoo "$@" ;;
  -*)
    python3 "$(dirname "$0")/wait-for-psql.py"
    exec odoo "$@" ;;
  *)
    exec "$@" ;;
esac
"""
WAIT_FOR_PSQL = """import sys, time, psycopg2
deadline = time.monotonic() + 30
while True:
    try:
        psycopg2.connect(dbname='postgres').close()
        break
    except psycopg2.OperationalError as error:
        if time.monotonic() > deadline:
            sys.exit(f'Database connection failure: {error}')
        time.sleep(1)
"""


class Missing(Exception):
    """Something that the system must provide is missing."""


def debian_source():
    """The address and the key of the Debian mirror that the system uses."""
    for file in [*Path("/etc/apt/sources.list.d").glob("*.sources")]:
        text = file.read_text()
        address = re.search(r"^URIs:\s*(\S*debian\S*)", text, re.M)
        key = re.search(r"^Signed-By:\s*(\S+)", text, re.M)
        if address and "security" not in address[1]:
            return address[1], key[1] if key else "/usr/share/keyrings/debian-archive-keyring.gpg"
    lists = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*.list")]
    for file in lists:
        for line in file.read_text().splitlines() if file.exists() else []:
            found = re.match(r"deb\s+(?:\[[^]]*\]\s+)?(\S*debian\S*)\s", line)
            if found and "security" not in found[1]:
                return found[1], "/usr/share/keyrings/debian-archive-keyring.gpg"
    raise Missing("no Debian mirror is configured in /etc/apt")


def run(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, **more)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()[-5:]
        raise Missing(f"{Path(command[0]).name} failed: " + "\n".join(lines))
    return done.stdout


def unpack(folder, say):
    for tool in ("apt-get", "dpkg"):
        if not shutil.which(tool):
            raise Missing(f"{tool} is missing; the sandbox can run an Odoo only on Debian")
    address, key = debian_source()
    apt, debs = folder / "apt", folder / "debs"
    for path in (apt / "lists" / "partial", apt / "cache" / "archives" / "partial", debs):
        path.mkdir(parents=True, exist_ok=True)
    source = apt / "sid.sources"
    source.write_text(f"Types: deb\nURIs: {address}\nSuites: sid\nComponents: main\nSigned-By: {key}\n")
    options = [f"-oDir::Etc::sourcelist={source}", "-oDir::Etc::sourceparts=-", f"-oDir::State::lists={apt}/lists",
               f"-oDir::Cache={apt}/cache", "-oAPT::Sandbox::User=root", "-oAcquire::Retries=3"]
    say("fetching Debian's package odoo-19")
    run(["apt-get", *options, "-qq", "update"])
    run(["apt-get", *options, "-qq", "download", *PACKAGES], cwd=debs)
    for deb in sorted(debs.glob("*.deb")):
        run(["dpkg", "-x", str(deb), str(folder / "tree")])
    for done in (apt, debs):
        shutil.rmtree(done)


def install_python(folder, say):
    say("installing the Python packages that Odoo needs")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    run([sys.executable, "-m", "venv", str(folder / "venv")], env=environment)
    run([str(folder / "venv/bin/python"), "-m", "pip", "install", "-q", "--disable-pip-version-check",
         "--root-user-action=ignore", *PYTHON], env=environment)


def script(path, text):
    path.write_text(text)
    path.chmod(0o755)


def finish(folder):
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    tree = folder / "tree"
    python = f'PYTHONPATH="{tree}/usr/lib/python3/dist-packages" exec "{folder}/venv/bin/python"'
    script(tools / "python3", f'#!/bin/sh\n{python} "$@"\n')
    script(tools / "odoo", f'#!/bin/sh\n{python} "{tree}/usr/bin/odoo" "$@"\n')
    script(folder / "entrypoint.sh", ENTRYPOINT)
    (folder / "wait-for-psql.py").write_text(WAIT_FOR_PSQL)
    version = run([str(tools / "odoo"), "--version"]).strip()
    if not re.search(rf"\b{SERIES}\.", version):
        raise Missing(f"the package is {version}, not Odoo {SERIES}")
    (folder / "image.json").write_text(json.dumps({"version": version, "series": SERIES}))


def ready(folder):
    """The content of image.json, or None if the image is not complete."""
    try:
        return json.loads((Path(folder) / "image.json").read_text())
    except (OSError, ValueError):
        return None


def provide(folder, say=print):
    """Makes the image unless it exists. An incomplete one is made again from the start."""
    folder = Path(folder).resolve()
    if not ready(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for part in ("apt", "debs", "tree", "venv"):
            shutil.rmtree(folder / part, ignore_errors=True)
        unpack(folder, say)
        install_python(folder, say)
        finish(folder)
    return ready(folder)


if __name__ == "__main__":
    try:
        print(provide(sys.argv[1], lambda text: print(text, flush=True))["version"])
    except Missing as error:
        sys.exit(str(error))
