"""Who may do what: IAM, keys, secrets, certificates, organisations, user pools."""
import json

from core import ODD, SECRET, STRICT, TRUST, row, seed, tags

POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]})
SAML = "<EntityDescriptor xmlns='urn:oasis:names:tc:SAML:2.0:metadata' entityID='x'/>" + " " * 1000


@seed("iam", "global")
def identities(at):
    iam = at("iam")
    for n in at.many(230):
        iam.create_role(RoleName=f"role-{n}", AssumeRolePolicyDocument=TRUST, Path="/odd/path/" if n % 2 else "/")
    for n in range(12):
        iam.create_user(UserName=f"user+={n},.@-_", Tags=tags(STRICT))
        iam.create_group(GroupName=f"group-{n}")
    iam.tag_role(RoleName="role-0", Tags=tags(STRICT))
    iam.create_access_key(UserName="user+=0,.@-_")
    policy = iam.create_policy(PolicyName="policy", PolicyDocument=POLICY, Path="/a/b/", Tags=tags(STRICT))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=POLICY, SetAsDefault=True)
    iam.attach_role_policy(RoleName="role-0", PolicyArn=policy)
    iam.attach_user_policy(UserName="user+=0,.@-_", PolicyArn=policy)
    iam.attach_group_policy(GroupName="group-0", PolicyArn=policy)
    iam.put_role_policy(RoleName="role-0", PolicyName="in+line", PolicyDocument=POLICY)
    iam.put_user_policy(UserName="user+=1,.@-_", PolicyName="in=line", PolicyDocument=POLICY)
    iam.put_group_policy(GroupName="group-0", PolicyName="in,line", PolicyDocument=POLICY)
    iam.create_instance_profile(InstanceProfileName="profile", Tags=tags(STRICT))
    iam.add_role_to_instance_profile(InstanceProfileName="profile", RoleName="role-0")
    iam.create_open_id_connect_provider(Url="https://token.example.com", ThumbprintList=["a" * 40, "0" * 40], ClientIDList=["sts"])
    iam.create_saml_provider(Name="corp", SAMLMetadataDocument=SAML)
    iam.upload_server_certificate(ServerCertificateName="server", CertificateBody="body", PrivateKey=SECRET)
    iam.create_virtual_mfa_device(VirtualMFADeviceName="mfa")
    iam.create_account_alias(AccountAlias="acme")
    iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com")


def users(at):
    return [{"UserName": u, "_": u} for u in at.every("iam", "list_users", "Users[].UserName")]


def groups(at):
    return [{"GroupName": g, "_": g} for g in at.every("iam", "list_groups", "Groups[].GroupName")]


def roles(at):
    found = at.every("iam", "list_roles", "Roles[]")
    return [{"RoleName": r["RoleName"], "_": r["RoleName"]} for r in found if "/aws-service-role/" not in r["Path"]]


def iam(token, op, items, name, **more):
    row(f"aws:iam/{token}", "iam", op, items, name, place="global", **more)


iam("user:User", "list_users", "Users", "UserName", more=lambda at, u: {"Tags": t} if (
    t := at("iam").get_user(UserName=u["UserName"])["User"].get("Tags")) else {})
iam("group:Group", "list_groups", "Groups", "GroupName")
iam("role:Role", "list_roles", "Roles", "RoleName", keep=lambda _, r: "/aws-service-role/" not in r["Path"], skip=["RoleLastUsed"],
    more=lambda at, r: {"Tags": at("iam").get_role(RoleName="role-0")["Role"]["Tags"]} if r["RoleName"] == "role-0" else {})
iam("serviceLinkedRole:ServiceLinkedRole", "list_roles", "Roles", "Arn", keep=lambda _, r: "/aws-service-role/" in r["Path"],
    skip=["RoleLastUsed"])
iam("policy:Policy", "list_policies", "Policies", "Arn", args=lambda at: [{"Scope": "Local"}],
    skip=["AttachmentCount", "PermissionsBoundaryUsageCount"],
    more=lambda at, p: {"Tags": at("iam").list_policy_tags(PolicyArn=p["Arn"])["Tags"]})
iam("instanceProfile:InstanceProfile", "list_instance_profiles", "InstanceProfiles", "InstanceProfileName")
iam("openIdConnectProvider:OpenIdConnectProvider", "list_open_id_connect_providers", "OpenIDConnectProviderList", "Arn",
    more=lambda at, p: {"Url": at("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=p["Arn"])["Url"]})
iam("samlProvider:SamlProvider", "list_saml_providers", "SAMLProviderList", "Arn")
iam("serverCertificate:ServerCertificate", "list_server_certificates", "ServerCertificateMetadataList", "ServerCertificateName")
iam("virtualMfaDevice:VirtualMfaDevice", "list_virtual_mfa_devices", "VirtualMFADevices", "SerialNumber",
    skip=["Base32StringSeed", "QRCodePNG"])
iam("accountAlias:AccountAlias", "list_account_aliases", "AccountAliases", lambda _, a: a)
iam("userPolicyAttachment:UserPolicyAttachment", "list_attached_user_policies", "AttachedPolicies",
    lambda _, p, u: f"{u}/{p['PolicyArn']}", args=users)
iam("rolePolicyAttachment:RolePolicyAttachment", "list_attached_role_policies", "AttachedPolicies",
    lambda _, p, r: f"{r}/{p['PolicyArn']}", args=lambda at: [{"RoleName": "role-0", "_": "role-0"}])
iam("groupPolicyAttachment:GroupPolicyAttachment", "list_attached_group_policies", "AttachedPolicies",
    lambda _, p, g: f"{g}/{p['PolicyArn']}", args=groups)
iam("userPolicy:UserPolicy", "list_user_policies", "PolicyNames", lambda _, p, u: f"{u}:{p}", args=users)
iam("rolePolicy:RolePolicy", "list_role_policies", "PolicyNames", lambda _, p, r: f"{r}:{p}",
    args=lambda at: [{"RoleName": "role-0", "_": "role-0"}])
iam("groupPolicy:GroupPolicy", "list_group_policies", "PolicyNames", lambda _, p, g: f"{g}:{p}", args=groups)
iam("accessKey:AccessKey", "list_access_keys", "AccessKeyMetadata", "AccessKeyId", args=users)


@seed("kms")
def keys(at):
    kms = at("kms")
    for n in range(3):
        key = kms.create_key(Description=f"d é {n}", Tags=tags(STRICT, "TagKey", "TagValue"))["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/team/app_1", TargetKeyId=key)
    kms.enable_key_rotation(KeyId=key)


def key(at, item):
    found = at("kms").describe_key(KeyId=item["KeyId"])["KeyMetadata"]
    marks = at("kms").list_resource_tags(KeyId=item["KeyId"])["Tags"]
    return {"Description": found["Description"], "KeyState": found["KeyState"], **({"Tags": marks} if marks else {})}


# Replicas: whoever looks at one in moto makes its primary one too.
row("aws:kms/key:Key", "kms", "list_keys", "Keys", "KeyId", more=key,
    keep=lambda at, k: at("kms").describe_key(KeyId=k["KeyId"])["KeyMetadata"]["KeyManager"] == "CUSTOMER")
row("aws:kms/alias:Alias", "kms", "list_aliases", "Aliases", "AliasName",
    keep=lambda _, a: not a["AliasName"].startswith("alias/aws/"))


@seed("secretsmanager")
def secrets(at):
    client = at("secretsmanager")
    for n in at.many(110):
        client.create_secret(Name=f"db/{n}_=.@-", SecretString=SECRET, Description="d é", Tags=tags() if n == 0 else [])
    client.put_resource_policy(SecretId="db/0_=.@-", ResourcePolicy=POLICY)


row("aws:secretsmanager/secret:Secret", "secretsmanager", "list_secrets", "SecretList", "ARN",
    skip=["SecretVersionsToStages", "LastAccessedDate", "LastChangedDate"])


@seed("acm")
def certificates(at):
    acm = at("acm")
    for n in range(3):
        acm.request_certificate(DomainName=f"*.n{n}.example.com",
                                Tags=tags(STRICT))
    at("acm-pca").create_certificate_authority(CertificateAuthorityType="ROOT", Tags=tags(STRICT), CertificateAuthorityConfiguration={
        "KeyAlgorithm": "RSA_2048", "SigningAlgorithm": "SHA256WITHRSA", "Subject": {"CommonName": "c é"}})


row("aws:acm/certificate:Certificate", "acm", "list_certificates", "CertificateSummaryList", "CertificateArn",
    skip=["Status", "InUse", "HasAdditionalSubjectAlternativeNames"],
    more=lambda at, c: {"Tags": at("acm").list_tags_for_certificate(CertificateArn=c["CertificateArn"])["Tags"]})
row("aws:acmpca/certificateAuthority:CertificateAuthority", "acm-pca", "list_certificate_authorities", "CertificateAuthorities",
    "Arn", more=lambda at, c: {"Tags": at("acm-pca").list_tags(CertificateAuthorityArn=c["Arn"])["Tags"]})


@seed("organizations", "global")
def organisation(at):
    client = at("organizations")
    client.create_organization(FeatureSet="ALL")
    for n in at.many(25):
        client.create_account(AccountName=f"team {n}", Email=f"t{n}@example.com", Tags=tags() if n == 0 else [])


row("aws:organizations/organization:Organization", "organizations", "describe_organization", "[Organization]", "Id", place="global")
row("aws:organizations/account:Account", "organizations", "list_accounts", "Accounts", "Id", place="global",
    skip=["JoinedTimestamp"])


@seed("cognito-idp")
def pools(at):
    idp = at("cognito-idp")
    for n in range(3):
        pool = idp.create_user_pool(PoolName=f"pool {n}", UserPoolTags=STRICT if n == 2 else {})["UserPool"]["Id"]
    idp.create_user_pool_client(UserPoolId=pool, ClientName="client é", GenerateSecret=True)
    idp.create_group(UserPoolId=pool, GroupName="group+1", Description="d")
    idp.create_identity_provider(UserPoolId=pool, ProviderName="Corp", ProviderType="OIDC", ProviderDetails={"client_secret": SECRET})
    idp.create_resource_server(UserPoolId=pool, Identifier="https://api.example/é", Name="api", Scopes=[])
    at("cognito-identity").create_identity_pool(IdentityPoolName="identities", AllowUnauthenticatedIdentities=False,
                                                IdentityPoolTags=ODD)


def in_pools(at):
    found = at.every("cognito-idp", "list_user_pools", "UserPools[].Id", MaxResults=60)
    return [{"UserPoolId": p, "_": p} for p in found]


row("aws:cognito/userPool:UserPool", "cognito-idp", "list_user_pools", "UserPools", "Id", args=lambda at: [{"MaxResults": 60}],
    skip=["Status"])
row("aws:cognito/userPoolClient:UserPoolClient", "cognito-idp", "list_user_pool_clients", "UserPoolClients",
    lambda _, c, p: f"{p}/{c['ClientId']}", args=in_pools)
row("aws:cognito/userGroup:UserGroup", "cognito-idp", "list_groups", "Groups", lambda _, g, p: f"{p}/{g['GroupName']}", args=in_pools)
row("aws:cognito/identityProvider:IdentityProvider", "cognito-idp", "list_identity_providers", "Providers",
    lambda _, i, p: f"{p}:{i['ProviderName']}", args=in_pools)
row("aws:cognito/resourceServer:ResourceServer", "cognito-idp", "list_resource_servers", "ResourceServers",
    lambda _, s, p: f"{p}|{s['Identifier']}", args=lambda at: [{**a, "MaxResults": 50} for a in in_pools(at)])
row("aws:cognito/identityPool:IdentityPool", "cognito-identity", "list_identity_pools", "IdentityPools", "IdentityPoolId",
    args=lambda at: [{"MaxResults": 60}])
