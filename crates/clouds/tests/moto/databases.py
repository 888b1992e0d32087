"""Databases, caches, searches and streams."""
from core import STRICT, row, seed, tags


@seed("dynamodb")
def tables(at):
    client = at("dynamodb")
    for n in at.many(120):
        client.create_table(TableName=f"table.{n}", BillingMode="PAY_PER_REQUEST", Tags=tags() if n % 40 == 0 else [],
                            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
                            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}])
    client.update_time_to_live(TableName="table.0", TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"})


def table(at, name):
    client = at("dynamodb")
    found = client.describe_table(TableName=name)["Table"]
    marks = client.list_tags_of_resource(ResourceArn=found["TableArn"])["Tags"]
    # Who has no tags may lack the property.
    kept = {k: found[k] for k in ("TableName", "KeySchema", "AttributeDefinitions", "TableArn")}
    return {**kept, **({"Tags": marks} if marks else {})}


row("aws:dynamodb/table:Table", "dynamodb", "list_tables", "TableNames", lambda _, name: name, more=table)


@seed("rds")
def relational(at):
    rds = at("rds")
    rds.create_db_subnet_group(DBSubnetGroupName="subnets", DBSubnetGroupDescription="d é", SubnetIds=at.subnets[:2], Tags=tags(STRICT))
    rds.create_db_parameter_group(DBParameterGroupName="params", DBParameterGroupFamily="mysql8.0", Description="d", Tags=tags(STRICT))
    rds.create_db_cluster_parameter_group(DBClusterParameterGroupName="cparams", DBParameterGroupFamily="aurora-mysql8.0",
                                          Description="d", Tags=tags(STRICT))
    for n in range(3):
        rds.create_db_instance(DBInstanceIdentifier=f"db-{n}", Engine="mysql", DBInstanceClass="db.t3.micro",
                               MasterUsername="root", MasterUserPassword="PLANTED-SECRET", AllocatedStorage=20, Tags=tags(STRICT))
    for name, engine in [("aurora", "aurora-mysql"), ("graph", "neptune")]:
        rds.create_db_cluster(DBClusterIdentifier=name, Engine=engine, MasterUsername="root",
                              MasterUserPassword="PLANTED-SECRET", Tags=tags(STRICT))
        if engine == "aurora-mysql":
            rds.create_db_instance(DBInstanceIdentifier=f"{name}-1", DBClusterIdentifier=name, Engine=engine,
                                   DBInstanceClass="db.r5.large")
    rds.create_db_snapshot(DBInstanceIdentifier="db-0", DBSnapshotIdentifier="snap", Tags=tags(STRICT))
    rds.create_db_cluster_snapshot(DBClusterIdentifier="aurora", DBClusterSnapshotIdentifier="csnap")
    rds.create_event_subscription(SubscriptionName="events", SnsTopicArn=f"arn:aws:sns:{at.region}:123456789012:t", Tags=tags(STRICT))
    rds.create_db_proxy(DBProxyName="proxy", EngineFamily="MYSQL", Auth=[], RoleArn=at.role, VpcSubnetIds=at.subnets[:2])


def rds_tags(member):
    return lambda at, item: {"TagList": at("rds").list_tags_for_resource(ResourceName=item[member])["TagList"]}


def not_(*engines):
    return lambda _, item: item.get("Engine") not in engines


MOVES = ["DBInstanceStatus", "LatestRestorableTime", "Status", "PercentProgress", "EarliestRestorableTime"]
row("aws:rds/instance:Instance", "rds", "describe_db_instances", "DBInstances[?!DBClusterIdentifier]", "DBInstanceIdentifier",
    skip=MOVES)
row("aws:rds/clusterInstance:ClusterInstance", "rds", "describe_db_instances", "DBInstances[?DBClusterIdentifier]",
    "DBInstanceIdentifier", keep=not_("neptune", "docdb"), skip=MOVES)
row("aws:rds/cluster:Cluster", "rds", "describe_db_clusters", "DBClusters", "DBClusterIdentifier",
    keep=not_("neptune", "docdb"), skip=MOVES)
row("aws:neptune/cluster:Cluster", "rds", "describe_db_clusters", "DBClusters[?Engine=='neptune']", "DBClusterIdentifier", skip=MOVES)
row("aws:rds/subnetGroup:SubnetGroup", "rds", "describe_db_subnet_groups", "DBSubnetGroups", "DBSubnetGroupName",
    more=rds_tags("DBSubnetGroupArn"))
row("aws:rds/parameterGroup:ParameterGroup", "rds", "describe_db_parameter_groups", "DBParameterGroups",
    "DBParameterGroupName", keep=lambda _, g: not g["DBParameterGroupName"].startswith("default."),
    more=rds_tags("DBParameterGroupArn"))
row("aws:rds/clusterParameterGroup:ClusterParameterGroup", "rds", "describe_db_cluster_parameter_groups",
    "DBClusterParameterGroups", "DBClusterParameterGroupName")
row("aws:rds/snapshot:Snapshot", "rds", "describe_db_snapshots", "DBSnapshots[?SnapshotType=='manual']", "DBSnapshotIdentifier",
    skip=MOVES)
row("aws:rds/clusterSnapshot:ClusterSnapshot", "rds", "describe_db_cluster_snapshots",
    "DBClusterSnapshots[?SnapshotType=='manual']", "DBClusterSnapshotIdentifier", skip=MOVES)
row("aws:rds/eventSubscription:EventSubscription", "rds", "describe_event_subscriptions", "EventSubscriptionsList",
    "CustSubscriptionId", skip=MOVES)
row("aws:rds/proxy:Proxy", "rds", "describe_db_proxies", "DBProxies", "DBProxyName", skip=MOVES)


@seed("redshift")
def warehouse(at):
    client = at("redshift")
    client.create_cluster_parameter_group(ParameterGroupName="params", ParameterGroupFamily="redshift-1.0", Description="d")
    client.create_cluster_subnet_group(ClusterSubnetGroupName="subnets", Description="d é", SubnetIds=at.subnets[:1], Tags=tags())
    client.create_cluster(ClusterIdentifier="house", NodeType="ra3.large", MasterUsername="root",
                          MasterUserPassword="PLANTED-SECRET", ClusterType="single-node", Tags=tags())
    client.create_cluster_snapshot(SnapshotIdentifier="snap", ClusterIdentifier="house", Tags=tags())
    client.create_snapshot_copy_grant(SnapshotCopyGrantName="grant", KmsKeyId="k")


row("aws:redshift/cluster:Cluster", "redshift", "describe_clusters", "Clusters", "ClusterIdentifier",
    skip=["ClusterStatus", "ClusterAvailabilityStatus", "NextMaintenanceWindowStartTime", "TotalStorageCapacityInMegaBytes"])
row("aws:redshift/parameterGroup:ParameterGroup", "redshift", "describe_cluster_parameter_groups", "ParameterGroups",
    "ParameterGroupName", keep=lambda _, g: not g["ParameterGroupName"].startswith("default."))
row("aws:redshift/subnetGroup:SubnetGroup", "redshift", "describe_cluster_subnet_groups", "ClusterSubnetGroups",
    "ClusterSubnetGroupName")
row("aws:redshift/clusterSnapshot:ClusterSnapshot", "redshift", "describe_cluster_snapshots",
    "Snapshots[?SnapshotType=='manual']", "SnapshotIdentifier", skip=["Status"])
row("aws:redshift/snapshotCopyGrant:SnapshotCopyGrant", "redshift", "describe_snapshot_copy_grants", "SnapshotCopyGrants",
    "SnapshotCopyGrantName")


@seed("elasticache")
def caches(at):
    client = at("elasticache")
    for n in range(2):
        client.create_cache_cluster(CacheClusterId=f"cache-{n}", Engine="redis", CacheNodeType="cache.t3.micro",
                                    NumCacheNodes=1, Tags=tags())
    client.create_replication_group(ReplicationGroupId="group", ReplicationGroupDescription="d é", Engine="redis",
                                    CacheNodeType="cache.t3.micro", NumCacheClusters=2, Tags=tags())
    client.create_cache_subnet_group(CacheSubnetGroupName="subnets", CacheSubnetGroupDescription="d", SubnetIds=at.subnets[:1], Tags=tags())
    client.create_user(UserId="user", UserName="user", Engine="redis", Passwords=["PLANTED-SECRET-16"], AccessString="on ~* +@all")
    memory = at("memorydb")
    memory.create_subnet_group(SubnetGroupName="subnets", SubnetIds=at.subnets[:1])
    memory.create_cluster(ClusterName="memory", NodeType="db.r6g.large", ACLName="open-access", SubnetGroupName="subnets", Tags=tags())
    memory.create_user(UserName="user", AuthenticationMode={"Type": "password", "Passwords": ["PLANTED-SECRET-16"]}, AccessString="on ~* +@all")
    at("dax").create_cluster(ClusterName="dax", NodeType="dax.t3.small", ReplicationFactor=1, IamRoleArn=at.role, Tags=tags())


def cache_tags(member):
    return lambda at, item: {"TagList": at("elasticache").list_tags_for_resource(ResourceName=item[member])["TagList"]}


row("aws:elasticache/cluster:Cluster", "elasticache", "describe_cache_clusters", "CacheClusters", "CacheClusterId",
    skip=["CacheClusterStatus"])
row("aws:elasticache/replicationGroup:ReplicationGroup", "elasticache", "describe_replication_groups", "ReplicationGroups",
    "ReplicationGroupId", skip=["Status"], more=cache_tags("ARN"))
row("aws:elasticache/subnetGroup:SubnetGroup", "elasticache", "describe_cache_subnet_groups", "CacheSubnetGroups",
    "CacheSubnetGroupName", keep=lambda _, g: g["CacheSubnetGroupName"] != "default")
row("aws:elasticache/user:User", "elasticache", "describe_users", "Users", "UserId", keep=lambda _, u: u["UserId"] != "default",
    skip=["Status"])
row("aws:memorydb/cluster:Cluster", "memorydb", "describe_clusters", "Clusters", "Name", skip=["Status"])
row("aws:memorydb/subnetGroup:SubnetGroup", "memorydb", "describe_subnet_groups", "SubnetGroups", "Name")
row("aws:memorydb/user:User", "memorydb", "describe_users", "Users", "Name", keep=lambda _, u: u["Name"] != "default")
row("aws:dax/cluster:Cluster", "dax", "describe_clusters", "Clusters", "ClusterName", skip=["Status", "ActiveNodes", "Nodes"])


@seed("kinesis")
def streams(at):
    kinesis = at("kinesis")
    for n in at.many(12):
        kinesis.create_stream(StreamName=f"stream.{n}", ShardCount=1)
    kinesis.add_tags_to_stream(StreamName="stream.0", Tags=STRICT)
    arn = kinesis.describe_stream_summary(StreamName="stream.0")["StreamDescriptionSummary"]["StreamARN"]
    kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="reader")
    firehose = at("firehose")
    for n in at.many(12):
        firehose.create_delivery_stream(DeliveryStreamName=f"hose.{n}", Tags=tags(STRICT), S3DestinationConfiguration={
            "RoleARN": at.role, "BucketARN": "arn:aws:s3:::b", "Prefix": "a b/é"})
    kafka = at("kafka")
    kafka.create_cluster_v2(ClusterName="provisioned", Tags=STRICT, Provisioned={
        "BrokerNodeGroupInfo": {"InstanceType": "kafka.m5.large", "ClientSubnets": at.subnets[:2]},
        "KafkaVersion": "3.5.1", "NumberOfBrokerNodes": 2})
    kafka.create_cluster_v2(ClusterName="serverless", Serverless={"VpcConfigs": [{"SubnetIds": at.subnets[:2]}]})
    broker = at("mq")
    broker.create_broker(BrokerName="broker", EngineType="ACTIVEMQ", EngineVersion="5.17.6", HostInstanceType="mq.t3.micro",
                         DeploymentMode="SINGLE_INSTANCE", PubliclyAccessible=False, AutoMinorVersionUpgrade=True, Tags=STRICT,
                         Users=[{"Username": "u", "Password": "PLANTED-SECRET"}], SubnetIds=at.subnets[:1])
    broker.create_configuration(Name="configuration", EngineType="ACTIVEMQ", EngineVersion="5.17.6")


def stream(at, name):
    kinesis = at("kinesis")
    found = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    marks = kinesis.list_tags_for_stream(StreamName=name)["Tags"]
    kept = {k: found[k] for k in ("StreamName", "StreamARN", "OpenShardCount")}
    return {**kept, **({"Tags": marks} if marks else {})}


row("aws:kinesis/stream:Stream", "kinesis", "list_streams", "StreamNames", lambda _, name: name, more=stream,
    args=lambda at: [{"Limit": 10000}])
row("aws:kinesis/streamConsumer:StreamConsumer", "kinesis", "list_stream_consumers", "Consumers", "ConsumerARN",
    args=lambda at: [{"StreamARN": f"arn:aws:kinesis:{at.region}:123456789012:stream/stream.{n}"} for n in range(3)],
    skip=["ConsumerStatus"])
row("aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream", "firehose", "list_delivery_streams", "DeliveryStreamNames",
    lambda at, name: at("firehose").describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]["DeliveryStreamARN"],
    args=lambda at: [{"Limit": 10000}])
row("aws:msk/cluster:Cluster", "kafka", "list_clusters_v2", "ClusterInfoList[?ClusterType=='PROVISIONED']", "ClusterArn",
    skip=["State", "ActiveOperationArn", "CurrentVersion"])
row("aws:msk/serverlessCluster:ServerlessCluster", "kafka", "list_clusters_v2", "ClusterInfoList[?ClusterType=='SERVERLESS']",
    "ClusterArn", skip=["State", "ActiveOperationArn", "CurrentVersion"])
row("aws:mq/broker:Broker", "mq", "list_brokers", "BrokerSummaries", "BrokerId", skip=["BrokerState"])
row("aws:mq/configuration:Configuration", "mq", "list_configurations", "Configurations", "Id")


@seed("opensearch")
def searches(at):
    at("opensearch").create_domain(DomainName="search", TagList=tags(STRICT))
    less = at("opensearchserverless")
    less.create_security_policy(name="enc", type="encryption", policy='{"Rules":[{"ResourceType":"collection","Resource":["collection/things"]}],"AWSOwnedKey":true,"KmsARN":""}')
    less.create_collection(name="things", type="SEARCH", tags=tags(STRICT, "key", "value"))


row("aws:opensearch/domain:Domain", "opensearch", "list_domain_names", "DomainNames", "DomainName",
    more=lambda at, d: {"ARN": at("opensearch").describe_domain(DomainName=d["DomainName"])["DomainStatus"]["ARN"]})
row("aws:opensearch/serverlessCollection:ServerlessCollection", "opensearchserverless", "list_collections",
    "collectionSummaries", "id", skip=["status"])
