"""The sandbox's load balancers: TLS, listener rules, X-Forwarded-*, health checks, draining.

MiniStack provides rules, conditions, redirects and the headers that a target receives, which follow AWS's documentation.
aiohttp forwards requests and websockets to tasks. One port of 127.0.0.1 serves the HTTPS listeners of all load balancers, and
another the HTTP listeners. On AWS, DNS leads a request to its load balancer; here it is the one with a rule for the host.

As on AWS, a new target receives requests after one successful check, and becomes unhealthy after as many failed checks as its
group sets. Not as on AWS: until a target is healthy for the first time, it is checked every quarter of a second, so that
deployments are quick.
"""
import asyncio
import logging
import re
import ssl
import threading
import time

import aiohttp
import trustme
from aiohttp import web

from ministack.core.responses import request_scope
from ministack.services import alb

log = logging.getLogger("router")
# Headers that belong to one connection (RFC 9110, 7.6.1).
HOP_BY_HOP = {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
              "upgrade"}
# Headers that aiohttp writes by itself.
WEBSOCKET_HANDSHAKE = {"sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions", "sec-websocket-accept"}
VALID_NAME = re.compile(r"[-A-Za-z0-9]+")
# Seconds between two checks of a target that has never been healthy.
FIRST_CHECK_INTERVAL = 0.25


class Target:
    """A target of a group, with its health and the number of requests in progress."""

    def __init__(self, group, identifier, port):
        self.group, self.id, self.port = group, identifier, port
        self.state, self.successes, self.failures, self.requests, self.checked_at = "initial", 0, 0, 0, 0.0
        self.reason, self.has_been_healthy, self.is_being_checked = "", False, False


def next_state(target, succeeded, healthy_threshold, unhealthy_threshold):
    """The state of a target after one more check."""
    target.successes, target.failures = (target.successes + 1, 0) if succeeded else (0, target.failures + 1)
    if target.state == "initial":
        return "healthy" if succeeded else "unhealthy" if target.failures >= unhealthy_threshold else "initial"
    if target.state == "unhealthy":
        return "healthy" if target.successes >= healthy_threshold else "unhealthy"
    return "unhealthy" if target.failures >= unhealthy_threshold else target.state


class Router:
    def __init__(self, home, runner, sockets):
        self.home, self.runner, self.scope = home, runner, runner.scope
        self.sockets = sockets      # {"https": socket, "http": socket}
        self.ports = {name: bound.getsockname()[1] for name, bound in sockets.items()}
        self.targets, self.turn, self.lock = {}, 0, threading.Lock()
        self.loop, self.session = None, None
        runner.router = self
        self.certificate()
        threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True, name="router").start()

    def certificate(self):
        """Creates the sandbox's certificate authority. It issues a certificate for each host that is requested."""
        self.authority = trustme.CA(organization_name="konta sandbox")
        self.authority.cert_pem.write_to_path(str(self.home / "authority.pem"))
        self.contexts = {}
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert("localhost", "127.0.0.1").configure_cert(self.context)
        self.context.sni_callback = self.for_host

    def for_host(self, connection, host, _context):
        if host and host not in self.contexts and len(self.contexts) < 1000:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.authority.issue_cert(host).configure_cert(context)
            self.contexts[host] = context
        if host in self.contexts:
            connection.context = self.contexts[host]

    async def serve(self):
        self.loop = asyncio.get_running_loop()
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=10)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False,
                                         cookie_jar=aiohttp.DummyCookieJar()) as self.session:
            server = web.Server(self.handle, access_log=None)
            runner = web.ServerRunner(server)
            await runner.setup()
            await web.SockSite(runner, self.sockets["https"], ssl_context=self.context).start()
            await web.SockSite(runner, self.sockets["http"]).start()
            await self.check_forever()

    # --- health --------------------------------------------------------------------------------------------------
    def refresh(self):
        """Adds targets that ECS or an API call has registered, and drains those that are no longer registered."""
        with request_scope(*self.scope):
            registered = {(group, t["Id"]): int(t.get("Port") or alb._tgs[group].get("Port") or 80)
                          for group, targets in list(alb._targets.items()) if group in alb._tgs for t in list(targets)}
        with self.lock:
            for key, port in registered.items():
                found = self.targets.get(key)
                if found is None or found.state == "draining":
                    self.targets[key] = Target(*key, port)
            for key, target in list(self.targets.items()):
                if key not in registered:
                    target.state = "draining"
                    if not target.requests:
                        del self.targets[key]

    async def check_forever(self):
        checks = set()
        while True:
            try:
                self.refresh()
                now = time.monotonic()
                # A target that is slow to answer does not delay the checks of the others.
                checks = {task for task in checks if not task.done()}
                checks.update(asyncio.create_task(self.check(target)) for target in list(self.targets.values())
                              if target.state != "draining" and not target.is_being_checked
                              and now - target.checked_at >= self.interval(target))
            except Exception:
                log.exception("health checks")
            await asyncio.sleep(0.1)

    def group(self, arn):
        with request_scope(*self.scope):
            return dict(alb._tgs.get(arn) or {})

    def interval(self, target):
        if not target.has_been_healthy:
            return FIRST_CHECK_INTERVAL
        return int(self.group(target.group).get("HealthCheckIntervalSeconds") or 30)

    async def check(self, target):
        group, target.checked_at, target.is_being_checked = self.group(target.group), time.monotonic(), True
        address = self.runner.address(target.id, target.port)
        succeeded, target.reason = False, "Target.Timeout"
        if address:
            url = f"http://{address[0]}:{address[1]}{group.get('HealthCheckPath') or '/'}"
            expected = str(group.get("Matcher", {}).get("HttpCode", "200") if isinstance(group.get("Matcher"), dict)
                           else group.get("Matcher") or "200")
            timeout = aiohttp.ClientTimeout(total=int(group.get("HealthCheckTimeoutSeconds") or 5))
            try:
                headers = {"Host": f"{target.id}:{target.port}", "User-Agent": "ELB-HealthChecker/2.0"}
                async with self.session.get(url, headers=headers, timeout=timeout, allow_redirects=False) as answer:
                    succeeded = matches(answer.status, expected)
                    target.reason = "" if succeeded else "Target.ResponseCodeMismatch"
            except (aiohttp.ClientError, asyncio.TimeoutError, OSError):
                pass
        thresholds = (int(group.get("HealthyThresholdCount") or 5), int(group.get("UnhealthyThresholdCount") or 2))
        target.is_being_checked = False
        if target.state != "draining":
            target.state = next_state(target, succeeded, *thresholds)
            target.has_been_healthy |= target.state == "healthy"

    def is_healthy(self, group, identifier):
        target = self.targets.get((group, identifier))
        return bool(target) and target.state == "healthy"

    def health(self, group):
        """The targets of a group: identifier, port, state and reason of each."""
        return [(target.id, target.port, target.state, target.reason)
                for target in list(self.targets.values()) if target.group == group]

    def drain(self, identifier):
        """Blocks until a deregistered target has no request left, or the delay of its group is over."""
        self.refresh()
        targets = [target for (_, other), target in list(self.targets.items()) if other == identifier]
        with request_scope(*self.scope):
            delays = [int(attribute["Value"]) for target in targets for attribute in alb._tg_attrs.get(target.group, [])
                      if attribute.get("Key") == "deregistration_delay.timeout_seconds"]
        deadline = time.monotonic() + max(delays, default=300)
        while any(target.requests for target in targets) and time.monotonic() < deadline:
            time.sleep(0.05)

    # --- requests ------------------------------------------------------------------------------------------------
    def rule(self, request, protocol, headers):
        """The load balancer, the listener and the actions for a request."""
        query = {name: request.query.getall(name) for name in request.query}
        listeners = [listener for listener in alb._listeners.values() if listener.get("Protocol") == protocol]
        chosen = None
        for listener in listeners:
            rules = [rule for rule in alb._rules.values() if rule.get("ListenerArn") == listener["ListenerArn"]]
            for rule in sorted(rules, key=alb._rule_sort_key):
                is_default = rule.get("IsDefault", False)
                if is_default or all(alb._match_condition(condition, request.method, request.path, headers, query)
                                     for condition in rule.get("Conditions", [])):
                    actions = rule.get("Actions") or listener.get("DefaultActions", [])
                    # A default rule answers only if no load balancer has a rule for the host.
                    if chosen is None or not is_default and chosen[3]:
                        chosen = (listener["LoadBalancerArn"], listener, actions, is_default)
                    break
        return chosen

    def choose(self, group):
        """The next healthy target of a group. If none is healthy, any target, as on AWS."""
        with self.lock:
            targets = [target for target in self.targets.values() if target.group == group and target.state != "draining"]
            candidates = [target for target in targets if target.state == "healthy"] or targets
            if not candidates:
                return None
            self.turn += 1
            target = candidates[self.turn % len(candidates)]
            target.requests += 1
            return target

    async def handle(self, request):
        protocol = "HTTPS" if request.transport and request.transport.get_extra_info("ssl_object") else "HTTP"
        headers = {}
        for name, value in request.headers.items():
            key = name.lower()
            if VALID_NAME.fullmatch(key) and key not in HOP_BY_HOP:     # drop_invalid_header_fields
                headers[key] = f"{headers[key]}, {value}" if key in headers and key != "cookie" else value
        with request_scope(*self.scope):
            found = self.rule(request, protocol, headers)
            if not found:
                return web.Response(status=503, text="no listener")
            balancer, listener, actions, _ = found
            if protocol == "HTTPS":
                listener = {**listener, "Protocol": "HTTPS"}
            sent = alb._target_headers(balancer, listener, headers, request.remote or "127.0.0.1")
            action = actions[-1]
            if action.get("Type", "").lower() != "forward":
                raw = request.rel_url.raw_query_string
                status, more, body = await alb._execute_action(action, request.method, request.path, sent, b"", {}, raw)
                return web.Response(status=status, headers={**more, "Server": "awselb/2.0"}, body=body)
        group = action.get("TargetGroupArn") or action["ForwardConfig"]["TargetGroups"][0]["TargetGroupArn"]
        target = self.choose(group)
        if target is None:
            return error(503, "Service Temporarily Unavailable")
        try:
            address = self.runner.address(target.id, target.port)
            if address is None:
                return error(502, "Bad Gateway")
            url = f"//{address[0]}:{address[1]}{request.raw_path}"
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self.forward_websocket(request, "ws:" + url, sent)
            return await self.forward(request, "http:" + url, sent)
        except (aiohttp.ClientError, OSError) as failure:
            log.warning("%s %s: %s", request.method, request.path, failure)
            return error(502, "Bad Gateway")
        finally:
            with self.lock:
                target.requests -= 1

    async def forward(self, request, url, headers):
        from yarl import URL
        body = request.content if request.can_read_body else None
        if body is None:
            headers.pop("content-length", None)
        async with self.session.request(request.method, URL(url, encoded=True), headers=headers, data=body,
                                        allow_redirects=False,
                                        skip_auto_headers=("User-Agent", "Accept", "Content-Type")) as answer:
            response = web.StreamResponse(status=answer.status, reason=answer.reason)
            for name, value in answer.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    response.headers.add(name, value)
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response

    async def forward_websocket(self, request, url, headers):
        protocols = [p.strip() for p in headers.pop("sec-websocket-protocol", "").split(",") if p.strip()]
        sent = {name: value for name, value in headers.items() if name not in WEBSOCKET_HANDSHAKE}
        options = {"protocols": protocols, "autoping": False, "max_msg_size": 0}
        async with self.session.ws_connect(url, headers=sent, **options) as to_task:
            to_visitor = web.WebSocketResponse(**options)
            await to_visitor.prepare(request)

            async def relay(source, sink):
                async for message in source:
                    if message.type == aiohttp.WSMsgType.TEXT:
                        await sink.send_str(message.data)
                    elif message.type == aiohttp.WSMsgType.BINARY:
                        await sink.send_bytes(message.data)
                    elif message.type == aiohttp.WSMsgType.PING:
                        await sink.ping(message.data)
                    elif message.type == aiohttp.WSMsgType.PONG:
                        await sink.pong(message.data)
                await sink.close(code=source.close_code or 1000)
            relays = [asyncio.create_task(relay(to_visitor, to_task)), asyncio.create_task(relay(to_task, to_visitor))]
            _, pending = await asyncio.wait(relays, return_when=asyncio.FIRST_COMPLETED)
            for unfinished in pending:
                unfinished.cancel()
            return to_visitor


def error(status, reason):
    """A page of the load balancer itself."""
    text = (f"<html>\n<head><title>{status} {reason}</title></head>\n"
            f"<body><center><h1>{status} {reason}</h1></center></body>\n</html>\n")
    return web.Response(status=status, text=text, content_type="text/html", headers={"Server": "awselb/2.0"})


def matches(status, expected):
    """Whether a status is one of `expected`, such as `200`, `200,302` or `200-299`."""
    for part in expected.split(","):
        low, _, high = part.strip().partition("-")
        if int(low) <= status <= int(high or low):
            return True
    return False


def describe_target_health(router):
    """DescribeTargetHealth, with the results of the checks."""
    def answer(params):
        group = alb._p(params, "TargetGroupArn")
        if group not in alb._tgs:
            return alb._error("TargetGroupNotFound", f"Target group '{group}' not found.")
        router.refresh()
        requested = {target["Id"] for target in alb._parse_targets_param(params)}
        members = "".join(
            f"<member><Target><Id>{identifier}</Id><Port>{port}</Port></Target><TargetHealth><State>{state}</State>"
            + (f"<Reason>{reason}</Reason>" if reason and state != "healthy" else "") + "</TargetHealth></member>"
            for identifier, port, state, reason in router.health(group) if not requested or identifier in requested)
        return alb._xml(200, "DescribeTargetHealth", f"<TargetHealthDescriptions>{members}</TargetHealthDescriptions>")
    return answer


def install(router):
    alb._ACTION_MAP["DescribeTargetHealth"] = describe_target_health(router)
