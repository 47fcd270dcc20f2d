"""The RDS Data API of konta's sandbox, answered by the cluster's real PostgreSQL server.

A statement runs as the user in the secret, in the database of the call, and commits unless it belongs to a transaction.
Errors are PostgreSQL's, in the format of AWS. As on AWS, these are refused: several statements in one call, a parameter in a
statement that cannot have one, a cluster without the HTTP endpoint.

Not implemented: the pause of an idle cluster; and the StatementTimeoutException after 45 seconds while a statement with
continueAfterTimeout continues (here the call waits until the statement ends).
"""
import asyncio
import base64
import json
import threading
import time
import uuid

import psycopg2
from psycopg2 import extensions, sql

from ministack.services import rds, rds_data, secretsmanager

IDLE_SECONDS = 180          # after which an idle transaction is rolled back
STATEMENT_TIMEOUT = 45_000  # in milliseconds, without continueAfterTimeout
MAX_RESULT = 1 << 20        # bytes
# Types that AWS returns as PostgreSQL's text: numeric, date, time, timestamp(tz), interval, json(b), uuid.
AS_TEXT = extensions.new_type((1700, 1082, 1083, 1266, 1114, 1186, 114, 3802, 2950), "KONTA_TEXT", lambda v, c: v)
IN_UTC = extensions.new_type((1184,), "KONTA_UTC", lambda v, c: v and v.removesuffix("+00"))
TYPE_NAMES = {16: "bool", 17: "bytea", 18: "char", 19: "name", 20: "int8", 21: "int2", 23: "int4", 25: "text", 26: "oid",
              114: "json", 700: "float4", 701: "float8", 1042: "bpchar", 1043: "varchar", 1082: "date", 1083: "time",
              1114: "timestamp", 1184: "timestamptz", 1700: "numeric", 2950: "uuid", 3802: "jsonb"}
JDBC_TYPES = {16: -7, 17: -2, 20: -5, 21: 5, 23: 4, 26: -5, 700: 7, 701: 8, 1082: 91, 1083: 92, 1114: 93, 1184: 93, 1700: 2}
TYPE_HINTS = {"UUID": "uuid", "JSON": "json", "DATE": "date", "TIME": "time", "TIMESTAMP": "timestamp", "DECIMAL": "numeric"}
STATEMENTS_WITH_PARAMETERS = ("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "VALUES", "WITH", "TABLE")
_transactions, _lock = {}, threading.Lock()
databases = None            # set by install()


class Refusal(Exception):
    """An error that the Data API answers with."""

    def __init__(self, code, message, status=400):
        super().__init__(message)
        self.code, self.status = code, status


def tokens(text):
    """Splits SQL into pairs (kind, text). The kind is code, quoted, comment, parameter or semicolon."""
    at, start, size = 0, 0, len(text)

    def is_word(position):
        return position < size and (text[position].isalnum() or text[position] in "_$")
    while at < size:
        char, kind, end = text[at], None, None
        if char in "'\"":
            escapes = char == "'" and at > 0 and text[at - 1] in "eE" and not (at > 1 and is_word(at - 2))
            end = at + 1
            while end < size and text[end] != char:
                end += 2 if escapes and text[end] == "\\" else 1
            kind, end = "quoted", end + 1
        elif text.startswith("--", at):
            kind, end = "comment", (text.find("\n", at) + 1 or size)
        elif text.startswith("/*", at):
            depth, end = 1, at + 2
            while end < size and depth:
                step = {"/*": 1, "*/": -1}.get(text[end:end + 2], 0)
                depth, end = depth + step, end + (2 if step else 1)
            kind = "comment"
        elif char == "$" and not (at and is_word(at - 1)):
            tag = text.find("$", at + 1)
            if tag > 0 and (tag == at + 1 or text[at + 1:tag].replace("_", "a").isalnum() and not text[at + 1].isdigit()):
                close = text.find(text[at:tag + 1], tag + 1)
                kind, end = "quoted", size if close < 0 else close + tag + 1 - at
        elif char == ":" and text.startswith("::", at):
            at += 2
            continue
        elif char == ":" and at + 1 < size and (text[at + 1].isalpha() or text[at + 1] == "_"):
            end = at + 1
            while is_word(end):
                end += 1
            kind = "parameter"
        elif char == ";":
            kind, end = "semicolon", at + 1
        if kind is None:
            at += 1
            continue
        if at > start:
            yield "code", text[start:at]
        yield kind, text[at:end]
        at = start = end
    if at > start:
        yield "code", text[start:at]


def literal(parameter):
    """A parameter as AWS binds it. A string is a varchar, so a missing cast fails here as it does there."""
    value, hint = parameter.get("value") or {"isNull": True}, parameter.get("typeHint")
    if value.get("isNull"):
        return sql.SQL("NULL")
    for field, kind in (("stringValue", TYPE_HINTS.get(hint, "varchar")), ("longValue", "bigint"),
                        ("doubleValue", "double precision"), ("booleanValue", "boolean")):
        if field in value:
            return sql.SQL(f"CAST({{}} AS {kind})").format(sql.Literal(value[field]))
    if "blobValue" in value:
        return sql.SQL("CAST({} AS bytea)").format(sql.Literal(base64.b64decode(value["blobValue"])))
    raise Refusal("ValidationException", "Array parameters are not supported.")


def compose(text, parameters, connection):
    """The statement with its parameters inserted. Refuses more than one statement."""
    values = {parameter.get("name"): parameter for parameter in parameters or []}
    out, ended, used, first = [], False, False, ""
    for kind, token in tokens(text):
        if kind == "semicolon":
            ended = True
            continue
        is_blank = kind == "comment" or not token.strip()
        if ended and not is_blank:
            raise Refusal("ValidationException", "Multistatements aren't supported.")
        if not is_blank and not first:
            first = token.split(None, 1)[0].strip("(").upper()
        if kind == "parameter" and token[1:] in values:
            out.append(literal(values[token[1:]]).as_string(connection))
            used = True
        else:
            out.append(token)
    if used and first not in STATEMENTS_WITH_PARAMETERS:
        # For example CREATE ROLE ... PASSWORD :p. PostgreSQL binds parameters only in queries.
        raise Refusal("DatabaseErrorException", 'ERROR: syntax error at or near "$1"; SQLState: 42601')
    if not first:
        raise Refusal("ValidationException", "SQL is empty")
    return "".join(out)


def cluster_of(data):
    for name in ("resourceArn", "secretArn"):
        if not data.get(name):
            raise Refusal("ValidationException",
                          f"Value null at '{name}' failed to satisfy constraint: Member must not be null")
    arn = data["resourceArn"]
    cluster = rds._resolve_cluster(arn) if ":cluster:" in arn else None
    server = databases.servers.get(arn)
    if not cluster or not server:
        raise Refusal("DatabaseNotFoundException", f"DB cluster {arn} could not be found.", 404)
    if not cluster.get("HttpEndpointEnabled"):
        raise Refusal("HttpEndpointNotEnabledException", f"HttpEndpoint is not enabled for resource {arn}")
    if not cluster.get("DBClusterMembers"):
        raise Refusal("DatabaseNotFoundException", "The DB cluster doesn't have a DB instance.", 404)
    return cluster, server


def credentials(arn):
    _name, secret = secretsmanager._resolve(arn, use_arn_scope=True)
    if not secret or secret.get("DeletedDate"):
        raise Refusal("SecretsErrorException", "Secrets Manager can't find the specified secret.")
    try:
        current = next(version for version in secret["Versions"].values() if "AWSCURRENT" in version["Stages"])
        content = json.loads(current["SecretString"])
        return content["username"], content["password"]
    except (StopIteration, KeyError, TypeError, ValueError):
        raise Refusal("InvalidSecretException", "The secret must hold a username and a password.") from None


def connect(data):
    cluster, server = cluster_of(data)
    user, password = credentials(data["secretArn"])
    server.revive()
    timeout = 0 if data.get("continueAfterTimeout") else STATEMENT_TIMEOUT
    connection = psycopg2.connect(
        host="127.0.0.1", port=server.record["port"], user=user, password=password, connect_timeout=10,
        dbname=data.get("database") or cluster.get("DatabaseName") or "postgres",
        application_name="rds-data-api", options=f"-c statement_timeout={timeout}")
    extensions.register_type(AS_TEXT, connection)
    extensions.register_type(IN_UTC, connection)
    return connection


class Session:
    """The connection of one call: that of its transaction, or a new one in autocommit mode."""

    def __init__(self, data):
        self.data, self.transaction = data, None

    def __enter__(self):
        if not self.data.get("transactionId"):
            self.connection = connect(self.data)
            self.connection.autocommit = True
            return self.connection
        cluster_of(self.data)
        self.transaction = find_transaction(self.data)
        if not self.transaction["busy"].acquire(blocking=False):
            self.transaction = None
            raise Refusal("DatabaseErrorException", "Transaction is still running a query")
        return self.transaction["connection"]

    def __exit__(self, *_):
        if self.transaction:
            self.transaction["used"] = time.monotonic()
            self.transaction["busy"].release()
        elif not self.data.get("transactionId"):
            self.connection.close()


def find_transaction(data, take=False):
    now = time.monotonic()
    with _lock:
        for key in [k for k, t in _transactions.items() if now - t["used"] > IDLE_SECONDS and not t["busy"].locked()]:
            _transactions.pop(key)["connection"].close()
        found = _transactions.get(data.get("transactionId"))
        if not found or found["arn"] != data.get("resourceArn"):
            raise Refusal("TransactionNotFoundException", f"Transaction {data.get('transactionId')} is not found", 404)
        return _transactions.pop(data["transactionId"]) if take else found


def field(value):
    if value is None:
        return {"isNull": True}
    if isinstance(value, bool):
        return {"booleanValue": value}
    if isinstance(value, int):
        return {"longValue": value}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, memoryview):
        return {"blobValue": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, list):
        kinds = {bool: "booleanValues", int: "longValues", float: "doubleValues"}
        kind = next((kinds[type(v)] for v in value if type(v) in kinds), "stringValues")
        return {"arrayValue": {kind: value if kind != "stringValues" else [v if v is None else str(v) for v in value]}}
    return {"stringValue": str(value)}


def column_metadata(column):
    code = column.type_code
    return {"name": column.name, "label": column.name, "typeName": TYPE_NAMES.get(code, "text"), "nullable": 1,
            "type": JDBC_TYPES.get(code, 12), "precision": column.precision or 0, "scale": column.scale or 0,
            "schemaName": "", "tableName": "", "arrayBaseColumnType": 0, "isAutoIncrement": False,
            "isCaseSensitive": True, "isCurrency": False, "isSigned": code in (20, 21, 23, 700, 701, 1700)}


def execute(data):
    with Session(data) as connection, connection.cursor() as cursor:
        cursor.execute(compose(data.get("sql") or "", data.get("parameters"), connection))
        is_query = cursor.statusmessage.split()[:1] in (["SELECT"], ["SHOW"], ["EXPLAIN"], ["FETCH"])
        answer = {"numberOfRecordsUpdated": 0 if is_query else max(cursor.rowcount, 0), "generatedFields": []}
        if cursor.description:
            rows = [[field(v) for v in row] for row in cursor.fetchall()]
            names = [column.name for column in cursor.description]
            if data.get("formatRecordsAs") == "JSON":
                answer["formattedRecords"] = json.dumps(
                    [{n: None if "isNull" in f else next(iter(f.values())) for n, f in zip(names, r)} for r in rows])
            else:
                answer["records"] = rows
            if data.get("includeResultMetadata"):
                answer["columnMetadata"] = [column_metadata(column) for column in cursor.description]
        if len(json.dumps(answer)) > MAX_RESULT:
            raise Refusal("UnsupportedResultException", "Database returned more than the allowed response size limit")
        return answer


def batch(data):
    with Session(data) as connection, connection.cursor() as cursor:
        for parameters in data.get("parameterSets") or [[]]:
            cursor.execute(compose(data.get("sql") or "", parameters, connection))
        return {"updateResults": [{"generatedFields": []} for _ in data.get("parameterSets") or [[]]]}


def begin(data):
    connection, key = connect(data), str(uuid.uuid4())
    with _lock:
        _transactions[key] = {"connection": connection, "arn": data["resourceArn"], "used": time.monotonic(),
                              "busy": threading.Lock()}
    return {"transactionId": key}


def finish(data, method, status):
    cluster_of(data)
    connection = find_transaction(data, take=True)["connection"]
    try:
        getattr(connection, method)()
    finally:
        connection.close()
    return {"transactionStatus": status}


OPERATIONS = {"/Execute": execute, "/BatchExecute": batch, "/BeginTransaction": begin,
              "/CommitTransaction": lambda data: finish(data, "commit", "Transaction Committed"),
              "/RollbackTransaction": lambda data: finish(data, "rollback", "Rollback Complete")}


def database_error(error):
    """PostgreSQL's message, with position and state appended as on AWS."""
    diag = getattr(error, "diag", None)
    if diag is None or not diag.message_primary:
        text = str(error).strip()
        fatal = text.find("FATAL:")
        if fatal < 0:
            return Refusal("DatabaseUnavailableException", text, 504)
        return Refusal("DatabaseErrorException", " ".join(text[fatal:].split()))
    if error.pgcode == "57014" and "statement timeout" in diag.message_primary:
        return Refusal("StatementTimeoutException", f"ERROR: {diag.message_primary}")
    text = f"{diag.severity}: {diag.message_primary}"
    for name, extra in (("Detail", diag.message_detail), ("Hint", diag.message_hint),
                        ("Position", diag.statement_position)):
        text += f"; {name}: {extra}" if extra else ""
    return Refusal("DatabaseErrorException", f"{text}; SQLState: {error.pgcode}")


def answer(path, body):
    try:
        data = json.loads(body or b"{}")
        return 200, {"Content-Type": "application/json"}, json.dumps(OPERATIONS[path](data)).encode()
    except psycopg2.Error as error:
        refusal = database_error(error)
    except Refusal as error:
        refusal = error
    except (KeyError, ValueError):
        refusal = Refusal("ValidationException", "The request is not valid.")
    return (refusal.status, {"Content-Type": "application/json", "x-amzn-ErrorType": refusal.code},
            json.dumps({"__type": refusal.code, "message": str(refusal)}).encode())


async def handle_request(_method, path, _headers, body, _query):
    # In a thread: a statement that waits for a lock must not block the event loop.
    return await asyncio.to_thread(answer, path, body)


def reset():
    """Rolls all open transactions back."""
    with _lock:
        open_transactions, _ = list(_transactions.values()), _transactions.clear()
    for transaction in open_transactions:
        transaction["connection"].close()


def install(servers):
    global databases
    databases = servers
    rds_data.handle_request = handle_request
