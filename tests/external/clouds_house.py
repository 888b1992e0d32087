"""Clouds on 127.0.0.1 that do not believe everything: moto, and the two calls of Google's that gcp-login makes.

moto checks signatures and permissions. What it takes unchecked, the identity token of AssumeRoleWithWebIdentity, is checked
here as AWS does: by the identity provider and the role's trust policy that are registered in moto, and by the keys that the
issuer publishes. The Google of this file knows one pool, which is told whom to trust by POST /trust.

Prints one line of JSON: where they are, and keys. Ends when its input ends.
"""

import json
import logging
import os
import sys
import threading
import urllib.parse
import urllib.request
import uuid
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

os.environ["AWS_ACCESS_KEY_ID"] = os.environ["AWS_SECRET_ACCESS_KEY"] = "testing"

import boto3  # noqa: E402
from joserfc import jwt  # noqa: E402
from joserfc.jwk import KeySet  # noqa: E402
from moto import settings  # noqa: E402
from moto.core.authorization import ActionAuthenticatorMixin  # noqa: E402
from moto.iam.models import iam_backends  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402
from werkzeug.exceptions import BadRequest  # noqa: E402

ACCOUNT = "123456789012"
REGION = "eu-west-1"
PROJECT = 987654321
SERVICE_ACCOUNT = "deployer@house-1.iam.gserviceaccount.com"


def fetched(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def verified(token, trusted):
    """The claims, if the issuer of this URL has signed them and they are good now; by what it publishes, and nothing else."""
    described = fetched(trusted + "/.well-known/openid-configuration")
    assert described["issuer"] == trusted, described
    keys = KeySet.import_key_set(fetched(described["jwks_uri"]))
    decoded = jwt.decode(token, keys, algorithms=["RS256"])
    rules = {name: {"essential": True} for name in ("sub", "aud", "exp", "iat", "nbf")}
    jwt.JWTClaimsRegistry(leeway=5, iss={"essential": True, "value": trusted}, **rules).validate(decoded.claims)
    return decoded.claims


class Refused(Exception):
    pass


# AWS -----------------------------------------------------------------------------------------------------------------


def as_aws_does(arn, token):
    """Checks the token of AssumeRoleWithWebIdentity by what is registered."""
    backend = iam_backends[ACCOUNT]["aws"]
    role = next((r for r in backend.roles.values() if r.arn == arn), None)
    if role is None:
        raise Refused("AccessDenied: no such role")
    why = "InvalidIdentityToken: no identity provider"
    for provider in backend.open_id_providers.values():
        issuer = provider.url if "://" in provider.url else "http://" + provider.url
        try:
            claims = verified(token, issuer)
        except Exception as error:
            why = f"InvalidIdentityToken: {type(error).__name__}: {error} in {token}"
            continue
        trust = json.loads(role.assume_role_policy_document)
        name = issuer.split("://", 1)[1]
        for statement in trust["Statement"]:
            wanted = statement.get("Condition", {}).get("StringEquals", {})
            said = {f"{name}:{claim}": claims[claim] for claim in ("sub", "aud")}
            if claims["aud"] in provider.client_id_list and wanted and all(said.get(k) == v for k, v in wanted.items()):
                return
        why = f"AccessDenied: not authorized to perform sts:AssumeRoleWithWebIdentity as {claims['sub']}"
    raise Refused(why)


usual = ActionAuthenticatorMixin._authenticate_and_authorize_action


def checked(self, cls, resource="*"):
    if self._get_action() != "AssumeRoleWithWebIdentity":
        return usual(self, cls, resource)
    try:
        as_aws_does(self._get_param("RoleArn"), self._get_param("WebIdentityToken"))
    except Refused as refused:
        code, _, message = str(refused).partition(": ")
        body = f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
        raise BadRequest(body) from None


ActionAuthenticatorMixin._authenticate_and_authorize_action = checked


def seed(url):
    client = lambda name: boto3.client(name, region_name=REGION, endpoint_url=url)
    iam = client("iam")
    allow = lambda *actions: json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]})
    keys = {}
    for name, actions in {
        "admin": ["*"],
        "reader": ["sts:GetCallerIdentity", "s3:ListAllMyBuckets", "secretsmanager:GetSecretValue", "ssm:GetParameter"],
        "nobody": ["sts:GetCallerIdentity"],
    }.items():
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=allow(*actions))
        made = iam.create_access_key(UserName=name)["AccessKey"]
        keys[name] = {"accessKeyId": made["AccessKeyId"], "secretAccessKey": made["SecretAccessKey"]}
    s3 = client("s3")
    for name in ("house-one", "house-two"):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    secrets = client("secretsmanager")
    secrets.create_secret(Name="api-key", SecretString="stored-secret-one")
    secrets.put_secret_value(SecretId="api-key", SecretString="stored-secret-two")
    secrets.create_secret(Name="odd/+=.@_- name", SecretString='{"user": "u", "password": "stored-secret-json"}')
    secrets.create_secret(Name="ünïcode", SecretString="stored-secret-ünï ☃ \n \"'")
    secrets.create_secret(Name="binary", SecretBinary=bytes(range(256)))
    secrets.create_secret(Name="empty-of-text", SecretString=" ")
    ssm = client("ssm")
    ssm.put_parameter(Name="/house/plain", Type="String", Value="first")
    ssm.put_parameter(Name="/house/plain", Type="String", Value="plain text", Overwrite=True)
    ssm.label_parameter_version(Name="/house/plain", ParameterVersion=1, Labels=["stable"])
    ssm.put_parameter(Name="/house/list", Type="StringList", Value="one,two,three")
    ssm.put_parameter(Name="/house/odd.name_-/x", Type="SecureString", Value="stored-secret-secure")
    versions = secrets.describe_secret(SecretId="api-key")["VersionIdsToStages"]
    previous = next(version for version, stages in versions.items() if "AWSPREVIOUS" in stages)
    arn = secrets.describe_secret(SecretId="api-key")["ARN"]
    return keys, {"previous": previous, "arn": arn}


# Google --------------------------------------------------------------------------------------------------------------


class Google(BaseHTTPRequestHandler):
    trusted = None
    tokens = {"static-google-token": "given"}

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        if self.path == "/trust":
            Google.trusted = json.loads(body)
            return self.answer(200, {})
        if self.path == "/v1/token":
            return self.exchange(dict(urllib.parse.parse_qsl(body)))
        before, after = "/v1/projects/-/serviceAccounts/", ":generateAccessToken"
        if self.path.startswith(before) and self.path.endswith(after):
            return self.impersonate(urllib.parse.unquote(self.path[len(before):-len(after)]), json.loads(body))
        self.answer(404, {"error": {"code": 404, "status": "NOT_FOUND", "message": "no such path"}})

    def exchange(self, form):
        pool = f"//iam.googleapis.com/projects/{PROJECT}/locations/global/workloadIdentityPools/house/providers/pileus"
        refused = lambda code, why: self.answer(400, {"error": code, "error_description": why})
        kind = "urn:ietf:params:oauth:"
        if form.get("audience") != pool:
            return refused("invalid_request", "Invalid value for \"audience\".")
        if (form.get("grant_type"), form.get("subject_token_type"), form.get("requested_token_type")) != (
                kind + "grant-type:token-exchange", kind + "token-type:jwt", kind + "token-type:access_token"):
            return refused("invalid_request", "wrong types")
        if form.get("scope") != "https://www.googleapis.com/auth/cloud-platform":
            return refused("invalid_scope", "no scope")
        try:
            claims = verified(form["subject_token"], self.trusted["issuer"])
        except Exception as error:
            return refused("invalid_grant", f"{type(error).__name__}: {error} in {form['subject_token']}")
        if claims["aud"] != self.trusted["audience"] or claims["sub"] != self.trusted["subject"]:
            return refused("unauthorized_client", f"the condition of the pool refuses {claims['sub']} for {claims['aud']}")
        token = "federated-" + uuid.uuid4().hex
        self.tokens[token] = claims["sub"]
        self.answer(200, {"access_token": token, "issued_token_type": kind + "token-type:access_token",
                          "token_type": "Bearer", "expires_in": 3600})

    def impersonate(self, account, asked):
        refused = lambda code, status, why: self.answer(code, {"error": {"code": code, "status": status, "message": why}})
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            return refused(401, "UNAUTHENTICATED", f"Request had invalid authentication credentials: {token}")
        if account != SERVICE_ACCOUNT:
            return refused(403, "PERMISSION_DENIED", "Permission 'iam.serviceAccounts.getAccessToken' denied")
        seconds = int(asked["lifetime"].removesuffix("s"))
        if not 1 <= seconds <= 3600 or asked["scope"] != ["https://www.googleapis.com/auth/cloud-platform"]:
            return refused(400, "INVALID_ARGUMENT", "The access token lifetime cannot exceed 3600 seconds.")
        ends = datetime.now(timezone.utc) + timedelta(seconds=seconds)
        self.answer(200, {"accessToken": f"ya29.stored-secret-{uuid.uuid4().hex}",
                          "expireTime": ends.strftime("%Y-%m-%dT%H:%M:%SZ")})


logging.getLogger("werkzeug").setLevel(logging.ERROR)
moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
moto.start()
aws = "http://{}:{}".format(*moto.get_host_and_port())
google = ThreadingHTTPServer(("127.0.0.1", 0), Google)
threading.Thread(target=google.serve_forever, daemon=True).start()
keys, secrets = seed(aws)
# From here on signatures and permissions are checked.
settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
house = {"aws": aws, "gcp": f"http://127.0.0.1:{google.server_port}", "keys": keys, "secrets": secrets, "region": REGION,
         "account": ACCOUNT, "project": PROJECT, "serviceAccount": SERVICE_ACCOUNT}
print(json.dumps(house), flush=True)
sys.stdin.read()
moto.stop()
google.shutdown()
