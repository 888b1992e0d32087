"""Providers, seen by others: boto3 uses what environments give, joserfc verifies what Pileus signs.

Arguments: the server, its token, and what clouds_house.py printed. Prints a JSON object: `secrets`, texts that must not be
anywhere in clear in the end.
"""

import base64
import json
import sys
import time
import urllib.error
import urllib.request

import boto3
from botocore.exceptions import ClientError
from joserfc import jwt
from joserfc.jwk import KeySet

URL, TOKEN, HOUSE = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
BASE = "/api/esc/environments/pulumi"
SECRETS = ["stored-secret-"]


def ask(method, path, body=None, status=200):
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(URL + path, data=data, method=method)
    request.add_header("Authorization", f"token {TOKEN}")
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            got, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        got, text = error.code, error.read().decode()
    assert got == status or (status == 200 and got < 300), (method, path, got, text)
    return json.loads(text) if text else None


def environment(name, values, imports=()):
    project, env = name.split("/")
    ask("POST", BASE, {"project": project, "name": env})
    document = {"values": values, **({"imports": list(imports)} if imports else {})}
    ask("PATCH", f"{BASE}/{name}", json.dumps(document))


def plain(value):
    inner = value["value"]
    if isinstance(inner, dict):
        return {k: plain(v) for k, v in inner.items()}
    return [plain(v) for v in inner] if isinstance(inner, list) else inner


def opened(name):
    session = ask("POST", f"{BASE}/{name}/open?duration=1h", "")
    return ask("GET", f"{BASE}/{name}/open/{session['id']}").get("properties", {})


def values(name):
    return {k: plain(v) for k, v in opened(name).items()}


def refused(name):
    said = ask("POST", f"{BASE}/{name}/open?duration=1h", "", status=400)
    text = json.dumps(said)
    assert "eyJ" not in text, text
    for key in HOUSE["keys"].values():
        assert key["secretAccessKey"] not in text, text
    return " ".join(d["summary"] for d in said["diagnostics"])


def client(name, keys):
    return boto3.client(name, region_name=HOUSE["region"], endpoint_url=HOUSE["aws"], aws_access_key_id=keys["accessKeyId"],
                        aws_secret_access_key=keys["secretAccessKey"], aws_session_token=keys.get("sessionToken"))


def fetched(path):
    with urllib.request.urlopen(path, timeout=10) as answer:
        return json.load(answer)


def verified(token, issuer, audience):
    described = fetched(issuer + "/.well-known/openid-configuration")
    assert described["issuer"] == issuer and "RS256" in described["id_token_signing_alg_values_supported"], described
    decoded = jwt.decode(token, KeySet.import_key_set(fetched(described["jwks_uri"])), algorithms=["RS256"])
    rules = {name: {"essential": True} for name in ("sub", "exp", "iat", "nbf", "jti")}
    registry = jwt.JWTClaimsRegistry(iss={"essential": True, "value": issuer}, aud={"essential": True, "value": audience}, **rules)
    registry.validate(decoded.claims)
    return decoded.claims


def static_keys():
    reader = HOUSE["keys"]["reader"]
    environment("aws/static", {"login": {"fn::open::aws-login": {"static": reader}}})
    got = values("aws/static")["login"]
    assert got == reader, got
    assert opened("aws/static")["login"]["value"]["secretAccessKey"]["secret"] is True
    assert client("sts", got).get_caller_identity()["Arn"].endswith("user/reader")
    assert {b["Name"] for b in client("s3", got).list_buckets()["Buckets"]} == {"house-one", "house-two"}
    wrong = dict(got, secretAccessKey="x" * 40)
    try:
        client("sts", wrong).get_caller_identity()
        raise AssertionError("moto does not check signatures")
    except ClientError as error:
        assert error.response["Error"]["Code"] in ("SignatureDoesNotMatch", "InvalidClientTokenId"), error


def role(name, subject, audience, *actions):
    iam, provider = client("iam", HOUSE["keys"]["admin"]), URL.split("://")[1] + "/oidc"
    listed = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    if not any(p["Arn"].endswith(provider) for p in listed):
        iam.create_open_id_connect_provider(Url=URL + "/oidc", ClientIDList=["aws:pulumi", "pulumi"], ThumbprintList=["0" * 40])
    arn = f"arn:aws:iam::{HOUSE['account']}:oidc-provider/{provider}"
    trust = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": arn},
        "Condition": {"StringEquals": {f"{provider}:sub": subject, f"{provider}:aud": audience}}}]}
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(allow))
    return made


def exchanged():
    arn = role("opener", "pulumi:environments:org:pulumi:env:aws/oidc", "aws:pulumi", "sts:GetCallerIdentity", "s3:ListAllMyBuckets",
               "secretsmanager:GetSecretValue")
    oidc = {"roleArn": arn, "sessionName": "esc-${context.pulumi.user.login}", "duration": "1h"}
    environment("aws/oidc", {"login": {"fn::open::aws-login": {"oidc": oidc}},
                             "secrets": {"fn::open::aws-secrets": {"region": HOUSE["region"], "login": "${login}",
                                                                   "get": {"key": {"secretId": "api-key"}}}}})
    got = values("aws/oidc")
    assert got["secrets"] == {"key": "stored-secret-two"}, got
    login = got["login"]
    SECRETS.extend([login["secretAccessKey"], login["sessionToken"]])
    arn_of = client("sts", login).get_caller_identity()["Arn"]
    assert arn_of == f"arn:aws:sts::{HOUSE['account']}:assumed-role/opener/esc-admin", arn_of
    assert len(client("s3", login).list_buckets()["Buckets"]) == 2
    try:
        client("sts", dict(login, secretAccessKey="x" * 40)).get_caller_identity()
        raise AssertionError("moto does not check signatures")
    except ClientError:
        pass
    # The environment that declares the call is the subject, whoever is opened.
    environment("web/app", {"mine": "${login.accessKeyId}"}, imports=["aws/oidc"])
    assert values("web/app")["mine"].startswith("ASIA")
    # Another environment is another subject, and refused.
    environment("aws/other", {"login": {"fn::open::aws-login": {"oidc": oidc}}})
    said = refused("aws/other")
    assert "AccessDenied" in said or "is denied" in said, said
    # With attributes it is what they say, in their order.
    named = "pulumi:environments:pulumi.organization.login:pulumi:pulumi.user.login:admin:currentEnvironment.name:aws/named"
    arn = role("named", named, "aws:pulumi", "sts:GetCallerIdentity")
    attributes = ["pulumi.user.login", "currentEnvironment.name"]
    environment("aws/named", {"login": {"fn::open::aws-login": {"oidc": {"roleArn": arn, "sessionName": "named",
                                                                        "subjectAttributes": attributes}}}})
    assert client("sts", values("aws/named")["login"]).get_caller_identity()["Arn"].endswith("assumed-role/named/named")
    # In the project `default` neither audience nor subject name a project.
    arn = role("old", "pulumi:environments:org:pulumi:env:old", "pulumi", "sts:GetCallerIdentity")
    environment("default/old", {"login": {"fn::open::aws-login": {"oidc": {"roleArn": arn, "sessionName": "old"}}}})
    assert client("sts", values("default/old")["login"]).get_caller_identity()["Arn"].endswith("assumed-role/old/old")
    environment("aws/nosuch", {"login": {"fn::open::aws-login": {"oidc": {"roleArn": arn + "x", "sessionName": "old"}}}})
    assert "no such role" in refused("aws/nosuch")


def stores():
    reader, region = HOUSE["keys"]["reader"], HOUSE["region"]
    secret = {"fn::secret": reader["secretAccessKey"]}
    login = {"accessKeyId": reader["accessKeyId"], "secretAccessKey": secret}
    get = {"now": {"secretId": "api-key"}, "arn": {"secretId": HOUSE["secrets"]["arn"]},
           "before": {"secretId": "api-key", "versionStage": "AWSPREVIOUS"},
           "version": {"secretId": "api-key", "versionId": HOUSE["secrets"]["previous"]},
           "a b.c": {"secretId": "odd/+=.@_- name"}, "ü": {"secretId": "ünïcode"}, "bytes": {"secretId": "binary"}}
    environment("aws/secrets", {"got": {"fn::open::aws-secrets": {"region": region, "login": login, "get": get}},
                                "unpacked": {"fn::fromJSON": "${got[\"a b.c\"]}"}})
    got = values("aws/secrets")
    stored = got["got"]
    assert stored["now"] == stored["arn"] == "stored-secret-two", stored
    assert stored["before"] == stored["version"] == "stored-secret-one", stored
    assert stored["ü"] == "stored-secret-ünï ☃ \n \"'", stored
    assert base64.b64decode(stored["bytes"]) == bytes(range(256)), stored
    assert got["unpacked"]["password"] == "stored-secret-json", got
    assert all(v["secret"] for v in opened("aws/secrets")["got"]["value"].values())
    get = {"good": {"secretId": "api-key"}, "gone": {"secretId": "nosuch"},
           "stage": {"secretId": "api-key", "versionStage": "NOSUCH"}}
    environment("aws/missing", {"got": {"fn::open::aws-secrets": {"region": region, "login": login, "get": get}}})
    said = refused("aws/missing")
    assert "2 of 3" in said and '"gone"' in said and '"stage"' in said and "ResourceNotFoundException" in said, said
    nobody = HOUSE["keys"]["nobody"]
    environment("aws/denied", {"got": {"fn::open::aws-secrets": {"region": region, "login": nobody, "get": get}}})
    said = refused("aws/denied")
    assert "secretsmanager:GetSecretValue" in said and "denied" in said, said
    for name, wrong, word in [("nowhere", "evil.example/", "not a region"), ("nokeys", region, "no keys")]:
        keys = login if name == "nowhere" else {"accessKeyId": "", "secretAccessKey": ""}
        environment(f"aws/{name}", {"got": {"fn::open::aws-secrets": {"region": wrong, "login": keys, "get": get}}})
        assert word in refused(f"aws/{name}"), refused(f"aws/{name}")
    stolen = dict(login, secretAccessKey={"fn::secret": "planted-wrong-secret-key-0123456789abcdef"})
    environment("aws/stolen", {"got": {"fn::open::aws-secrets": {"region": region, "login": stolen, "get": get}}})
    assert "not accepted" in refused("aws/stolen"), refused("aws/stolen")
    SECRETS.append("planted-wrong-secret-key")

    get = {"plain": {"name": "/house/plain"}, "first": {"name": "/house/plain:1"}, "stable": {"name": "/house/plain:stable"},
           "list": {"name": "/house/list"}, "secure": {"name": "/house/odd.name_-/x", "decrypt": True},
           "sealed": {"name": "/house/odd.name_-/x"}}
    environment("aws/params", {"got": {"fn::open::aws-parameter-store": {"region": region, "login": login, "get": get}},
                               "second": "${got.list[1]}", "text": "is ${got.plain}", "base": {"fn::toBase64": "${got.plain}"}})
    got = values("aws/params")
    stored = got["got"]
    sealed = stored.pop("sealed")
    assert stored == {"plain": "plain text", "first": "first", "stable": "first", "list": ["one", "two", "three"],
                      "secure": "stored-secret-secure"}, stored
    assert sealed != "stored-secret-secure", sealed
    assert (got["second"], got["text"]) == ("two", "is plain text"), got
    marks = opened("aws/params")["got"]["value"]
    assert marks["secure"]["secret"] and marks["sealed"]["secret"] and not marks["plain"].get("secret"), marks
    environment("aws/noparam", {"got": {"fn::open::aws-parameter-store": {
        "region": region, "login": login, "get": {"a": {"name": "/house/nosuch"}, "b": {"name": "/house/plain:9"}}}}})
    said = refused("aws/noparam")
    assert "2 of 2" in said and "ParameterNotFound" in said, said
    environment("aws/noright", {"got": {"fn::open::aws-parameter-store": {
        "region": region, "login": nobody, "get": {"a": {"name": "/house/plain"}}}}})
    assert "ssm:GetParameter" in refused("aws/noright")


def google():
    trusted = {"issuer": URL + "/oidc", "audience": "gcp:pulumi", "subject": "pulumi:environments:org:pulumi:env:gcp/oidc"}
    request = urllib.request.Request(HOUSE["gcp"] + "/trust", data=json.dumps(trusted).encode(), method="POST")
    urllib.request.urlopen(request).close()
    oidc = {"workloadPoolId": "house", "providerId": "pileus", "serviceAccount": HOUSE["serviceAccount"], "tokenLifetime": "30m"}
    login = lambda **more: {"login": {"fn::open::gcp-login": {"project": HOUSE["project"], **more}}}
    environment("gcp/oidc", login(oidc=oidc))
    got = values("gcp/oidc")["login"]
    assert got["accessToken"].startswith("ya29.") and got["tokenType"] == "Bearer" and got["project"] == HOUSE["project"], got
    left = time.mktime(time.strptime(got["expiry"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone - time.time()
    assert 1700 < left <= 1801, got
    assert opened("gcp/oidc")["login"]["value"]["accessToken"]["secret"] is True
    environment("gcp/other", login(oidc=oidc))
    assert "unauthorized_client" in refused("gcp/other")
    for name, change, word in [("region", {"region": "europe-west1"}, "audience"), ("long", {"tokenLifetime": "2h"}, "3600"),
                               ("who", {"serviceAccount": "x@y"}, "PERMISSION_DENIED"), ("bad", {"serviceAccount": "a/b"}, "e-mail")]:
        trusted["subject"] = f"pulumi:environments:org:pulumi:env:gcp/{name}"
        request = urllib.request.Request(HOUSE["gcp"] + "/trust", data=json.dumps(trusted).encode(), method="POST")
        urllib.request.urlopen(request).close()
        environment(f"gcp/{name}", login(oidc={**oidc, **change}))
        assert word in refused(f"gcp/{name}"), refused(f"gcp/{name}")
    given = {"accessToken": {"fn::secret": "static-google-token"}}
    environment("gcp/given", login(accessToken=given))
    assert values("gcp/given")["login"] == {"accessToken": "static-google-token", "tokenType": "Bearer", "project": HOUSE["project"]}
    environment("gcp/taken", login(accessToken={**given, "serviceAccount": HOUSE["serviceAccount"]}))
    assert values("gcp/taken")["login"]["accessToken"].startswith("ya29.")
    wrong = {"accessToken": {"fn::secret": "planted-google-token"}, "serviceAccount": HOUSE["serviceAccount"]}
    environment("gcp/wrong", login(accessToken=wrong))
    said = refused("gcp/wrong")
    assert "UNAUTHENTICATED" in said and "planted-google-token" not in said, said
    SECRETS.extend(["static-google-token", "planted-google-token"])


def azure():
    ids = {"clientId": "c-1", "tenantId": "t-1", "subscriptionId": "s-1"}
    environment("azure/oidc", {"login": {"fn::open::azure-login": {**ids, "oidc": True}}})
    got = values("azure/oidc")["login"]
    token = got.pop("oidc")["token"]
    assert got == ids, got
    claims = verified(token, URL + "/oidc", "azure:pulumi")
    assert claims["sub"] == "pulumi:environments:org:pulumi:env:azure/oidc" and claims["exp"] - claims["iat"] == 3600, claims
    assert (claims["current_env"], claims["root_env"], claims["trigger_user"]) == ("azure/oidc", "azure/oidc", "admin"), claims
    SECRETS.append(token)
    environment("azure/static", {"login": {"fn::open::azure-login": {**ids, "clientSecret": {"fn::secret": "stored-secret-azure"}}}})
    assert values("azure/static")["login"]["clientSecret"] == "stored-secret-azure"


def own_audience():
    asked = {"audience": "https://registry.example.com", "identityToken": {"version": "v2"}, "duration": "15m"}
    environment("registry/login", {"token": {"fn::open::oidc": asked}, "claims": {"fn::open::debug-oidc-claims": asked},
                                   "vendor": {"fn::open::debug-oidc-claims": {"audiencePrefix": "aws"}}})
    environment("registry/app", {"copy": "${token}"}, imports=["registry/login"])
    id_of = lambda name: ask("GET", f"{BASE}/{name}/metadata")["id"]
    for name in ("registry/login", "registry/app"):
        got = values(name)
        claims = verified(got["token"], URL + "/oidc/v2", "https://registry.example.com")
        assert claims["exp"] - claims["iat"] == 900, claims
        own = "https://pulumi.com/"
        org = claims[own + "org_id"]
        assert claims["sub"] == f"pulumi:org:{org}:env:{id_of('registry/login')}", claims
        assert claims[own + "root_env"] == name and claims[own + "root_env_id"] == id_of(name), claims
        assert claims[own + "org"] == "pulumi" and claims[own + "actor"] == "admin", claims
        shown = {k: v for k, v in claims.items() if k not in ("iat", "nbf", "exp", "jti")}
        assert got["claims"] == shown, (got["claims"], shown)
        assert got["vendor"]["sub"] == "pulumi:environments:org:pulumi:env:registry/login", got
        SECRETS.append(got["token"])
    assert opened("registry/login")["token"]["secret"] is True
    kids = [{k["kid"] for k in fetched(URL + path + "/.well-known/jwks")["keys"]} for path in ("/oidc", "/oidc/v2")]
    assert kids[0] and kids[1] and not kids[0] & kids[1], kids
    keys = fetched(URL + "/oidc/.well-known/jwks")["keys"]
    assert all("d" not in k and "p" not in k for k in keys), "a private key is published"


def account():
    """An account of Insights whose keys come from AWS itself."""
    arn = role("scanner", "pulumi:environments:org:pulumi:env:insights/oidc", "aws:pulumi", "*")
    login = {"fn::open::aws-login": {"oidc": {"roleArn": arn, "sessionName": "scan", "duration": "1h"}}}
    variables = {"AWS_ACCESS_KEY_ID": "${login.accessKeyId}", "AWS_SECRET_ACCESS_KEY": "${login.secretAccessKey}",
                 "AWS_SESSION_TOKEN": "${login.sessionToken}"}
    environment("insights/oidc", {"login": login, "environmentVariables": variables})
    base = "/api/preview/insights/pulumi/accounts"
    ask("POST", f"{base}/house", {"provider": "aws", "environment": "insights/oidc", "scanSchedule": "none",
                                  "providerConfig": {"regions": [HOUSE["region"]]}})
    child = f"{base}/house%2F{HOUSE['region']}"
    scan = ask("POST", f"{child}/scan", {})
    for _ in range(3000):
        got = ask("GET", f"{child}/scans/{scan['id']}")
        if got["status"] not in ("running", "queued", "pending"):
            break
        time.sleep(0.02)
    assert got["status"] == "succeeded", got
    found = ask("GET", f"{child}/resources/aws:s3%252Fbucket:Bucket::house-one")
    assert found["id"] == "house-one", found


for step in (static_keys, exchanged, stores, google, azure, own_audience, account):
    step()
print(json.dumps({"secrets": sorted(set(SECRETS))}))
