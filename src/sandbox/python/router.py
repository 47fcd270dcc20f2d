"""What the load balancers of the sandbox do with visits: TLS, listener rules, X-Forwarded-*, health checks, draining.

Rules, conditions, redirects and the header fields of a target are MiniStack's, which follow AWS's documents; carrying a
request, and a websocket, to a task is aiohttp's. One port of 127.0.0.1 serves the HTTPS listeners of all load balancers and
one the HTTP listeners: which load balancer a visit is for, DNS would say; here it is the one with a rule for the host.

As on AWS, a fresh target takes visits after one good check, and goes out of service after as many bad ones as its group
says. Not as on AWS: a target that has not answered yet is asked every half second, so that a deployment is quick.
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
# Fields of one connection alone (RFC 9110, 7.6.1), and the length, which aiohttp writes itself.
HOP = {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"}
SOCKET = {"sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions", "sec-websocket-accept"}
VALID_NAME = re.compile(r"[-A-Za-z0-9]+")
# How often a target is asked that has never answered, in seconds.
EAGER = 0.5


class Target:
    """A target of a group, with its health and the visits under way."""

    def __init__(self, group, identifier, port):
        self.group, self.id, self.port = group, identifier, port
        self.state, self.good, self.bad, self.visits, self.asked_at = "initial", 0, 0, 0, 0.0
        self.reason = ""


def verdict(target, answered, healthy_after, unhealthy_after):
    """The state of a target after one more check."""
    target.good, target.bad = (target.good + 1, 0) if answered else (0, target.bad + 1)
    if target.state == "initial":
        return "healthy" if answered else "unhealthy" if target.bad >= unhealthy_after else "initial"
    if target.state == "unhealthy":
        return "healthy" if target.good >= healthy_after else "unhealthy"
    return "unhealthy" if target.bad >= unhealthy_after else target.state


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
        """An authority of this sandbox's own, and a certificate of it for any host that asks."""
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
            server = web.Server(self.visit, access_log=None)
            runner = web.ServerRunner(server)
            await runner.setup()
            await web.SockSite(runner, self.sockets["https"], ssl_context=self.context).start()
            await web.SockSite(runner, self.sockets["http"]).start()
            await self.check_for_ever()

    # --- health --------------------------------------------------------------------------------------------------
    def refresh(self):
        """Take up what ECS or an API call registered; forget what was deregistered."""
        with request_scope(*self.scope):
            listed = {(group, t["Id"]): int(t.get("Port") or alb._tgs[group].get("Port") or 80)
                      for group, targets in list(alb._targets.items()) if group in alb._tgs for t in list(targets)}
        with self.lock:
            for key, port in listed.items():
                found = self.targets.get(key)
                if found is None or found.state == "draining":
                    self.targets[key] = Target(*key, port)
            for key, target in list(self.targets.items()):
                if key not in listed:
                    target.state = "draining"
                    if not target.visits:
                        del self.targets[key]

    async def check_for_ever(self):
        while True:
            try:
                self.refresh()
                now = time.monotonic()
                due = [t for t in list(self.targets.values()) if t.state != "draining" and now - t.asked_at >= self.interval(t)]
                await asyncio.gather(*(self.check(target) for target in due))
            except Exception:
                log.exception("health checks")
            await asyncio.sleep(0.1)

    def group(self, arn):
        with request_scope(*self.scope):
            return dict(alb._tgs.get(arn) or {})

    def interval(self, target):
        return EAGER if target.state == "initial" else int(self.group(target.group).get("HealthCheckIntervalSeconds") or 30)

    async def check(self, target):
        group, target.asked_at = self.group(target.group), time.monotonic()
        address = self.runner.address(target.id, target.port)
        answered, target.reason = False, "Target.Timeout"
        if address:
            url = f"http://{address[0]}:{address[1]}{group.get('HealthCheckPath') or '/'}"
            wanted = str(group.get("Matcher", {}).get("HttpCode", "200") if isinstance(group.get("Matcher"), dict)
                         else group.get("Matcher") or "200")
            patience = aiohttp.ClientTimeout(total=int(group.get("HealthCheckTimeoutSeconds") or 5))
            try:
                headers = {"Host": f"{target.id}:{target.port}", "User-Agent": "ELB-HealthChecker/2.0"}
                async with self.session.get(url, headers=headers, timeout=patience, allow_redirects=False) as answer:
                    answered = matches(answer.status, wanted)
                    target.reason = "" if answered else "Target.ResponseCodeMismatch"
            except (aiohttp.ClientError, asyncio.TimeoutError, OSError):
                pass
        after = (int(group.get("HealthyThresholdCount") or 5), int(group.get("UnhealthyThresholdCount") or 2))
        if target.state != "draining":
            target.state = verdict(target, answered, *after)

    def is_healthy(self, group, identifier):
        target = self.targets.get((group, identifier))
        return bool(target) and target.state == "healthy"

    def health(self, group):
        """Every target of a group: identifier, port, state, reason."""
        return [(t.id, t.port, t.state, t.reason) for t in list(self.targets.values()) if t.group == group]

    def drain(self, identifier):
        """Wait, in a thread of the caller's, until a deregistered target has no visit left, or its group's delay is over."""
        self.refresh()
        mine = [t for (_, i), t in list(self.targets.items()) if i == identifier]
        with request_scope(*self.scope):
            delays = [int(a["Value"]) for t in mine for a in alb._tg_attrs.get(t.group, [])
                      if a.get("Key") == "deregistration_delay.timeout_seconds"]
        deadline = time.monotonic() + max(delays, default=300)
        while any(target.visits for target in mine) and time.monotonic() < deadline:
            time.sleep(0.05)

    # --- visits --------------------------------------------------------------------------------------------------
    def rule(self, request, protocol, headers):
        """The load balancer, the listener and the actions for a visit."""
        query = {name: request.query.getall(name) for name in request.query}
        listeners = [listener for listener in alb._listeners.values() if listener.get("Protocol") == protocol]
        chosen = None
        for listener in listeners:
            rules = sorted((r for r in alb._rules.values() if r.get("ListenerArn") == listener["ListenerArn"]),
                           key=alb._rule_sort_key)
            for rule in rules:
                default = rule.get("IsDefault", False)
                if default or all(alb._match_condition(c, request.method, request.path, headers, query)
                                  for c in rule.get("Conditions", [])):
                    actions = rule.get("Actions") or listener.get("DefaultActions", [])
                    # The default answers only where no other load balancer knows the host.
                    if chosen is None or not default and chosen[3]:
                        chosen = (listener["LoadBalancerArn"], listener, actions, default)
                    break
        return chosen

    def choose(self, group):
        """A target in turn: a healthy one; where none is, any, as AWS does."""
        with self.lock:
            mine = [t for t in self.targets.values() if t.group == group and t.state != "draining"]
            ready = [t for t in mine if t.state == "healthy"] or mine
            if not ready:
                return None
            self.turn += 1
            target = ready[self.turn % len(ready)]
            target.visits += 1
            return target

    async def visit(self, request):
        protocol = "HTTPS" if request.transport and request.transport.get_extra_info("ssl_object") else "HTTP"
        headers = {}
        for name, value in request.headers.items():
            key = name.lower()
            if VALID_NAME.fullmatch(key) and key not in HOP:    # drop_invalid_header_fields
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
                return await self.socket(request, "ws:" + url, sent)
            return await self.carry(request, "http:" + url, sent)
        except (aiohttp.ClientError, OSError) as problem:
            log.warning("%s %s: %s", request.method, request.path, problem)
            return error(502, "Bad Gateway")
        finally:
            with self.lock:
                target.visits -= 1

    async def carry(self, request, url, headers):
        from yarl import URL
        body = request.content if request.can_read_body else None
        if body is None:
            headers.pop("content-length", None)
        async with self.session.request(request.method, URL(url, encoded=True), headers=headers, data=body,
                                        allow_redirects=False, skip_auto_headers=("User-Agent", "Accept", "Content-Type")) as answer:
            response = web.StreamResponse(status=answer.status, reason=answer.reason)
            for name, value in answer.headers.items():
                if name.lower() not in HOP:
                    response.headers.add(name, value)
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response

    async def socket(self, request, url, headers):
        protocols = [p.strip() for p in headers.pop("sec-websocket-protocol", "").split(",") if p.strip()]
        sent = {name: value for name, value in headers.items() if name not in SOCKET}
        async with self.session.ws_connect(url, headers=sent, protocols=protocols, autoping=False, max_msg_size=0) as behind:
            front = web.WebSocketResponse(protocols=protocols, autoping=False, max_msg_size=0)
            await front.prepare(request)

            async def pass_on(source, sink):
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
            ways = [asyncio.create_task(pass_on(front, behind)), asyncio.create_task(pass_on(behind, front))]
            _, pending = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in pending:
                way.cancel()
            return front


def error(status, reason):
    """The page that the load balancer itself writes."""
    text = f"<html>\n<head><title>{status} {reason}</title></head>\n<body><center><h1>{status} {reason}</h1></center></body>\n</html>\n"
    return web.Response(status=status, text=text, content_type="text/html", headers={"Server": "awselb/2.0"})


def matches(status, wanted):
    """Whether a status is among `200`, `200,302` or `200-299`."""
    for part in wanted.split(","):
        low, _, high = part.strip().partition("-")
        if int(low) <= status <= int(high or low):
            return True
    return False


def health_answer(router):
    """DescribeTargetHealth, with what the checks found."""
    def ours(params):
        group = alb._p(params, "TargetGroupArn")
        if group not in alb._tgs:
            return alb._error("TargetGroupNotFound", f"Target group '{group}' not found.")
        router.refresh()
        asked = {t["Id"] for t in alb._parse_targets_param(params)}
        members = "".join(
            f"<member><Target><Id>{identifier}</Id><Port>{port}</Port></Target><TargetHealth><State>{state}</State>"
            + (f"<Reason>{reason}</Reason>" if reason and state != "healthy" else "") + "</TargetHealth></member>"
            for identifier, port, state, reason in router.health(group) if not asked or identifier in asked)
        return alb._xml(200, "DescribeTargetHealth", f"<TargetHealthDescriptions>{members}</TargetHealthDescriptions>")
    return ours


def install(router):
    alb._ACTION_MAP["DescribeTargetHealth"] = health_answer(router)
