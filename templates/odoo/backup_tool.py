"""Backs a tenant up to S3 and restores it, inside a one-off task of the tenant's own image.

    python3 backup_tool.py '{"verb": "backup", "bucket": "b", "region": "eu-west-1", "prefix": "acme/20261125T033000Z", ...}'

Verbs: `backup` writes database.dump, filestore.tar and, last, manifest.json under the prefix: without the last it is no backup.
`restore` reads them into a new, empty database that konta has made, adds the files to the tenant's, and counts; `check` does the
same and keeps no file. `hold` keeps the files of the database before, `giveback` gives them back before an undoing, `letgo` lets go. With `result`, what came of it is written under that key, also when it fails.

Streams: a database or a filestore is never whole in memory or on the task's disk. Needs psycopg2, pg_dump and pg_restore, which
the official image has. Connects with PG*; takes the task role's credentials where ECS offers them.
"""
import configparser
import contextlib
import datetime
import hashlib
import hmac
import http.client
import json
import os
import random
import re
import secrets
import shutil
import subprocess
import sys
import tarfile
import threading
import time
import traceback
import urllib.error
import urllib.parse
import urllib.request
import uuid
import xml.etree.ElementTree as xml

import psycopg2

FORMAT = 1
MIB = 1024 * 1024
ATTEMPTS = 7  # of each call to S3, over about two minutes
UNCHECKED = re.compile(r'^(.*_)?signaling(_.*)?$')  # counters by which running tasks tell each other of changes


class Failure(Exception):
    """Something that the operator should read as it stands."""


class Refused(Failure):
    """S3's answer to a call that it understood: its code, such as NoSuchUpload, is in the text."""


def say(text):
    print(text, flush=True)


# --- S3, as little of it as is needed ----------------------------------------------------------------------------------
class Credentials:
    """The task role's, asked for again before they end; else those of the environment, as a test has them."""

    def __init__(self):
        self._ends, self._keys = 0.0, None

    def get(self):
        relative, full = (os.environ.get(f'AWS_CONTAINER_CREDENTIALS_{kind}_URI') for kind in ('RELATIVE', 'FULL'))
        if not relative and not full:
            environ = os.environ
            return environ.get('AWS_ACCESS_KEY_ID', ''), environ.get('AWS_SECRET_ACCESS_KEY', ''), environ.get('AWS_SESSION_TOKEN')
        if time.time() > self._ends - 300:
            token = os.environ.get('AWS_CONTAINER_AUTHORIZATION_TOKEN')
            request = urllib.request.Request(f'http://169.254.170.2{relative}' if relative else full,
                                             headers={'Authorization': token} if token else {})
            with urllib.request.urlopen(request, timeout=10) as answer:
                found = json.load(answer)
            ends = datetime.datetime.fromisoformat((found.get('Expiration') or '2100-01-01T00:00:00Z').replace('Z', '+00:00'))
            self._ends = ends.timestamp()
            self._keys = found['AccessKeyId'], found['SecretAccessKey'], found.get('Token')
        return self._keys


class Bucket:
    def __init__(self, name, region):
        self.region, self.credentials = region, Credentials()
        endpoint = os.environ.get('AWS_ENDPOINT_URL')
        domain = 'amazonaws.com.cn' if region.startswith('cn-') else 'amazonaws.com'
        # A bucket's own host name leads nowhere at an endpoint of one's own.
        self.base = f'{endpoint.rstrip("/")}/{name}' if endpoint else f'https://{name}.s3.{region}.{domain}'

    def sign(self, method, url, body, headers):
        """Signature version 4. Source: Amazon S3 API reference, "Authenticating Requests: Using the Authorization Header"."""
        key, secret, token = self.credentials.get()
        parts = urllib.parse.urlsplit(url)
        now = datetime.datetime.now(datetime.timezone.utc).strftime('%Y%m%dT%H%M%SZ')
        headers = {**headers, 'host': parts.netloc, 'x-amz-date': now, 'x-amz-content-sha256': hashlib.sha256(body).hexdigest()}
        if token:
            headers['x-amz-security-token'] = token
        names = ';'.join(sorted(headers))
        canonical = '\n'.join([method, parts.path, parts.query, *(f'{n}:{headers[n]}' for n in sorted(headers)), '', names,
                               headers['x-amz-content-sha256']])
        scope = f'{now[:8]}/{self.region}/s3/aws4_request'
        text = f'AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}'
        signer = f'AWS4{secret}'.encode()
        for piece in (*scope.split('/'), text):
            signature = hmac.new(signer, piece.encode(), hashlib.sha256)
            signer = signature.digest()
        headers['authorization'] = (f'AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, '
                                    f'Signature={signature.hexdigest()}')
        return headers

    def open(self, method, key, query=(), body=b'', headers=None):
        """One call, tried again where S3 or the network fails for a moment; the answer is to be closed."""
        url = f'{self.base}/{urllib.parse.quote(key, safe="/-_.~")}'
        if query:
            url += '?' + '&'.join(f'{name}={urllib.parse.quote(str(value), safe="-_.~")}' for name, value in sorted(query))
        for attempt in range(1, ATTEMPTS + 1):
            try:
                signed = self.sign(method, url, body, headers or {})
                request = urllib.request.Request(url, body or None, signed, method=method)
                return urllib.request.urlopen(request, timeout=60)
            except urllib.error.HTTPError as error:
                text = error.read(2000).decode('utf-8', 'replace')
                # Where a connection was too slow S3 says so with 400. Source: Amazon S3 API reference, "Error responses".
                passes = error.code >= 500 or error.code in (408, 429) or '<Code>RequestTimeout</Code>' in text
                if attempt == ATTEMPTS or not passes:
                    raise Refused(f'S3 refused {method} {key}: {error.code} {text}') from None
            except (OSError, http.client.HTTPException) as error:
                if attempt == ATTEMPTS:
                    raise Failure(f'S3 could not be reached for {method} {key}: {error}') from None
            time.sleep(random.uniform(0.5, 1) * 2 ** (attempt - 1))

    def call(self, *arguments, **named):
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self.open(*arguments, **named) as answer:
                    return answer.read(), answer.headers
            except (OSError, http.client.HTTPException) as error:  # within the answer
                if attempt == ATTEMPTS:
                    raise Failure(f'S3 breaks off its answer to {arguments[:2]}: {error}') from None
                time.sleep(2 ** attempt)

    def read(self, key):
        """An object's bytes in pieces; a broken transfer goes on where it stopped, of the same version of the object."""
        done, etag, broken, size = 0, None, 0, None
        while size is None or done < size:
            headers = {'range': f'bytes={done}-', 'if-match': etag} if done else {}
            with self.open('GET', key, headers=headers) as answer:
                size = done + int(answer.headers['Content-Length']) if size is None else size
                etag = etag or answer.headers['ETag']
                with contextlib.suppress(OSError, http.client.HTTPException):
                    while piece := answer.read(MIB):
                        done, broken = done + len(piece), 0
                        yield piece
            if done < size:
                broken += 1
                if broken == ATTEMPTS:
                    raise Failure(f'S3 breaks off {key} after {done} of {size} bytes')
                time.sleep(2 ** broken)


class Upload:
    """A file that grows into an object, piece by piece. Parts grow too: S3 takes 10,000 of them, so this ends at 5 TB or so."""

    def __init__(self, bucket, key):
        self.bucket, self.key, self.id, self.parts = bucket, key, None, []
        self.buffer, self.bytes, self.hash = bytearray(), 0, hashlib.sha256()

    def write(self, data):
        self.hash.update(data)
        self.bytes += len(data)
        self.buffer += data
        if len(self.buffer) >= (16 if len(self.parts) < 2000 else 64 if len(self.parts) < 6000 else 256) * MIB:
            self._send()
        return len(data)

    def _send(self):
        if not self.id:
            answer, _ = self.bucket.call('POST', self.key, [('uploads', '')])
            self.id = xml.fromstring(answer).find('{*}UploadId').text
        number = len(self.parts) + 1
        _, headers = self.bucket.call('PUT', self.key, [('partNumber', number), ('uploadId', self.id)], bytes(self.buffer))
        self.parts.append(headers['ETag'])
        self.buffer.clear()

    def finish(self):
        if not self.id:
            self.bucket.call('PUT', self.key, body=bytes(self.buffer))
        else:
            if self.buffer:
                self._send()
            parts = ''.join(f'<Part><PartNumber>{number}</PartNumber><ETag>{etag.replace(chr(34), "&quot;")}</ETag></Part>'
                            for number, etag in enumerate(self.parts, 1))
            body = f'<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>'.encode()
            try:
                answer, _ = self.bucket.call('POST', self.key, [('uploadId', self.id)], body)
            except Refused as refusal:
                # Asked again because the answer was lost, S3 knows no such upload any more: then the object is there, and whole.
                if '<Code>NoSuchUpload</Code>' not in str(refusal):
                    raise
                _, headers = self.bucket.call('HEAD', self.key)
                if int(headers['Content-Length']) != self.bytes:
                    raise
                answer = b''
            if b'<Error>' in answer:  # S3 may answer 200 first and fail after
                raise Failure(f'S3 could not put {self.key} together: {answer.decode("utf-8", "replace")}')
        return {'bytes': self.bytes, 'sha256': self.hash.hexdigest()}


# --- PostgreSQL --------------------------------------------------------------------------------------------------------
def connect(database):
    connection = psycopg2.connect(dbname=database, connect_timeout=60, application_name='konta_backup')
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute('SET idle_in_transaction_session_timeout = 0')
        cursor.execute('SET statement_timeout = 0')
    return connection


def rows(cursor, sql, *parameters):
    cursor.execute(sql, parameters or None)
    return cursor.fetchall()


def counts(cursor):
    tables = rows(cursor, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    found = {}
    for (table,) in tables:
        if not UNCHECKED.match(table):
            found[table] = rows(cursor, 'SELECT count(*) FROM public."{}"'.format(table.replace('"', '""')))[0][0]
    return found


def stored_files(cursor):
    """The names under which Odoo's attachments lie in the filestore: each is the checksum of its content."""
    return {name for (name,) in rows(cursor, 'SELECT DISTINCT store_fname FROM ir_attachment WHERE store_fname IS NOT NULL')}


def server_version(connection):
    return connection.server_version // 10000


def client_version():
    """The release of the image's own programs: PostgreSQL's minor releases change nothing here."""
    said = subprocess.run(['pg_dump', '--version'], stdout=subprocess.PIPE, check=True).stdout.decode()
    return int(re.search(r'\) (\d+)', said).group(1))


# --- backup ------------------------------------------------------------------------------------------------------------
def backup(job, bucket):
    folder = filestore(job)
    with contextlib.closing(connect(job['database'])) as connection, connection.cursor() as cursor:
        ours, theirs = client_version(), server_version(connection)
        if ours < theirs:
            raise Failure(f'the image has pg_dump {ours} and the database is PostgreSQL {theirs}: pg_dump takes nothing newer than '
                          f'itself. Use an image with the programs of PostgreSQL {theirs}, or an older engine_version')
        # One view of the database for everything. The lock lets visitors go on, and keeps Odoo from collecting garbage in the
        # filestore (ir_attachment, _gc_file_store): what this view names stays there until the end.
        cursor.execute('BEGIN ISOLATION LEVEL REPEATABLE READ')
        cursor.execute('LOCK TABLE ir_attachment IN ROW EXCLUSIVE MODE')
        snapshot = rows(cursor, 'SELECT pg_export_snapshot()')[0][0]
        wanted = stored_files(cursor)
        say('dumping the database')
        dump = dump_database(job, bucket, snapshot)
        say(f'archiving {len(wanted)} files')
        archive, kept, damaged = archive_files(folder, wanted, Upload(bucket, f'{job["prefix"]}/filestore.tar'))
        missing = sorted(wanted - kept)
        say('counting')
        manifest = {
            'format': FORMAT,
            'tenant': job['tenant'],
            'id': job['prefix'].rsplit('/', 1)[-1],
            'database': job['database'],
            'image': job.get('image'),
            'konta': job.get('konta'),
            'postgresql': rows(cursor, 'SHOW server_version')[0][0],
            'odoo': (rows(cursor, "SELECT latest_version FROM ir_module_module WHERE name = 'base'") or [(None,)])[0][0],
            'modules': dict(rows(cursor, "SELECT name, latest_version FROM ir_module_module WHERE state = 'installed' ORDER BY 1")),
            'objects': {'database.dump': dump, 'filestore.tar': archive},
            'rows': counts(cursor),
            'files': {'count': len(kept), 'missing': missing, 'damaged': damaged},
        }
    for what, names in (('missing', missing), ('damaged', damaged)):
        if names:
            say(f'{len(names)} attachments are {what} in the filestore itself, the first: {names[0]}')
    manifest['finished_at'] = datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
    bucket.call('PUT', f'{job["prefix"]}/manifest.json', body=json.dumps(manifest, indent=1).encode())
    return {'bytes': dump['bytes'] + archive['bytes'], 'files': len(kept), 'missing': len(missing), 'damaged': len(damaged)}


def dump_database(job, bucket, snapshot):
    upload = Upload(bucket, f'{job["prefix"]}/database.dump')
    command = ['pg_dump', '--format=custom', '--no-password', f'--snapshot={snapshot}', *role(job), job['database']]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            while piece := process.stdout.read(MIB):
                upload.write(piece)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise Failure(f'pg_dump ended with {process.returncode}; the log has its words')
    return upload.finish()


def archive_files(folder, wanted, upload):
    """Every file of the filestore into one tar; a file whose content is not what its name says is told."""
    kept, damaged = set(), []
    with tarfile.open(fileobj=upload, mode='w|', format=tarfile.PAX_FORMAT, bufsize=MIB) as archive:
        for name in sorted(wanted):
            try:
                with open(os.path.join(folder, name), 'rb') as file:
                    entry = tarfile.TarInfo(name)
                    entry.size = os.fstat(file.fileno()).st_size
                    reader = Hashing(file)
                    archive.addfile(entry, reader)
            except FileNotFoundError:
                continue
            kept.add(name)
            if not reader.agrees_with(name):
                damaged.append(name)
    return {**upload.finish(), 'files': len(kept)}, kept, damaged


class Hashing:
    """A file that works out Odoo's checksum of what is read of it."""

    def __init__(self, file):
        self.file, self.hash = file, hashlib.sha1(usedforsecurity=False)

    def read(self, size=-1):
        data = self.file.read(size)
        self.hash.update(data)
        return data

    def agrees_with(self, name):
        # Only what looks like a checksum can be told: other versions may have other names.
        stem = name.rsplit('/', 1)[-1]
        return not re.fullmatch('[0-9a-f]{40}', stem) or self.hash.hexdigest() == stem


# --- restore -----------------------------------------------------------------------------------------------------------
def restore(job, bucket):
    manifest = json.loads(bucket.call('GET', f'{job["prefix"]}/manifest.json')[0])
    if manifest.get('format') != FORMAT:
        raise Failure(f'the backup has format {manifest.get("format")}, and this konta reads {FORMAT}: use the konta that made it')
    keeps = job['verb'] == 'restore'
    folder = filestore(job) if keeps else None
    if keeps:
        # What Odoo wrote lately stands in the list of what may be garbage: once the restored database is in its place, nothing
        # there names it, and the database before would lose files that it needs when the restore is undone.
        shutil.rmtree(os.path.join(folder, 'checklist'), ignore_errors=True)
    say('restoring the database')
    restore_database(job, bucket, manifest['objects']['database.dump'])
    say('restoring the files')
    there = restore_files(bucket, f'{job["prefix"]}/filestore.tar', manifest['objects']['filestore.tar'], folder)
    say('counting')
    with contextlib.closing(connect(job['database'])) as connection, connection.cursor() as cursor:
        compare(manifest, counts(cursor), stored_files(cursor), there)
        outcome = {'tables': len(manifest['rows']), 'rows': sum(manifest['rows'].values()), 'files': manifest['files']['count']}
        if job.get('neutralize'):
            outcome.update(neutralize(job, cursor))
        if keeps:
            renew_signals(cursor)
            rest_from_garbage(cursor)
        # The planner knows nothing of tables that were filled a moment ago.
        cursor.execute('ANALYZE')
    return outcome


def restore_database(job, bucket, expected):
    with contextlib.closing(connect(job['database'])) as connection:
        server = server_version(connection)
    options = ['pg_restore', '--no-owner', '--no-acl', '--exit-on-error', *role(job)]
    if client_version() < 17 or server >= 17:
        options += ['--single-transaction', '--no-password', f'--dbname={job["database"]}']
        with subprocess.Popen(options, stdin=subprocess.PIPE) as process:
            feed(process, job, bucket, expected)
        if process.returncode:
            raise Failure(f'pg_restore ended with {process.returncode}; the log has its words')
        return
    # As text, without what an older server does not know. One transaction and the first error ends it, as above: what is written
    # ends, and with it the transaction, only once pg_restore has ended well.
    psql = ['psql', '--no-psqlrc', '--quiet', '--no-password', '--single-transaction', '--set=ON_ERROR_STOP=1', '--output=/dev/null',
            '--file=-', job['database']]
    with subprocess.Popen([*options, '--file=-'], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as source, \
            subprocess.Popen(psql, stdin=subprocess.PIPE) as target:
        wrong = []

        def fed():
            try:
                feed(source, job, bucket, expected)
            except BaseException as error:
                wrong.append(error)
        feeding = threading.Thread(target=fed)
        feeding.start()
        ended = False
        try:
            for line in known_to_older(source.stdout):
                target.stdin.write(line)
            target.stdin.flush()
        except BrokenPipeError:  # psql has ended, and its code says why
            ended = True
            end(source)
        except BaseException:
            end(target)
            end(source)
            raise
        finally:
            feeding.join()
        if wrong or source.wait() and not ended:
            end(target)
            raise wrong[0] if wrong else Failure(f'pg_restore ended with {source.returncode}; the log has its words')
    if target.returncode:
        raise Failure(f'psql ended with {target.returncode}; the log has its words')


def known_to_older(lines):
    """The lines of a script of pg_restore 17 or newer but for the setting that PostgreSQL 16 does not know. It stands before any data,
    so that a row of the same words stays."""
    before = True
    for line in lines:
        before = before and not line.startswith((b'COPY ', b'CREATE '))
        if not (before and line.startswith(b'SET transaction_timeout')):
            yield line


def feed(process, job, bucket, expected):
    """Gives a program the dump. The end is held back until all of it is known to be right: without it nothing is committed."""
    found, size, last = hashlib.sha256(), 0, b''
    try:
        for piece in bucket.read(f'{job["prefix"]}/database.dump'):
            found.update(piece)
            size += len(piece)
            process.stdin.write(last)
            last = piece
        if {'bytes': size, 'sha256': found.hexdigest()} != expected:
            raise Failure('database.dump is not what was written: its checksum differs from the manifest')
        process.stdin.write(last)
        process.stdin.close()
    except BrokenPipeError:
        end(process)
    except BaseException:
        end(process)
        raise


def end(process):
    """Ends a program at once: what it was given of a transaction is not committed."""
    process.kill()
    with contextlib.suppress(OSError):  # what had not reached it yet
        process.stdin.close()


class Pieces:
    """A file over pieces that come one by one, with their checksum."""

    def __init__(self, pieces):
        self.pieces, self.buffer, self.bytes, self.hash = pieces, b'', 0, hashlib.sha256()

    def read(self, size):
        while len(self.buffer) < size and (piece := next(self.pieces, None)):
            self.hash.update(piece)
            self.bytes += len(piece)
            self.buffer += piece
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data


def restore_files(bucket, key, expected, folder):
    """Adds the files to a folder (or to none), and gives their names. What is there already is of the same content."""
    source, there = Pieces(bucket.read(key)), set()
    with tarfile.open(fileobj=source, mode='r|', bufsize=MIB) as archive:
        for entry in archive:
            if not entry.isfile() or not re.fullmatch(r'[0-9a-zA-Z_-]+/[0-9a-zA-Z_.-]+', entry.name):
                raise Failure(f'filestore.tar holds {entry.name!r}, which is no file of a filestore')
            there.add(entry.name)
            if folder:
                add_file(archive.extractfile(entry), os.path.join(folder, entry.name), entry.size)
    while source.read(MIB):
        pass
    if {'bytes': source.bytes, 'sha256': source.hash.hexdigest(), 'files': len(there)} != expected:
        raise Failure('filestore.tar is not what was written: its checksum differs from the manifest')
    return there


def add_file(source, path, size):
    with contextlib.suppress(FileNotFoundError):
        if os.path.getsize(path) == size:
            return
    os.makedirs(os.path.dirname(path), mode=0o750, exist_ok=True)
    part = f'{path}.konta-{os.getpid()}'
    with open(part, 'wb') as target:
        shutil.copyfileobj(source, target, MIB)
    os.replace(part, path)


def compare(manifest, counted, named, there):
    wrong = [f'{table}: {counted.get(table)} rows instead of {expected}'
             for table, expected in manifest['rows'].items() if counted.get(table) != expected]
    wrong += [f'{table}: a table that was not backed up' for table in counted.keys() - manifest['rows'].keys()]
    lost = named - there - set(manifest['files']['missing'])
    wrong += [f'{name}: an attachment without its file' for name in sorted(lost)]
    if wrong:
        raise Failure('what was restored is not what was backed up: ' + '; '.join(wrong[:5]) + (' ...' if wrong[5:] else ''))


def renew_signals(cursor):
    """Makes running tasks load everything anew: their memory is of another history with, by chance, the same numbers."""
    step = random.randint(1000, 100000)
    for (table,) in rows(cursor, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'orm\\_signaling\\_%'"):
        cursor.execute(f'INSERT INTO "{table}" (id) SELECT coalesce(max(id), 0) + {step} FROM "{table}"')
        cursor.execute(f'SELECT setval(pg_get_serial_sequence(\'"{table}"\', \'id\'), max(id)) FROM "{table}"')
    for (name,) in rows(cursor, "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND sequencename LIKE 'base\\_%signaling%'"):
        cursor.execute(f'SELECT setval(\'"{name}"\', nextval(\'"{name}"\') + {step})')


def rest_from_garbage(cursor):
    """Keeps Odoo from collecting garbage for an hour: files that the database before has written since the restore began are garbage
    to the restored one, until `hold` has them."""
    if rows(cursor, "SELECT to_regclass('public.ir_cron') IS NOT NULL")[0][0]:
        cursor.execute("UPDATE ir_cron SET nextcall = greatest(nextcall, now() AT TIME ZONE 'UTC' + interval '1 hour') FROM ir_model_data d "
                       "WHERE d.module = 'base' AND d.name = 'autovacuum_job' AND d.model = 'ir.cron' AND ir_cron.id = d.res_id")


def neutralize(job, cursor):
    """A copy that writes to nobody: Odoo's own neutralisation, and what that leaves of the original's identity."""
    say('neutralising')
    # No name of a database from the task's environment may stand in for the one that is meant.
    environment = {name: value for name, value in os.environ.items() if name != 'PGDATABASE'}
    if subprocess.run(['odoo', 'neutralize', '-d', job['database']], env=environment, check=False).returncode:
        raise Failure('Odoo could not neutralise the copy; the log has its words')
    for key, value in {'database.uuid': str(uuid.uuid4()), 'database.secret': secrets.token_hex(24),
                       'web.base.url': job['base_url'], 'web.base.url.freeze': 'True'}.items():
        cursor.execute('UPDATE ir_config_parameter SET value = %s WHERE key = %s', (value, key))
        if not cursor.rowcount:
            cursor.execute('INSERT INTO ir_config_parameter (key, value) VALUES (%s, %s)', (key, value))
    if (rows(cursor, "SELECT value FROM ir_config_parameter WHERE key = 'database.is_neutralized'") or [('',)])[0][0] != 'true':
        raise Failure('Odoo does not call the copy neutralised')
    active = rows(cursor, 'SELECT count(*) FROM ir_cron WHERE active')[0][0]
    return {'neutralized': True, 'active_crons': active}


# --- the database before a restore -----------------------------------------------------------------------------------------
def beside(job):
    """Where the files that the database before names are held: under a second name each, which takes no room."""
    return filestore(job) + '__before'


def named_files(job):
    with contextlib.closing(connect(job['database'])) as connection, connection.cursor() as cursor:
        is_odoo = rows(cursor, "SELECT to_regclass('public.ir_attachment') IS NOT NULL")[0][0]
        return stored_files(cursor) if is_odoo else set()


def hold(job, _bucket):
    """After a restore: what the database before names outlasts the garbage collection of the one that took its place."""
    folder, held = filestore(job), beside(job)
    shutil.rmtree(os.path.join(folder, 'checklist'), ignore_errors=True)
    shutil.rmtree(held, ignore_errors=True)
    named = named_files(job)
    return {'files': len(named), 'missing': len(missing(named, folder, held))}


def give_back(job, _bucket):
    """Before a restore is undone: what the database names that comes back is there, or told."""
    named = named_files(job)
    gone = missing(named, beside(job), filestore(job))
    # What Odoo writes down as perhaps garbage is not, to the database that comes back.
    shutil.rmtree(os.path.join(filestore(job), 'checklist'), ignore_errors=True)
    return {'files': len(named), 'missing': len(gone), 'first_missing': gone[0] if gone else None}


def missing(named, source, target):
    """Gives files of one folder a second name in another; the names of those that are in neither."""
    gone = []
    for name in sorted(named):
        path = os.path.join(target, name)
        if not os.path.exists(path):
            try:
                os.makedirs(os.path.dirname(path), mode=0o750, exist_ok=True)
                os.link(os.path.join(source, name), path)
            except FileNotFoundError:
                gone.append(name)
    return gone


def let_go(job, _bucket):
    shutil.rmtree(beside(job), ignore_errors=True)
    return {}


# --- around ------------------------------------------------------------------------------------------------------------
def role(job):
    return [f'--role={job["role"]}'] if job.get('role') and job['role'] != os.environ.get('PGUSER') else []


def filestore(job):
    """Odoo's own folder for a database's files, which may not be there yet."""
    config = configparser.RawConfigParser()
    config.read(os.environ.get('ODOO_RC', '/etc/odoo/odoo.conf'))
    folder = config.get('options', 'data_dir', fallback='/var/lib/odoo')
    return os.path.join(folder, 'filestore', job['filestore'])


VERBS = {'backup': backup, 'restore': restore, 'check': restore, 'hold': hold, 'giveback': give_back, 'letgo': let_go}


def main(job):
    began, bucket = time.monotonic(), Bucket(job['bucket'], job['region'])
    try:
        outcome = {'ok': True, **VERBS[job['verb']](job, bucket)}
    except Failure as failure:
        outcome = {'ok': False, 'error': str(failure)}
    except Exception as error:
        traceback.print_exc()
        outcome = {'ok': False, 'error': f'{type(error).__name__}: {error}'.strip()}
    outcome['id'] = job['prefix'].rsplit('/', 1)[-1]
    outcome['seconds'] = round(time.monotonic() - began, 1)
    say(json.dumps(outcome))
    if job.get('result'):
        bucket.call('PUT', job['result'], body=json.dumps(outcome).encode())
    return 0 if outcome['ok'] else 1


if __name__ == '__main__':
    sys.exit(main(json.loads(sys.argv[1])))
