"""Where things are kept: S3, file systems, backups, and what looks into them."""
import json

from core import STRICT, row, seed, tags

OPEN = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Sid": "x", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}]})


@seed("s3")
def buckets(at):
    s3 = at("s3")
    where = {} if at.first else {"CreateBucketConfiguration": {"LocationConstraint": at.region}}
    for n in range(8):
        s3.create_bucket(Bucket=f"dotted.{at.region}-{n}", **where)
    name = f"dotted.{at.region}-0"
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags()})
    s3.put_bucket_policy(Bucket=name, Policy=OPEN)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [
        {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "k"}}]})
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={"BlockPublicAcls": True, "IgnorePublicAcls": True})
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [
        {"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["https://a.example"], "MaxAgeSeconds": 5}]})
    s3.put_bucket_website(Bucket=name, WebsiteConfiguration={"IndexDocument": {"Suffix": "i&x.html"}})
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [
        {"ID": "old <ones>", "Status": "Enabled", "Filter": {"Prefix": "a/é"}, "Expiration": {"Days": 3}}]})


def bucket(at, item):
    """A bucket's further properties."""
    s3, name = at("s3"), item["Name"]
    if name != f"dotted.{at.region}-0":
        return {}
    return {"TagSet": s3.get_bucket_tagging(Bucket=name)["TagSet"], "Policy": s3.get_bucket_policy(Bucket=name)["Policy"],
            "CORSRules": s3.get_bucket_cors(Bucket=name)["CORSRules"],
            "PublicAccessBlockConfiguration": s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]}


row("aws:s3/bucket:Bucket", "s3", "list_buckets", "Buckets", "Name", more=bucket,
    keep=lambda at, b: (at("s3").get_bucket_location(Bucket=b["Name"])["LocationConstraint"] or "us-east-1") == at.region)


@seed("efs")
def files(at):
    efs = at("efs")
    for n in at.many(12):
        made = efs.create_file_system(CreationToken=f"t{n}", Encrypted=True, Tags=tags())["FileSystemId"]
    efs.create_access_point(ClientToken="a", FileSystemId=made, Tags=tags(), RootDirectory={"Path": "/a b/é"})
    efs.create_mount_target(FileSystemId=made, SubnetId=at.subnets[0])
    fsx = at("fsx")
    for kind in ("LUSTRE", "WINDOWS", "ONTAP", "OPENZFS"):
        fsx.create_file_system(FileSystemType=kind, StorageCapacity=1200, SubnetIds=at.subnets[:1], Tags=tags(STRICT))


def systems(at):
    return [{"FileSystemId": f} for f in at.every("efs", "describe_file_systems", "FileSystems[].FileSystemId")]


row("aws:efs/fileSystem:FileSystem", "efs", "describe_file_systems", "FileSystems", "FileSystemId",
    skip=["SizeInBytes", "NumberOfMountTargets", "LifeCycleState"])
row("aws:efs/accessPoint:AccessPoint", "efs", "describe_access_points", "AccessPoints", "AccessPointId", skip=["LifeCycleState"])
row("aws:efs/mountTarget:MountTarget", "efs", "describe_mount_targets", "MountTargets", "MountTargetId", args=systems)
for name, kind in [("lustre", "LUSTRE"), ("windows", "WINDOWS"), ("ontap", "ONTAP"), ("openZfs", "OPENZFS")]:
    token = f"aws:fsx/{name}FileSystem:{name[0].upper()}{name[1:]}FileSystem"
    row(token, "fsx", "describe_file_systems", f"FileSystems[?FileSystemType=='{kind}']", "FileSystemId", skip=["Lifecycle"])
# Backups: moto does not say who made them, by which the catalogue tells the user's own from automatic ones.


@seed("backup")
def vaults(at):
    backup = at("backup")
    for n in range(3):
        backup.create_backup_vault(BackupVaultName=f"vault-{n}", BackupVaultTags=STRICT)
    backup.create_backup_plan(BackupPlanTags=STRICT, BackupPlan={"BackupPlanName": "plan é", "Rules": [
        {"RuleName": "r", "TargetBackupVaultName": "vault-0"}]})
    backup.create_report_plan(ReportPlanName="report", ReportDeliveryChannel={"S3BucketName": "b"},
                              ReportSetting={"ReportTemplate": "JOB_REPORT"})


def recovery_tags(member):
    return lambda at, item: {"Tags": at("backup").list_tags(ResourceArn=item[member])["Tags"]}


row("aws:backup/vault:Vault", "backup", "list_backup_vaults", "BackupVaultList", "BackupVaultName",
    skip=["NumberOfRecoveryPoints"], more=recovery_tags("BackupVaultArn"))
row("aws:backup/plan:Plan", "backup", "list_backup_plans", "BackupPlansList", "BackupPlanId", skip=["VersionId"],
    more=recovery_tags("BackupPlanArn"))
row("aws:backup/reportPlan:ReportPlan", "backup", "list_report_plans", "ReportPlans", "ReportPlanName")


@seed("glue")
def lake(at):
    glue = at("glue")
    for n in range(3):
        glue.create_database(DatabaseInput={"Name": f"db_{n}", "Description": "é & <x>"})
    for n in at.many(130):
        glue.create_table(DatabaseName="db_0", TableInput={"Name": f"table_{n}", "StorageDescriptor": {
            "Columns": [{"Name": "a b", "Type": "string"}]}})
    for n in at.many(120):
        glue.create_job(Name=f"job {n}", Role=at.role, Command={"Name": "glueetl"})
    glue.create_crawler(Name="crawler", Role=at.role, DatabaseName="db_0", Targets={"S3Targets": [{"Path": "s3://b/a b"}]})
    glue.create_trigger(Name="trigger", Type="ON_DEMAND", Actions=[{"JobName": "job 1"}])
    glue.create_connection(ConnectionInput={"Name": "connection", "ConnectionType": "JDBC", "ConnectionProperties": {
        "PASSWORD": "PLANTED-SECRET", "USERNAME": "u"}})
    glue.create_workflow(Name="flow")
    glue.create_registry(RegistryName="registry", Tags=STRICT)
    glue.create_security_configuration(Name="sec", EncryptionConfiguration={})
    glue.create_dev_endpoint(EndpointName="dev", RoleArn=at.role)


row("aws:glue/catalogDatabase:CatalogDatabase", "glue", "get_databases", "DatabaseList",
    lambda _, d: f"{d['CatalogId']}:{d['Name']}")
row("aws:glue/catalogTable:CatalogTable", "glue", "get_tables", "TableList",
    lambda _, t: f"{t['CatalogId']}:{t['DatabaseName']}:{t['Name']}",
    args=lambda at: [{"DatabaseName": f"db_{n}"} for n in range(3)])
row("aws:glue/job:Job", "glue", "get_jobs", "Jobs", "Name")
row("aws:glue/crawler:Crawler", "glue", "get_crawlers", "Crawlers", "Name", skip=["State", "CrawlElapsedTime", "LastCrawl"])
row("aws:glue/trigger:Trigger", "glue", "get_triggers", "Triggers", "Name")
row("aws:glue/connection:Connection", "glue", "get_connections", "ConnectionList", lambda at, c: f"123456789012:{c['Name']}",
    skip=["ConnectionProperties"])
row("aws:glue/workflow:Workflow", "glue", "list_workflows", "Workflows", lambda _, name: name)
row("aws:glue/registry:Registry", "glue", "list_registries", "Registries", "RegistryArn")
row("aws:glue/securityConfiguration:SecurityConfiguration", "glue", "get_security_configurations", "SecurityConfigurations",
    "Name")
row("aws:glue/devEndpoint:DevEndpoint", "glue", "get_dev_endpoints", "DevEndpoints", "EndpointName")


@seed("athena")
def questions(at):
    athena = at("athena")
    for n in range(3):
        athena.create_work_group(Name=f"group_{n}", Description="é", Tags=tags(STRICT))
    athena.create_data_catalog(Name="catalog", Type="GLUE", Parameters={"catalog-id": "123456789012"}, Tags=tags(STRICT))
    for n in range(2):
        athena.create_named_query(Name=f"q {n}", Database="db_0", QueryString="SELECT '<é>'", WorkGroup="group_0")
    athena.create_prepared_statement(StatementName="ps", WorkGroup="group_0", QueryStatement="SELECT 1")
    athena.create_capacity_reservation(Name="reserved", TargetDpus=24, Tags=tags(STRICT))


row("aws:athena/workgroup:Workgroup", "athena", "list_work_groups", "WorkGroups", "Name")
row("aws:athena/dataCatalog:DataCatalog", "athena", "list_data_catalogs", "DataCatalogsSummary", "CatalogName",
    keep=lambda _, c: c["CatalogName"] != "AwsDataCatalog", skip=["Status"])
row("aws:athena/namedQuery:NamedQuery", "athena", "list_named_queries", "NamedQueryIds", lambda _, name: name,
    args=lambda at: [{"WorkGroup": w} for w in at.every("athena", "list_work_groups", "WorkGroups[].Name")])
row("aws:athena/capacityReservation:CapacityReservation", "athena", "list_capacity_reservations", "CapacityReservations", "Name")
