"""Backs up a tenant to S3 and restores it, in a one-off task of the tenant's own image.

    python3 backup_tool.py '{"verb": "backup", "bucket": "b", "region": "eu-west-1", "prefix": "acme/20261125T033000Z", ...}'

Verbs:

- `backup` writes database.dump, filestore.tar and, last, manifest.json under the prefix. Without a manifest it is no backup.
- `restore` reads them into a new, empty database that konta has created, adds the files to the tenant's filestore and counts
  rows and files. `check` does the same, but keeps no file.
- A restore sets the tenant's database aside. `pin-files` gives each file of that database a second link, so that garbage
  collection in the restored database cannot remove its content. `relink-files` links pinned files back into the filestore
  before the restore is undone, and counts those that are lost. `unpin-files` removes the second links.

If the job has a `result`, the tool writes the outcome under that key, even if the job fails.

The tool streams: it never holds a whole database or filestore in memory or on the task's disk. It needs psycopg2, pg_dump and
pg_restore, which the official image has. It connects with the PG* variables, and uses the task role's credentials if ECS
provides them.

No task definition contains this file. Each task fetches it from the bucket and checks its hash, so it is always the version of
the konta that starts the task.
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
ATTEMPTS = 7  # for each call to S3, over about two minutes
NOT_COUNTED = re.compile(r'^(.*_)?signaling(_.*)?$')  # counters through which running tasks notify each other of changes


class Failure(Exception):
    """An error with a message for the operator."""


class Refused(Failure):
    """S3 understood a call and refused it. The text has its error code, such as NoSuchUpload."""


def say(text):
    print(text, flush=True)


# --- S3 ----------------------------------------------------------------------------------------------------------------
class Credentials:
    """The task role's credentials, renewed before they expire. In a test: those in the environment."""

    def __init__(self):
        self._expires_at, self._keys = 0.0, None

    def get(self):
        relative, full = (os.environ.get(f'AWS_CONTAINER_CREDENTIALS_{kind}_URI') for kind in ('RELATIVE', 'FULL'))
        if not relative and not full:
            environ = os.environ
            return environ.get('AWS_ACCESS_KEY_ID', ''), environ.get('AWS_SECRET_ACCESS_KEY', ''), environ.get('AWS_SESSION_TOKEN')
        if time.time() > self._expires_at - 300:
            token = os.environ.get('AWS_CONTAINER_AUTHORIZATION_TOKEN')
            request = urllib.request.Request(f'http://169.254.170.2{relative}' if relative else full,
                                             headers={'Authorization': token} if token else {})
            with urllib.request.urlopen(request, timeout=10) as answer:
                found = json.load(answer)
            expiration = found.get('Expiration') or '2100-01-01T00:00:00Z'
            self._expires_at = datetime.datetime.fromisoformat(expiration.replace('Z', '+00:00')).timestamp()
            self._keys = found['AccessKeyId'], found['SecretAccessKey'], found.get('Token')
        return self._keys


class Bucket:
    def __init__(self, name, region):
        self.region, self.credentials = region, Credentials()
        endpoint = os.environ.get('AWS_ENDPOINT_URL')
        domain = 'amazonaws.com.cn' if region.startswith('cn-') else 'amazonaws.com'
        # A custom endpoint has no host name for each bucket.
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
        """Makes one call and retries it while S3 or the network fails temporarily. The caller closes the answer."""
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
                # S3 reports a connection that was too slow with 400. Source: Amazon S3 API reference, "Error responses".
                is_temporary = error.code >= 500 or error.code in (408, 429) or '<Code>RequestTimeout</Code>' in text
                if attempt == ATTEMPTS or not is_temporary:
                    raise Refused(f'S3 refused {method} {key}: {error.code} {text}') from None
            except (OSError, http.client.HTTPException) as error:
                if attempt == ATTEMPTS:
                    raise Failure(f'S3 could not be reached for {method} {key}: {error}') from None
            time.sleep(random.uniform(0.5, 1) * 2 ** (attempt - 1))

    def call(self, *arguments, **named):
        """Makes one call and reads the whole answer; retries it if the answer breaks off."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self.open(*arguments, **named) as answer:
                    return answer.read(), answer.headers
            except (OSError, http.client.HTTPException) as error:
                if attempt == ATTEMPTS:
                    raise Failure(f'the answer of S3 to {arguments[:2]} broke off: {error}') from None
                time.sleep(2 ** attempt)

    def read(self, key):
        """Yields an object's bytes in chunks. A transfer that breaks off continues where it stopped, with the same version."""
        done, etag, failures, size = 0, None, 0, None
        while size is None or done < size:
            headers = {'range': f'bytes={done}-', 'if-match': etag} if done else {}
            with self.open('GET', key, headers=headers) as answer:
                size = done + int(answer.headers['Content-Length']) if size is None else size
                etag = etag or answer.headers['ETag']
                with contextlib.suppress(OSError, http.client.HTTPException):
                    while chunk := answer.read(MIB):
                        done, failures = done + len(chunk), 0
                        yield chunk
            if done < size:
                failures += 1
                if failures == ATTEMPTS:
                    raise Failure(f'the transfer of {key} from S3 broke off after {done} of {size} bytes')
                time.sleep(2 ** failures)


class Upload:
    """A file to write to that becomes an object, by a multipart upload if it is large.

    S3 accepts 10,000 parts. Later parts are larger, so the limit is about 1.3 TB.
    """

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
                # The answer to an earlier attempt was lost: S3 has finished the upload and forgotten it, and the object is complete.
                if '<Code>NoSuchUpload</Code>' not in str(refusal):
                    raise
                _, headers = self.bucket.call('HEAD', self.key)
                if int(headers['Content-Length']) != self.bytes:
                    raise
                answer = b''
            if b'<Error>' in answer:  # S3 may fail after it has answered 200
                raise Failure(f'S3 could not complete the upload of {self.key}: {answer.decode("utf-8", "replace")}')
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


def count_rows(cursor):
    """The number of rows of each table."""
    tables = rows(cursor, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    found = {}
    for (table,) in tables:
        if not NOT_COUNTED.match(table):
            found[table] = rows(cursor, 'SELECT count(*) FROM public."{}"'.format(table.replace('"', '""')))[0][0]
    return found


def stored_files(cursor):
    """The names of attachments' files in the filestore. Each is the checksum of the content."""
    return {name for (name,) in rows(cursor, 'SELECT DISTINCT store_fname FROM ir_attachment WHERE store_fname IS NOT NULL')}


def server_version(connection):
    return connection.server_version // 10000


def client_version():
    """The major version of the image's PostgreSQL programs."""
    output = subprocess.run(['pg_dump', '--version'], stdout=subprocess.PIPE, check=True).stdout.decode()
    return int(re.search(r'\) (\d+)', output).group(1))


# --- backup ------------------------------------------------------------------------------------------------------------
def backup(job, bucket):
    folder = filestore(job)
    with contextlib.closing(connect(job['database'])) as connection, connection.cursor() as cursor:
        client, server = client_version(), server_version(connection)
        if client < server:
            raise Failure(f'the image has pg_dump {client} and the database is PostgreSQL {server}: pg_dump cannot read a newer server. '
                          f'Use an image with the programs of PostgreSQL {server}, or an older engine_version')
        # One snapshot of the database for everything. The lock does not block visitors, but it blocks Odoo's garbage collection of
        # the filestore (ir_attachment, _gc_file_store): the files that the snapshot names stay there until the end.
        cursor.execute('BEGIN ISOLATION LEVEL REPEATABLE READ')
        cursor.execute('LOCK TABLE ir_attachment IN ROW EXCLUSIVE MODE')
        snapshot = rows(cursor, 'SELECT pg_export_snapshot()')[0][0]
        wanted = stored_files(cursor)
        say('dumping the database')
        dump = dump_database(job, bucket, snapshot)
        say(f'archiving {len(wanted)} files')
        archive, archived, damaged = archive_files(folder, wanted, Upload(bucket, f'{job["prefix"]}/filestore.tar'))
        missing = sorted(wanted - archived)
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
            'rows': count_rows(cursor),
            'files': {'count': len(archived), 'missing': missing, 'damaged': damaged},
        }
    for problem, names in (('missing', missing), ('damaged', damaged)):
        if names:
            say(f'{len(names)} attachments are {problem} in the filestore itself, the first: {names[0]}')
    manifest['finished_at'] = datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
    bucket.call('PUT', f'{job["prefix"]}/manifest.json', body=json.dumps(manifest, indent=1).encode())
    return {'bytes': dump['bytes'] + archive['bytes'], 'files': len(archived), 'missing': len(missing), 'damaged': len(damaged)}


def dump_database(job, bucket, snapshot):
    upload = Upload(bucket, f'{job["prefix"]}/database.dump')
    command = ['pg_dump', '--format=custom', '--no-password', f'--snapshot={snapshot}', *role(job), job['database']]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            while chunk := process.stdout.read(MIB):
                upload.write(chunk)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise Failure(f'pg_dump ended with exit code {process.returncode}; its messages are in the log')
    return upload.finish()


def archive_files(folder, wanted, upload):
    """Writes the wanted files of the filestore into one tar. Returns the upload, the names written and the names of damaged files."""
    archived, damaged = set(), []
    with tarfile.open(fileobj=upload, mode='w|', format=tarfile.PAX_FORMAT, bufsize=MIB) as archive:
        for name in sorted(wanted):
            try:
                with open(os.path.join(folder, name), 'rb') as file:
                    entry = tarfile.TarInfo(name)
                    entry.size = os.fstat(file.fileno()).st_size
                    reader = ChecksumReader(file)
                    archive.addfile(entry, reader)
            except FileNotFoundError:
                continue
            archived.add(name)
            if not reader.matches(name):
                damaged.append(name)
    return {**upload.finish(), 'files': len(archived)}, archived, damaged


class ChecksumReader:
    """A file that computes Odoo's checksum of the data read from it."""

    def __init__(self, file):
        self.file, self.hash = file, hashlib.sha1(usedforsecurity=False)

    def read(self, size=-1):
        data = self.file.read(size)
        self.hash.update(data)
        return data

    def matches(self, name):
        # A name that is no checksum proves nothing: other versions of Odoo may use other names.
        stem = name.rsplit('/', 1)[-1]
        return not re.fullmatch('[0-9a-f]{40}', stem) or self.hash.hexdigest() == stem


# --- restore -----------------------------------------------------------------------------------------------------------
def restore(job, bucket):
    manifest = json.loads(bucket.call('GET', f'{job["prefix"]}/manifest.json')[0])
    if manifest.get('format') != FORMAT:
        raise Failure(f'the backup has format {manifest.get("format")}, but this konta reads {FORMAT}: use the konta that made it')
    keeps_files = job['verb'] == 'restore'
    folder = filestore(job) if keeps_files else None
    if keeps_files:
        # Odoo's checklist of possible garbage contains the files that it wrote recently. The restored database does not name them,
        # so its garbage collection would remove files that the earlier database needs if the restore is undone.
        shutil.rmtree(os.path.join(folder, 'checklist'), ignore_errors=True)
    say('restoring the database')
    restore_database(job, bucket, manifest['objects']['database.dump'])
    say('restoring the files')
    archived = restore_files(bucket, f'{job["prefix"]}/filestore.tar', manifest['objects']['filestore.tar'], folder)
    say('counting')
    with contextlib.closing(connect(job['database'])) as connection, connection.cursor() as cursor:
        compare(manifest, count_rows(cursor), stored_files(cursor), archived)
        outcome = {'tables': len(manifest['rows']), 'rows': sum(manifest['rows'].values()), 'files': manifest['files']['count']}
        if job.get('neutralize'):
            outcome.update(neutralize(job, cursor))
        if keeps_files:
            advance_signaling(cursor)
            delay_garbage_collection(cursor)
        # The planner has no statistics of the tables that were just filled.
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
            raise Failure(f'pg_restore ended with exit code {process.returncode}; its messages are in the log')
        return
    # An older server gets the dump as a script, without the settings that it does not know. As above, it is one transaction that the
    # first error ends. psql's input ends, and the transaction commits, only after pg_restore has succeeded.
    psql = ['psql', '--no-psqlrc', '--quiet', '--no-password', '--single-transaction', '--set=ON_ERROR_STOP=1', '--output=/dev/null',
            '--file=-', job['database']]
    with subprocess.Popen([*options, '--file=-'], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as source, \
            subprocess.Popen(psql, stdin=subprocess.PIPE) as target:
        errors = []

        def feed_source():
            try:
                feed(source, job, bucket, expected)
            except BaseException as error:
                errors.append(error)
        feeder = threading.Thread(target=feed_source)
        feeder.start()
        psql_ended = False
        try:
            for line in without_newer_settings(source.stdout):
                target.stdin.write(line)
            target.stdin.flush()
        except BrokenPipeError:  # psql has failed; its exit code is checked below
            psql_ended = True
            kill(source)
        except BaseException:
            kill(target)
            kill(source)
            raise
        finally:
            feeder.join()
        if errors or source.wait() and not psql_ended:
            kill(target)
            raise errors[0] if errors else Failure(
                f'pg_restore ended with exit code {source.returncode}; its messages are in the log')
    if target.returncode:
        raise Failure(f'psql ended with exit code {target.returncode}; its messages are in the log')


def without_newer_settings(lines):
    """The lines of a script by pg_restore 17 or newer without the setting that PostgreSQL 16 does not know.

    The setting comes before any data. A row with the same text is kept.
    """
    in_preamble = True
    for line in lines:
        in_preamble = in_preamble and not line.startswith((b'COPY ', b'CREATE '))
        if not (in_preamble and line.startswith(b'SET transaction_timeout')):
            yield line


def feed(process, job, bucket, expected):
    """Writes the dump to a program. The last chunk follows only if the checksum is right: without it, nothing is committed."""
    found, size, last = hashlib.sha256(), 0, b''
    try:
        for chunk in bucket.read(f'{job["prefix"]}/database.dump'):
            found.update(chunk)
            size += len(chunk)
            process.stdin.write(last)
            last = chunk
        if {'bytes': size, 'sha256': found.hexdigest()} != expected:
            raise Failure('database.dump is not what was written: its checksum differs from the manifest')
        process.stdin.write(last)
        process.stdin.close()
    except BrokenPipeError:
        kill(process)
    except BaseException:
        kill(process)
        raise


def kill(process):
    """Ends a program at once, so that its transaction is not committed."""
    process.kill()
    with contextlib.suppress(OSError):  # buffered data that can no longer be written
        process.stdin.close()


class ChunkReader:
    """A file over chunks that arrive one by one, with their size and checksum."""

    def __init__(self, chunks):
        self.chunks, self.buffer, self.bytes, self.hash = chunks, b'', 0, hashlib.sha256()

    def read(self, size):
        while len(self.buffer) < size and (chunk := next(self.chunks, None)):
            self.hash.update(chunk)
            self.bytes += len(chunk)
            self.buffer += chunk
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data


def restore_files(bucket, key, expected, folder):
    """Reads the archive and returns the names in it. With a folder, adds the files that are not there yet.

    A file's name is the checksum of its content, so a file that is there already has the same content.
    """
    source, archived = ChunkReader(bucket.read(key)), set()
    with tarfile.open(fileobj=source, mode='r|', bufsize=MIB) as archive:
        for entry in archive:
            if not entry.isfile() or not re.fullmatch(r'[0-9a-zA-Z_-]+/[0-9a-zA-Z_.-]+', entry.name):
                raise Failure(f'filestore.tar contains {entry.name!r}, which is not a file of a filestore')
            archived.add(entry.name)
            if folder:
                add_file(archive.extractfile(entry), os.path.join(folder, entry.name), entry.size)
    while source.read(MIB):
        pass
    if {'bytes': source.bytes, 'sha256': source.hash.hexdigest(), 'files': len(archived)} != expected:
        raise Failure('filestore.tar is not what was written: its checksum differs from the manifest')
    return archived


def add_file(source, path, size):
    with contextlib.suppress(FileNotFoundError):
        if os.path.getsize(path) == size:
            return
    os.makedirs(os.path.dirname(path), mode=0o750, exist_ok=True)
    part = f'{path}.konta-{os.getpid()}'
    with open(part, 'wb') as target:
        shutil.copyfileobj(source, target, MIB)
    os.replace(part, path)


def compare(manifest, counted, named, archived):
    """Fails if the restored rows and files differ from the manifest."""
    differences = [f'{table}: {counted.get(table)} rows instead of {expected}'
                   for table, expected in manifest['rows'].items() if counted.get(table) != expected]
    differences += [f'{table}: a table that was not backed up' for table in counted.keys() - manifest['rows'].keys()]
    lost = named - archived - set(manifest['files']['missing'])
    differences += [f'{name}: an attachment without its file' for name in sorted(lost)]
    if differences:
        more = ' ...' if differences[5:] else ''
        raise Failure('the restored data differs from the backup: ' + '; '.join(differences[:5]) + more)


def advance_signaling(cursor):
    """Makes running tasks reload everything. Without this, the restored counters may equal those in a task's memory by chance."""
    step = random.randint(1000, 100000)
    for (table,) in rows(cursor, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'orm\\_signaling\\_%'"):
        cursor.execute(f'INSERT INTO "{table}" (id) SELECT coalesce(max(id), 0) + {step} FROM "{table}"')
        cursor.execute(f'SELECT setval(pg_get_serial_sequence(\'"{table}"\', \'id\'), max(id)) FROM "{table}"')
    for (name,) in rows(cursor, "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND sequencename LIKE 'base\\_%signaling%'"):
        cursor.execute(f'SELECT setval(\'"{name}"\', nextval(\'"{name}"\') + {step})')


def delay_garbage_collection(cursor):
    """Delays Odoo's garbage collection by an hour. It would remove files that the earlier database has written since the restore
    began, until `pin-files` has pinned them."""
    if rows(cursor, "SELECT to_regclass('public.ir_cron') IS NOT NULL")[0][0]:
        cursor.execute("UPDATE ir_cron SET nextcall = greatest(nextcall, now() AT TIME ZONE 'UTC' + interval '1 hour') FROM ir_model_data d "
                       "WHERE d.module = 'base' AND d.name = 'autovacuum_job' AND d.model = 'ir.cron' AND ir_cron.id = d.res_id")


def neutralize(job, cursor):
    """Makes a copy that sends nothing to anyone, by Odoo's own neutralisation, and replaces the original's identity."""
    say('neutralising')
    # Odoo must not fall back to the database in the task's environment.
    environment = {name: value for name, value in os.environ.items() if name != 'PGDATABASE'}
    if subprocess.run(['odoo', 'neutralize', '-d', job['database']], env=environment, check=False).returncode:
        raise Failure('Odoo could not neutralise the copy; its messages are in the log')
    for key, value in {'database.uuid': str(uuid.uuid4()), 'database.secret': secrets.token_hex(24),
                       'web.base.url': job['base_url'], 'web.base.url.freeze': 'True'}.items():
        cursor.execute('UPDATE ir_config_parameter SET value = %s WHERE key = %s', (value, key))
        if not cursor.rowcount:
            cursor.execute('INSERT INTO ir_config_parameter (key, value) VALUES (%s, %s)', (key, value))
    if (rows(cursor, "SELECT value FROM ir_config_parameter WHERE key = 'database.is_neutralized'") or [('',)])[0][0] != 'true':
        raise Failure('Odoo does not report the copy as neutralised')
    active = rows(cursor, 'SELECT count(*) FROM ir_cron WHERE active')[0][0]
    return {'neutralized': True, 'active_crons': active}


# --- files of the database that a restore set aside --------------------------------------------------------------------
def pinned_folder(job):
    """The folder of the pinned files. They are hard links, so they need no space."""
    return filestore(job) + '__before'


def named_files(job):
    with contextlib.closing(connect(job['database'])) as connection, connection.cursor() as cursor:
        is_odoo = rows(cursor, "SELECT to_regclass('public.ir_attachment') IS NOT NULL")[0][0]
        return stored_files(cursor) if is_odoo else set()


def pin_files(job, _bucket):
    """After a restore: links the files of the earlier database, so that they survive garbage collection in the restored one."""
    folder, pinned = filestore(job), pinned_folder(job)
    shutil.rmtree(os.path.join(folder, 'checklist'), ignore_errors=True)
    shutil.rmtree(pinned, ignore_errors=True)
    names = named_files(job)
    return {'files': len(names), 'missing': len(link_files(names, folder, pinned))}


def relink_files(job, _bucket):
    """Before a restore is undone: links pinned files back into the filestore, and reports those that are lost."""
    names = named_files(job)
    lost = link_files(names, pinned_folder(job), filestore(job))
    # Files on Odoo's checklist of possible garbage may belong to the database that comes back.
    shutil.rmtree(os.path.join(filestore(job), 'checklist'), ignore_errors=True)
    return {'files': len(names), 'missing': len(lost), 'first_missing': lost[0] if lost else None}


def link_files(names, source, target):
    """Links files from one folder into another. Returns the names that are in neither."""
    lost = []
    for name in sorted(names):
        path = os.path.join(target, name)
        if not os.path.exists(path):
            try:
                os.makedirs(os.path.dirname(path), mode=0o750, exist_ok=True)
                os.link(os.path.join(source, name), path)
            except FileNotFoundError:
                lost.append(name)
    return lost


def unpin_files(job, _bucket):
    shutil.rmtree(pinned_folder(job), ignore_errors=True)
    return {}


# --- the job -----------------------------------------------------------------------------------------------------------
def role(job):
    return [f'--role={job["role"]}'] if job.get('role') and job['role'] != os.environ.get('PGUSER') else []


def filestore(job):
    """Odoo's folder for a database's files. It may not exist yet."""
    config = configparser.RawConfigParser()
    config.read(os.environ.get('ODOO_RC', '/etc/odoo/odoo.conf'))
    folder = config.get('options', 'data_dir', fallback='/var/lib/odoo')
    return os.path.join(folder, 'filestore', job['filestore'])


VERBS = {
    'backup': backup,
    'restore': restore,
    'check': restore,
    'pin-files': pin_files,
    'relink-files': relink_files,
    'unpin-files': unpin_files,
}


def main(job):
    started_at, bucket = time.monotonic(), Bucket(job['bucket'], job['region'])
    try:
        outcome = {'ok': True, **VERBS[job['verb']](job, bucket)}
    except Failure as failure:
        outcome = {'ok': False, 'error': str(failure)}
    except Exception as error:
        traceback.print_exc()
        outcome = {'ok': False, 'error': f'{type(error).__name__}: {error}'.strip()}
    outcome['id'] = job['prefix'].rsplit('/', 1)[-1]
    outcome['seconds'] = round(time.monotonic() - started_at, 1)
    say(json.dumps(outcome))
    if job.get('result'):
        bucket.call('PUT', job['result'], body=json.dumps(outcome).encode())
    return 0 if outcome['ok'] else 1


if __name__ == '__main__':
    sys.exit(main(json.loads(sys.argv[1])))
