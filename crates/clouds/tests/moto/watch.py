"""What watches and configures: logs, alarms, trails, Systems Manager, Config, GuardDuty."""
import json

from core import ODD, STRICT, row, seed, tags


@seed("logs")
def logs(at):
    client = at("logs")
    names = [f"/aws/lambda/fn-{n}" for n in at.many(60)] + ["odd.name#1/_x"]
    for name in names:
        client.create_log_group(logGroupName=name)
    client.tag_log_group(logGroupName="odd.name#1/_x", tags=ODD)
    client.put_metric_filter(logGroupName=names[0], filterName="errors & more", filterPattern='{ $.a = "é" }',
                             metricTransformations=[{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}])
    made = client.put_destination(destinationName="destination", roleArn=at.role,
                                  targetArn=f"arn:aws:kinesis:{at.region}:123456789012:stream/stream.0")["destination"]
    stream = f"arn:aws:kinesis:{at.region}:123456789012:stream/stream.0"
    client.put_subscription_filter(logGroupName=names[0], filterName="to stream", filterPattern="", roleArn=at.role,
                                   destinationArn=stream)
    client.put_resource_policy(policyName="policy", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}))
    client.put_delivery_source(name="source", resourceArn="arn:aws:cloudfront::123456789012:distribution/E1",
                               logType="ACCESS_LOGS", tags=STRICT)
    to = client.put_delivery_destination(name="to", deliveryDestinationConfiguration={
        "destinationResourceArn": "arn:aws:s3:::dotted.us-east-1-0"}, tags=STRICT)["deliveryDestination"]["arn"]
    client.create_delivery(deliverySourceName="source", deliveryDestinationArn=to)
    assert made


def group(at, item):
    name = item["logGroupName"]
    return {"tags": at("logs").list_tags_log_group(logGroupName=name)["tags"]} if name.startswith("odd") else {}


row("aws:cloudwatch/logGroup:LogGroup", "logs", "describe_log_groups", "logGroups", "logGroupName", more=group, skip=["storedBytes", "metricFilterCount"])
row("aws:cloudwatch/logMetricFilter:LogMetricFilter", "logs", "describe_metric_filters", "metricFilters",
    lambda _, f: f"{f['logGroupName']}:{f['filterName']}")
row("aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter", "logs", "describe_subscription_filters", "subscriptionFilters",
    lambda _, f: f"{f['logGroupName']}|{f['filterName']}", args=lambda at: [{"logGroupName": f"/aws/lambda/fn-{n}"} for n in range(3)])
row("aws:cloudwatch/logDestination:LogDestination", "logs", "describe_destinations", "destinations", "destinationName")
row("aws:cloudwatch/logResourcePolicy:LogResourcePolicy", "logs", "describe_resource_policies", "resourcePolicies", "policyName")
row("aws:cloudwatch/logDeliverySource:LogDeliverySource", "logs", "describe_delivery_sources", "deliverySources", "name")
row("aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination", "logs", "describe_delivery_destinations",
    "deliveryDestinations", "name")
row("aws:cloudwatch/logDelivery:LogDelivery", "logs", "describe_deliveries", "deliveries", "id")


@seed("cloudwatch")
def alarms(at):
    client = at("cloudwatch")
    for n in at.many(120):
        client.put_metric_alarm(AlarmName=f"alarm {n} é%/+", MetricName="m", Namespace="n & n", Statistic="Sum", Period=60,
                                EvaluationPeriods=1, Threshold=1.5, ComparisonOperator="GreaterThanThreshold",
                                Tags=tags() if n == 0 else [])
    client.put_dashboard(DashboardName="board", DashboardBody='{"widgets":[]}')
    client.put_insight_rule(RuleName="rule", RuleDefinition="{}", RuleState="ENABLED")


def alarm(at, item):
    odd = item["AlarmName"].startswith("alarm 0 ")
    return {"Tags": at("cloudwatch").list_tags_for_resource(ResourceARN=item["AlarmArn"])["Tags"]} if odd else {}


STATES = ["StateValue", "StateReason", "StateReasonData"]
row("aws:cloudwatch/metricAlarm:MetricAlarm", "cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName", more=alarm, skip=STATES)
row("aws:cloudwatch/dashboard:Dashboard", "cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName", skip=["Size"])
row("aws:cloudwatch/contributorInsightRule:ContributorInsightRule", "cloudwatch", "describe_insight_rules", "InsightRules", "Name")


@seed("cloudtrail")
def trails(at):
    at("cloudtrail").create_trail(Name=f"trail-{at.region}", S3BucketName=f"dotted.{at.region}-0",
                                  IsMultiRegionTrail=at.first, TagsList=tags(STRICT))


row("aws:cloudtrail/trail:Trail", "cloudtrail", "describe_trails", "trailList", "TrailARN",
    keep=lambda at, t: t["HomeRegion"] == at.region)


@seed("ssm")
def systems(at):
    ssm = at("ssm")
    for n in at.many(120):
        ssm.put_parameter(Name=f"/team/app_{n}/a.b-c", Value="PLANTED-SECRET", Type="SecureString" if n % 2 else "String",
                          Tags=tags(STRICT) if n == 0 else [])
    ssm.create_document(Name="Document_1", DocumentType="Command", Content=json.dumps(
        {"schemaVersion": "2.2", "description": "é", "mainSteps": []}))
    window = ssm.create_maintenance_window(Name="window", Schedule="rate(7 days)", Duration=2, Cutoff=1,
                                           AllowUnassociatedTargets=True, Tags=tags(STRICT))["WindowId"]
    ssm.register_target_with_maintenance_window(WindowId=window, ResourceType="INSTANCE", Targets=[{"Key": "tag:a", "Values": ["b"]}])
    ssm.register_task_with_maintenance_window(WindowId=window, TaskArn="AWS-RunShellScript", TaskType="RUN_COMMAND",
                                              Targets=[{"Key": "tag:a", "Values": ["b"]}])


def windows(at):
    return [{"WindowId": w, "_": w} for w in at.every("ssm", "describe_maintenance_windows", "WindowIdentities[].WindowId")]


def parameter(at, item):
    odd = item["Name"].startswith("/team/app_0/")
    return {"Tags": at("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId=item["Name"])["TagList"]} if odd else {}


row("aws:ssm/parameter:Parameter", "ssm", "describe_parameters", "Parameters", "Name", more=parameter)
row("aws:ssm/document:Document", "ssm", "list_documents", "DocumentIdentifiers", "Name",
    args=lambda at: [{"Filters": [{"Key": "Owner", "Values": ["Self"]}]}])
row("aws:ssm/maintenanceWindow:MaintenanceWindow", "ssm", "describe_maintenance_windows", "WindowIdentities", "WindowId",
    skip=["NextExecutionTime"])
row("aws:ssm/maintenanceWindowTarget:MaintenanceWindowTarget", "ssm", "describe_maintenance_window_targets", "Targets",
    lambda _, t, w: f"{w}/{t['WindowTargetId']}", args=windows)
row("aws:ssm/maintenanceWindowTask:MaintenanceWindowTask", "ssm", "describe_maintenance_window_tasks", "Tasks",
    lambda _, t, w: f"{w}/{t['WindowTaskId']}", args=windows)


@seed("config")
def configuration(at):
    config = at("config")
    config.put_configuration_recorder(ConfigurationRecorder={"name": "default", "roleARN": at.role, "recordingGroup": {
        "allSupported": True, "includeGlobalResourceTypes": False}})
    config.put_delivery_channel(DeliveryChannel={"name": "default", "s3BucketName": f"dotted.{at.region}-0"})
    config.put_configuration_aggregator(ConfigurationAggregatorName="aggregator", Tags=tags(STRICT), AccountAggregationSources=[
        {"AccountIds": ["123456789012"], "AllAwsRegions": True}])
    config.put_aggregation_authorization(AuthorizedAccountId="999999999999", AuthorizedAwsRegion="us-west-2", Tags=tags(STRICT))
    for n in at.many(30):
        config.put_config_rule(ConfigRule={"ConfigRuleName": f"rule {n} é", "Description": "<&>", "Source": {
            "Owner": "AWS", "SourceIdentifier": "S3_BUCKET_VERSIONING_ENABLED"}}, Tags=tags(STRICT) if n == 0 else [])
    config.put_retention_configuration(RetentionPeriodInDays=90)


row("aws:cfg/rule:Rule", "config", "describe_config_rules", "ConfigRules", "ConfigRuleName")
row("aws:cfg/recorder:Recorder", "config", "describe_configuration_recorders", "ConfigurationRecorders", "name")
row("aws:cfg/deliveryChannel:DeliveryChannel", "config", "describe_delivery_channels", "DeliveryChannels", "name")
row("aws:cfg/configurationAggregator:ConfigurationAggregator", "config", "describe_configuration_aggregators",
    "ConfigurationAggregators", "ConfigurationAggregatorName")
row("aws:cfg/aggregateAuthorization:AggregateAuthorization", "config", "describe_aggregation_authorizations",
    "AggregationAuthorizations", lambda _, a: f"{a['AuthorizedAccountId']}:{a['AuthorizedAwsRegion']}")
row("aws:cfg/retentionConfiguration:RetentionConfiguration", "config", "describe_retention_configurations",
    "RetentionConfigurations", "Name")


@seed("guardduty")
def guards(at):
    guard = at("guardduty")
    made = guard.create_detector(Enable=True, Tags=STRICT)["DetectorId"]
    guard.create_filter(DetectorId=made, Name="filter", FindingCriteria={"Criterion": {"x": {"Eq": ["y"]}}})


row("aws:guardduty/detector:Detector", "guardduty", "list_detectors", "DetectorIds", lambda _, name: name)


@seed("cloudformation")
def stacks(at):
    client = at("cloudformation")
    template = json.dumps({"Resources": {"T": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "of-a-stack"}}}})
    for n in at.many(60):
        client.create_stack(StackName=f"stack-{n}", TemplateBody=template.replace("of-a-stack", f"of-stack-{n}"),
                            Tags=tags(STRICT) if n == 0 else [])
    client.create_stack_set(StackSetName="set", TemplateBody=template, Tags=tags(STRICT))


row("aws:cloudformation/stack:Stack", "cloudformation", "describe_stacks", "Stacks", "StackName",
    keep=lambda _, s: s["StackStatus"] != "DELETE_COMPLETE")
row("aws:cloudformation/stackSet:StackSet", "cloudformation", "list_stack_sets", "Summaries", "StackSetName")
