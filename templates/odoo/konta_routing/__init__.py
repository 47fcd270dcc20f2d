"""Gives Odoo the host that the visitor asked for, and routes each host of a pool to its database.

Odoo loads this module through server_wide_modules; it is installed in no database.

Odoo honours proxy_mode only if a request has X-Forwarded-Host, and then trusts it. The load balancer adds no such header but
passes on a visitor's own. So this module sets it from Host, which the load balancer has matched against the tenant's rule.

In a pool (KONTA_REGISTRY_DATABASE), the table konta_host of the registry maps each host to its database.
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

HEALTH_CHECK = '/web/static/img/favicon.ico'  # requested by address rather than host; needs no database
REFRESH_AFTER = float(os.environ.get('KONTA_REGISTRY_REFRESH', 10))  # seconds until the hosts are read again
READ_INTERVAL = 1.0  # minimum seconds between two reads


class Hosts:
    """A map from host to (database, suspended), read from the registry. If that fails, the last known map stays in use."""

    def __init__(self, registry):
        self._registry = registry
        self._hosts = None
        self._read_at = self._tried_at = float('-inf')
        self._failing = False
        self._lock = threading.Lock()

    def find(self, host):
        host = (host or '').partition(':')[0].rstrip('.').lower()
        # A suspended host is looked up again, too: after its tenant has resumed, it should not wait for the next regular read.
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

    def _is_due(self, is_missing):
        now = time.monotonic()
        if now - self._tried_at <= READ_INTERVAL:
            return False
        return self._hosts is None or now - self._read_at > REFRESH_AFTER or is_missing()

    def _refresh(self, is_missing):
        # A request waits for a read only if there is no map yet.
        if not self._is_due(is_missing) or not self._lock.acquire(blocking=self._hosts is None):
            return
        try:
            if self._is_due(is_missing):
                self._tried_at = time.monotonic()
                self._hosts = self._read()
                self._read_at = time.monotonic()
                self._failing = False
        except psycopg2.Error as error:
            if not self._failing:
                _logger.warning('Cannot read the registry of hosts; the last known hosts stay in use: %s', error)
            self._failing = True
        finally:
            self._lock.release()

    def _read(self):
        # PGHOST, PGPORT, PGUSER, PGPASSWORD and PGSSLMODE tell psycopg2 where and how to connect.
        connection = psycopg2.connect(dbname=self._registry, connect_timeout=3, application_name='konta_routing')
        with contextlib.closing(connection), connection, connection.cursor() as cursor:
            cursor.execute('SELECT lower(host), database, coalesce(suspended, false) FROM konta_host')
            return {host: (database, suspended) for host, database, suspended in cursor.fetchall()}


hosts = Hosts(os.environ['KONTA_REGISTRY_DATABASE']) if os.environ.get('KONTA_REGISTRY_DATABASE') else None
_request = threading.local()
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
        _request.database, suspended = found
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
    """Allows a remote call to name only the database of the host that it came to."""
    def checked(method, params):
        if methods is None or method in methods:
            if not params or params[0] != getattr(_request, 'database', None):
                raise AccessDenied()
        return dispatch(method, params)
    return checked


_post_dispatch = IrHttp._post_dispatch.__func__


def _keep_robots_out(cls, response):
    """Keeps a neutralised copy out of search results even if links lead to it. robots.txt alone does not prevent that."""
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
