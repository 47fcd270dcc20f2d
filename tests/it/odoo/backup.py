"""Backs up, wipes, restores, undoes and copies tenants of a real Odoo, also when killed at any step. Checks what a visitor sees.

    python3 tests/it/odoo/backup.py KONTA WORKSPACE TENANT [COPY [quick]]

The tenants of WORKSPACE must be deployed by `konta --sandbox --with-odoo`. Run this with the sandbox's python
(WORKSPACE/.konta/sandbox/venv/bin/python), which has psycopg2. It changes and breaks TENANT, and makes COPY a copy of it.
"""
import base64
import contextlib
import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg2

KONTA, WORKSPACE, TENANT = sys.argv[1:4]
COPY = sys.argv[4] if len(sys.argv) > 4 else None
QUICK = sys.argv[5:] == ['quick']   # fewer moments to kill at
HOME = Path(WORKSPACE) / '.konta/sandbox'
READY = json.loads((HOME / 'ready.json').read_text())
INSECURE = ssl._create_unverified_context()


def konta(*words, check=True):
    done = subprocess.run([KONTA, '-w', WORKSPACE, '--sandbox', '-y', '-o', 'json', *words], capture_output=True, text=True)
    if check and done.returncode:
        raise AssertionError(f'konta {words} ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}')
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"event":"result"')]
    return lines[-1] if lines else json.loads(done.stdout) if done.stdout.startswith(('{\n', '[\n')) else {}


def password(tenant):
    return konta('tenant', 'password', tenant)['password']


class Visitor:
    """A browser with a session."""

    def __init__(self, tenant):
        self.host, self.cookie, self.password = f'{tenant}.konta.shop', None, password(tenant)

    def ask(self, method, path, body=None):
        connection = http.client.HTTPSConnection('127.0.0.1', READY['https_port'], timeout=60, context=INSECURE)
        headers = {'Host': self.host, **({'Cookie': self.cookie} if self.cookie else {})}
        if body is not None:
            headers['Content-Type'] = 'application/json'
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            for cookie in answer.headers.get_all('Set-Cookie') or []:
                if cookie.startswith('session_id='):
                    self.cookie = cookie.split(';')[0]
            return answer.status, answer.read(), answer.headers

    def rpc(self, path, **parameters):
        body = json.dumps({'jsonrpc': '2.0', 'method': 'call', 'params': parameters})
        status, text, _ = self.ask('POST', path, body)
        answer = json.loads(text)
        if status != 200 or 'error' in answer:
            raise AssertionError(f'{path}: {status} {text[:800]}')
        return answer['result']

    def login(self, database):
        return self.rpc('/web/session/authenticate', db=database, login='admin', password=self.password)['uid']

    def call(self, model, method, *arguments, **named):
        return self.rpc(f'/web/dataset/call_kw/{model}/{method}', model=model, method=method, args=list(arguments), kwargs=named)


def sql(database, statement, *parameters):
    """Runs a statement as the server's superuser, whatever konta has locked."""
    folder = json.loads((HOME / 'clusters.json').read_text())[0]['folder']
    connection = psycopg2.connect(host='127.0.0.1', port=READY['postgres_port'], dbname=database, user='rdsadmin',
                                  password=(HOME / 'postgres' / folder / 'superuser').read_text())
    connection.autocommit = True
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else None


def databases():
    return {name for (name,) in sql('postgres', 'SELECT datname FROM pg_database')}


def filestore(database):
    found = list((HOME / 'files').glob(f'*/*/filestore/{database}'))
    assert len(found) == 1, found
    return found[0]


def state(visitor, database):
    """The names of partners and attachments, which differ between two histories of a tenant."""
    visitor.login(database)
    names = visitor.call('res.partner', 'search_read', [['name', '=like', 'life %']], ['name'])
    files = visitor.call('ir.attachment', 'search_read', [['name', '=like', 'life %']], ['name'])
    for file in files:
        status, content, _ = visitor.ask('GET', f'/web/content/{file["id"]}?download=1')
        assert (status, content) == (200, file['name'].encode() * 100), (status, content[:100])
    status, page, _ = visitor.ask('GET', '/web/login')
    assert status == 200 and b'name="password"' in page, status
    return sorted(n['name'] for n in names), sorted(f['name'] for f in files)


def add(visitor, database, what):
    visitor.login(database)
    visitor.call('res.partner', 'create', {'name': f'life {what}'})
    content = base64.b64encode(f'life {what}'.encode() * 100).decode()
    visitor.call('ir.attachment', 'create', {'name': f'life {what}', 'datas': content})


def counts(database):
    tables = [t for (t,) in sql(database, "SELECT tablename FROM pg_tables WHERE schemaname='public' ORDER BY 1")]
    return {t: sql(database, f'SELECT count(*) FROM public."{t}"')[0][0] for t in tables if 'signaling' not in t}


def wiped(database):
    shutil.rmtree(filestore(database))
    sql(database, 'DROP SCHEMA public CASCADE')
    sql(database, 'CREATE SCHEMA public')


def wipe_and_restore(visitor, database):
    stamp = str(int(time.time()))
    add(visitor, database, f'{stamp} kept')
    kept = state(visitor, database)
    made = konta('tenant', 'backup', TENANT)
    before = counts(database)
    files = {str(p.relative_to(filestore(database))) for p in filestore(database).glob('[0-9a-f][0-9a-f]/*')}
    add(visitor, database, f'{stamp} lost')
    later = state(visitor, database)
    assert later != kept
    konta('tenant', 'restore', TENANT)
    assert state(visitor, database) == kept, 'a restore brings back what was backed up'
    assert konta('tenant', 'restore', TENANT)['stood_already'], 'the same command again loses nothing'
    # Garbage collection in the restored database removes this file: no attachment there names it.
    where = f"SELECT store_fname FROM ir_attachment WHERE name = 'life {stamp} lost'"
    (lost,), = sql(f'{database}__before', where)
    (filestore(database) / lost).unlink()
    konta('tenant', 'restore', TENANT, '--undo')
    assert state(visitor, database) == later, 'undone, it is as before, with its files'
    konta('tenant', 'restore', TENANT, '--undo')
    assert state(visitor, database) == later, 'undone twice is undone once'
    wiped(database)
    konta('tenant', 'restore', TENANT)
    assert state(visitor, database) == kept
    named = {name for (name,) in sql(database, 'SELECT store_fname FROM ir_attachment WHERE store_fname IS NOT NULL')}
    assert named <= {str(p.relative_to(filestore(database))) for p in filestore(database).glob('[0-9a-f][0-9a-f]/*')}
    assert named >= files & named
    # A file that is lost for good is reported before anything is undone.
    add(visitor, database, f'{stamp} lost again')
    konta('tenant', 'restore', TENANT, '--again')
    (lost,), = sql(f'{database}__before', where.replace('lost', 'lost again'))
    for folder in (filestore(database), filestore(f'{database}__before')):
        (folder / lost).unlink()
    said = konta('tenant', 'restore', TENANT, '--undo', check=False)
    assert state(visitor, database) == kept, said
    konta('tenant', 'restore', TENANT, '--undo', '--anyway')
    visitor.login(database)
    assert visitor.call('res.partner', 'search_count', [['name', '=', f'life {stamp} lost again']]) == 1
    konta('tenant', 'restore', TENANT, '--again')
    konta('tenant', 'restore', TENANT, '--drop-before')
    assert not list((HOME / 'files').glob(f'*/*/filestore/{database}__before'))
    assert state(visitor, database) == kept
    print(f'wiped and restored {made["id"]}: {made["rows"]} rows, {made["files"]} files, {made["bytes"]} bytes, {made["seconds"]} s')
    return kept, before


def a_lost_filestore_prunes_nothing(database):
    konta('tenant', 'backup', TENANT)
    folder = filestore(database)
    aside = folder.with_name(f'{database}-aside')
    folder.rename(aside)
    done = subprocess.run([KONTA, '-w', WORKSPACE, '--sandbox', '-y', '-o', 'json', 'tenant', 'backup', TENANT], capture_output=True,
                          text=True)
    assert done.returncode == 1, (done.stdout, done.stderr)
    said = json.loads(done.stdout.splitlines()[-1])
    assert not said['ok'] and said['files_lost'] > said['files_lost_before'] and said['deleted'] == [], said
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)
    assert konta('tenant', 'backup', TENANT)['ok']
    print(f'a backup without its filestore: {said["files_lost"]} files lost, told, nothing deleted')


class Watch:
    """A visitor who requests the login page all the time, and counts failures."""

    def __init__(self, tenant):
        self.visitor, self.bad, self.good, self.stop = Visitor(tenant), [], 0, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def run(self):
        while not self.stop.is_set():
            try:
                status, _, _ = self.visitor.ask('GET', '/web/login')
            except OSError as error:
                status = str(error)
            if status == 200:
                self.good += 1
            else:
                self.bad.append(status)


def killed_at(line, delay, *words):
    """Runs a command and kills it at its n-th event, or shortly after. Returns that event, or None if the command ended before."""
    process = subprocess.Popen([KONTA, '-w', WORKSPACE, '--sandbox', '-y', '-o', 'json', *words], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)
    seen = 0
    for text in process.stdout:
        if text.startswith('{"event":"result"'):
            break
        seen += 1
        if seen == line:
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            process.wait()
            return text.strip()
    process.wait()
    return None


def kill_everywhere(visitor, database, kept):
    """Kills a restore at each event, and within the swap. Odoo then serves one of the two histories, and the same command completes
    the restore."""
    places = [(line, 0) for line in range(1, 7)] + [(line, d / 1000) for line in (1, 5) for d in (8, 16, 25, 40, 70, 120)]
    places = places[::3] if QUICK else places
    ended = {'old': 0, 'new': 0}
    for line, delay in places:
        add(visitor, database, 'changed')
        changed = state(visitor, database)
        assert changed != kept
        at = killed_at(line, delay, 'tenant', 'restore', TENANT, '--again')
        assert at is not None, line
        found = state(visitor, database)
        assert found in (changed, kept), (at, found)
        ended['new' if found == kept else 'old'] += 1
        konta('tenant', 'restore', TENANT, *([] if found == kept else ['--again']))
        assert state(visitor, database) == kept, at
    print(f'killed at {len(places)} moments of a restore; the tenant then served {ended}, and the same command completed each')


def end_task(database):
    """Kills the task whose command names the database."""
    for folder in Path('/proc').glob('[0-9]*'):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            words = (folder / 'cmdline').read_bytes().split(b'\0')
            if len(words) > 5 and json.loads(words[5]).get('database') == database:
                os.kill(int(folder.name), signal.SIGKILL)


def kill_the_task(visitor, database, kept):
    """Kills the task of a restore, at several moments."""
    for delay in (1.5,) if QUICK else (0.3, 1.5, 4.0):
        add(visitor, database, 'changed')
        changed = state(visitor, database)
        process = subprocess.Popen([KONTA, '-w', WORKSPACE, '--sandbox', '-y', 'tenant', 'restore', TENANT, '--again'],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        # The title of the step whose task is killed.
        assert any('count rows and files' in text for text in process.stderr), 'no restore was begun'
        time.sleep(delay)
        end_task(f'{database}__restore')
        said = process.communicate()[1]
        assert process.returncode == 1, said
        assert state(visitor, database) == changed, said
    konta('tenant', 'restore', TENANT, '--again')
    assert state(visitor, database) == kept
    print('killed the task: the tenant served what it had')


def copy(database):
    other = COPY.replace('-', '_')
    uuid = 'SELECT value FROM ir_config_parameter WHERE key = %s'
    konta('tenant', 'clone', TENANT, '--as', COPY)
    for key in ('database.uuid', 'database.secret'):
        assert sql(other, uuid, key) != sql(database, uuid, key), key
    assert sql(other, uuid, 'web.base.url') == [(f'https://{COPY}.konta.shop',)]
    assert sql(other, uuid, 'database.is_neutralized') == [('true',)]
    assert sql(other, 'SELECT count(*) FROM ir_mail_server WHERE active AND smtp_host <> %s', 'invalid') == [(0,)]
    print('active crons', sql(database, 'SELECT count(*) FROM ir_cron WHERE active'), '->',
          sql(other, 'SELECT count(*) FROM ir_cron WHERE active'))
    # The copy has a password of its own; the original's does not open it.
    visitor = Visitor(COPY)
    state(visitor, other)
    visitor.password = password(TENANT)
    try:
        visitor.login(other)
    except AssertionError:
        pass
    else:
        raise AssertionError("the original's password opens the copy")
    status, robots, _ = visitor.ask('GET', '/robots.txt')
    assert status == 200 and b'Disallow: /\n' in robots + b'\n', robots
    status, page, headers = visitor.ask('GET', '/web/login')
    assert headers.get('X-Robots-Tag') == 'noindex, nofollow', dict(headers)
    _, _, own = Visitor(TENANT).ask('GET', '/web/login')
    assert own.get('X-Robots-Tag') is None, dict(own)
    print('copied: own id, secret and address, no mail, no robots')


def main():
    database, visitor = TENANT.replace('-', '_'), Visitor(TENANT)
    kept, before = wipe_and_restore(visitor, database)
    after = counts(database)
    moved = {t: (n, after.get(t)) for t, n in before.items() if after.get(t) != n}
    print('rows that differ after the restore and a login:', moved)
    with Watch(TENANT) as watch:
        konta('tenant', 'restore', TENANT, '--again')
    print(f'during a restore: {watch.good} pages, others: {watch.bad}')
    assert state(visitor, database) == kept
    kill_everywhere(visitor, database, kept)
    kill_the_task(visitor, database, kept)
    assert not [d for d in databases() if d.startswith(f'{database}__') and d != f'{database}__before']
    if COPY:
        copy(database)
    a_lost_filestore_prunes_nothing(database)
    print('all well')


main()
