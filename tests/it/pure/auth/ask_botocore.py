"""What botocore would use for a profile, told without asking AWS.

Reads one JSON object a line: {"config": [bytes], "credentials": [bytes], "profile": name or null, "environment": {...}}.
Writes one JSON object a line: {"base": ..., "roles": [...], "region": ...} or {"error": the exception's class}.

Every place where botocore would ask AWS or run a program is replaced by one that notes what was asked for.
"""

import json
import os
import sys
import tempfile

import botocore.credentials as credentials
import botocore.exceptions
import botocore.loaders
import botocore.model
import botocore.session
import botocore.utils as utils
import botocore.validate

LATER = "2999-01-01T00:00:00Z"
FRESH = {"access_key": "fresh", "secret_key": "fresh", "token": "fresh", "expiry_time": LATER, "account_id": None}
STS = botocore.model.ServiceModel(botocore.loaders.create_loader().load_service_model("sts", "service-2"), "sts")
note = {}


def noted(kind, **more):
    note["base"] = {"kind": kind, **more}
    return dict(FRESH)


class Sts:
    """An STS client that checks what it is given as the real one does, and answers by itself."""

    def __init__(self, key, secret, token):
        self.keys = {"kind": "keys", "key": key, "secret": secret, "token": token or None}

    def checked(self, operation, parameters):
        shape = STS.operation_model(operation).input_shape
        report = botocore.validate.ParamValidator().validate(parameters, shape)
        if report.has_errors():
            raise botocore.exceptions.ParamValidationError(report=report.generate_report())

    def assume_role(self, **parameters):
        self.checked("AssumeRole", parameters)
        if not note["roles"] and "base" not in note:
            note["base"] = self.keys
        name = parameters["RoleSessionName"]
        note["roles"].append(
            {
                "arn": parameters["RoleArn"],
                "external_id": parameters.get("ExternalId"),
                "session_name": None if name.startswith("botocore-session-") else name,
                "duration": parameters.get("DurationSeconds"),
                "serial": parameters.get("SerialNumber"),
            }
        )
        return self.answer()

    def assume_role_with_web_identity(self, **parameters):
        self.checked("AssumeRoleWithWebIdentity", parameters)
        name = parameters["RoleSessionName"]
        note["base"].update(
            role=parameters["RoleArn"], session_name=None if name.startswith("botocore-session-") else name
        )
        return self.answer()

    def answer(self):
        keys = {"AccessKeyId": "fresh", "SecretAccessKey": "fresh", "SessionToken": "fresh", "Expiration": LATER}
        return {"Credentials": keys, "AssumedRoleUser": {"Arn": "arn:aws:sts::123456789012:assumed-role/r/s"}}


def client(self, service_name, *_, **options):
    return Sts(*(options.get(f"aws_{name}") for name in ("access_key_id", "secret_access_key", "session_token")))


def token_file(self):
    noted("web-identity", token_file=self._web_identity_token_path)
    return "token"


def single_sign_on(self):
    return noted("sso", account=self._account_id, role=self._role_name)


def container(self, full_url, headers=None):
    noted("container")
    return {"AccessKeyId": "fresh", "SecretAccessKey": "fresh", "Token": "fresh", "Expiration": LATER}


botocore.session.Session.create_client = client
utils.FileWebIdentityTokenLoader.__call__ = token_file
credentials.SSOCredentialFetcher.fetch_credentials = single_sign_on
credentials.EC = object()
credentials.LoginCredentialFetcher.load_cached_credentials = lambda self: noted("login", session=self._session_name)
credentials.ProcessProvider._retrieve_credentials_using = lambda self, command: noted("process", command=command)
utils.ContainerMetadataFetcher.retrieve_full_uri = container
utils.InstanceMetadataFetcher.retrieve_iam_role_credentials = lambda self: {"role_name": "r", **noted("instance")}


def resolve(asked, folder):
    paths = {}
    for name in ("config", "credentials"):
        paths[name] = os.path.join(folder, name)
        with open(paths[name], "wb") as file:
            file.write(bytes(asked[name]))
    os.environ.clear()
    os.environ.update(
        HOME=folder,
        AWS_CONFIG_FILE=paths["config"],
        AWS_SHARED_CREDENTIALS_FILE=paths["credentials"],
        BOTO_CONFIG=os.path.join(folder, "none"),
    )
    os.environ.update(asked["environment"])
    note.clear()
    note["roles"] = []
    try:
        session = botocore.session.Session()
        if asked["profile"] is not None:
            session.set_config_variable("profile", asked["profile"])
        resolver = session.get_component("credential_provider")
        resolver.get_provider("assume-role")._prompter = lambda prompt: "123456"
        found = resolver.load_credentials()
        keys = found.get_frozen_credentials()
        region = session.get_config_variable("region")
    except Exception as error:  # every kind of refusal is an answer
        return {"error": type(error).__name__}
    base = note.get("base") or Sts(keys.access_key, keys.secret_key, keys.token).keys
    if base["kind"] == "keys" and base["key"] == os.environ.get("AWS_ACCESS_KEY_ID"):
        base["kind"] = "environment"
    return {"base": base, "roles": note["roles"], "region": region}


def main():
    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            print(json.dumps(resolve(json.loads(line), folder), sort_keys=True), flush=True)


main()
