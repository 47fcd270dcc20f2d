"""Loaded with server_wide_modules, in every database or none.

Odoo honours proxy_mode only where X-Forwarded-Host is sent, and then believes it. The load balancer sends none and lets a
visitor's own pass, so it is written here from Host, which the load balancer has matched against the tenant's rule.

In a pool (KONTA_REGISTRY_DATABASE) the host also tells the database, by the table konta_host of the registry.
"""
import contextlib
import logging
import os
import threading
import time

import psycopg2

from odoo import http
from odoo.addons.base.models.ir_http import IrHttp
from odoo.exceptions import AccessDenied
from odoo.service import common, db, model, server

_logger = logging.getLogger(__name__)

HEALTH_CHECK = '/web/static/img/favicon.ico'  # asked by address, not by host, and answered without a database
FRESH = 10.0  # seconds for which the map of hosts is used unasked
RETRY = 1.0  # least seconds between two readings


class Hosts:
    """The map of host to (database, suspended), read from the registry and kept when the registry cannot be read."""

    def __init__(self, registry):
        self._registry = registry
        self._hosts = None
        self._read_at = self._tried_at = float('-inf')
        self._failing = False
        self._lock = threading.Lock()

    def find(self, host):
        host = (host or '').partition(':')[0].rstrip('.').lower()
        # Also who is suspended: being taken back must not wait for the next reading.
        self._refresh(lambda: self._hosts.get(host, (None, True))[1])
        return (self._hosts or {}).get(host)

    def database(self, host):
        database, suspended = self.find(host) or (None, False)
        return None if suspended else database

    def databases(self):
        self._refresh(lambda: False)
        return sorted({database for database, suspended in (self._hosts or {}).values() if not suspended})

    @property
    def known(self):
        return self._hosts is not None

    def _due(self, missing):
        now = time.monotonic()
        return now - self._tried_at > RETRY and (self._hosts is None or now - self._read_at > FRESH or missing())

    def _refresh(self, missing):
        # Nobody waits for a reading but those who have no map at all.
        if not self._due(missing) or not self._lock.acquire(blocking=self._hosts is None):
            return
        try:
            if self._due(missing):
                self._tried_at = time.monotonic()
                self._hosts = self._read()
                self._read_at = time.monotonic()
                self._failing = False
        except psycopg2.Error as error:
            if not self._failing:
                _logger.warning('The registry of hosts cannot be read, the last known one is used: %s', error)
            self._failing = True
        finally:
            self._lock.release()

    def _read(self):
        # Host, user and password come from PGHOST, PGPORT, PGUSER, PGPASSWORD and PGSSLMODE.
        connection = psycopg2.connect(dbname=self._registry, connect_timeout=3, application_name='konta_hosts')
        with contextlib.closing(connection), connection, connection.cursor() as cursor:
            cursor.execute('SELECT lower(host), database, coalesce(suspended, false) FROM konta_host')
            return {host: (database, suspended) for host, database, suspended in cursor.fetchall()}


hosts = Hosts(os.environ['KONTA_REGISTRY_DATABASE']) if os.environ.get('KONTA_REGISTRY_DATABASE') else None
visit = threading.local()
_application = http.Application.__call__


def _call(self, environ, start_response):
    host = environ.get('HTTP_HOST')
    if host and environ.get('HTTP_X_FORWARDED_PROTO'):
        environ['HTTP_X_FORWARDED_HOST'] = host
    else:
        environ.pop('HTTP_X_FORWARDED_HOST', None)
    if hosts and environ.get('PATH_INFO') != HEALTH_CHECK:
        found = hosts.find(host)
        if not hosts.known:
            return _refuse(start_response, '503 Service Unavailable', b'Not ready yet.\n', '5')
        if not found:
            return _refuse(start_response, '404 Not Found', b'No such site.\n')
        visit.database, suspended = found
        if suspended:
            return _refuse(start_response, '503 Service Unavailable', b'This site is suspended.\n', '3600')
    return _application(self, environ, start_response)


def _refuse(start_response, status, text, retry_after=None):
    headers = [('Content-Type', 'text/plain; charset=utf-8'), ('Content-Length', str(len(text))),
               ('Cache-Control', 'no-store'), ('Connection', 'close')]
    if retry_after:
        headers.append(('Retry-After', retry_after))
    start_response(status, headers)
    return [text]


def _own_host(host):
    return host or http.request.httprequest.environ.get('HTTP_HOST', '')


def _db_list(force=False, host=None):
    database = hosts.database(_own_host(host))
    return [database] if database else []


def _db_filter(dbs, host=None):
    database = hosts.database(_own_host(host))
    return [name for name in dbs if database and name == database]


def _only_own(dispatch, methods=None):
    """Lets a remote call name the database of the host it came by, and no other."""
    def checked(method, params):
        if methods is None or method in methods:
            if not params or params[0] != getattr(visit, 'database', None):
                raise AccessDenied()
        return dispatch(method, params)
    return checked


_post_dispatch = IrHttp._post_dispatch.__func__


def _keep_robots_out(cls, response):
    """A neutralised copy is for nobody to find, whatever links lead to it; robots.txt only asks not to read it."""
    _post_dispatch(cls, response)
    if http.request.env['ir.config_parameter'].sudo().get_param('database.is_neutralized'):
        response.headers['X-Robots-Tag'] = 'noindex, nofollow'


IrHttp._post_dispatch = classmethod(_keep_robots_out)
http.Application.__call__ = _call
if hosts:
    http.db_list = _db_list
    http.db_filter = _db_filter
    server.cron_database_list = hosts.databases
    common.dispatch = _only_own(common.dispatch, {'login', 'authenticate'})
    model.dispatch = _only_own(model.dispatch)
    db.dispatch = _only_own(db.dispatch, {'db_exist'})
