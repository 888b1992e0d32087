"""Queues, topics, events, workflows, mail."""
import json

from core import ODD, STRICT, row, seed, tags

MACHINE = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})


@seed("sqs")
def queues(at):
    sqs = at("sqs")
    for n in at.many(at.bulk):
        sqs.create_queue(QueueName=f"queue-{n}")
    url = sqs.create_queue(QueueName="Odd_name-1.fifo", Attributes={"FifoQueue": "true", "Policy": json.dumps(
        {"Version": "2012-10-17", "Statement": []})})["QueueUrl"]
    sqs.tag_queue(QueueUrl=url, Tags=ODD)


def queue(at, url):
    marks = at("sqs").list_queue_tags(QueueUrl=url).get("Tags") if "Odd" in url else None
    return {"Tags": marks} if marks else {}


row("aws:sqs/queue:Queue", "sqs", "list_queues", "QueueUrls", lambda _, url: url, more=queue,
    args=lambda at: [{"MaxResults": 1000}])


@seed("sns")
def topics(at):
    sns = at("sns")
    for n in at.many(120):
        sns.create_topic(Name=f"topic-{n}")
    arn = sns.create_topic(Name="odd.fifo", Attributes={"FifoTopic": "true", "DisplayName": "d & é"}, Tags=tags())["TopicArn"]
    for n in range(3):
        sns.subscribe(TopicArn=f"{arn.rsplit(':', 1)[0]}:topic-{n}", Protocol="sqs",
                      Endpoint=f"arn:aws:sqs:{at.region}:123456789012:queue-{n}")
    sns.create_platform_application(Name="app", Platform="GCM", Attributes={"PlatformCredential": "PLANTED-SECRET"})


def topic(at, item):
    odd = item["TopicArn"].endswith(".fifo")
    return {"Tags": at("sns").list_tags_for_resource(ResourceArn=item["TopicArn"])["Tags"], "DisplayName": "d & é"} if odd else {}


row("aws:sns/topic:Topic", "sns", "list_topics", "Topics", "TopicArn", more=topic)
row("aws:sns/topicSubscription:TopicSubscription", "sns", "list_subscriptions", "Subscriptions", "SubscriptionArn")
row("aws:sns/platformApplication:PlatformApplication", "sns", "list_platform_applications", "PlatformApplications",
    "PlatformApplicationArn", skip=["Attributes"])


@seed("events")
def happenings(at):
    events = at("events")
    bus = events.create_event_bus(Name="team.bus_1", Tags=tags(STRICT))["EventBusArn"]
    for n in range(3):
        events.put_rule(Name=f"rule-{n}", ScheduleExpression="rate(5 minutes)", Tags=tags(STRICT))
        events.put_rule(Name=f"rule-{n}", EventBusName="team.bus_1", EventPattern='{"source":["é"]}')
    queue = f"arn:aws:sqs:{at.region}:123456789012:queue-1"
    events.put_targets(Rule="rule-0", Targets=[{"Id": f"target {n}", "Arn": queue, "Input": '{"a":"&"}'} for n in range(2)])
    events.put_targets(Rule="rule-1", EventBusName="team.bus_1", Targets=[{"Id": "t", "Arn": queue}])
    events.create_archive(ArchiveName="archive", EventSourceArn=bus)
    made = events.create_connection(Name="connection", AuthorizationType="API_KEY", AuthParameters={
        "ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "PLANTED-SECRET"}})
    events.create_api_destination(Name="destination", ConnectionArn=made["ConnectionArn"], HttpMethod="POST",
                                  InvocationEndpoint="https://a.example/é?x=y")


def rules(at):
    return [{"Rule": rule, "EventBusName": bus, "_": (bus, rule)} for bus in at.every("events", "list_event_buses", "EventBuses[].Name")
            for rule in at.every("events", "list_rules", "Rules[].Name", EventBusName=bus)]


row("aws:cloudwatch/eventBus:EventBus", "events", "list_event_buses", "EventBuses", "Name")
row("aws:cloudwatch/eventRule:EventRule", "events", "list_rules", "Rules", lambda _, r: f"{r['EventBusName']}/{r['Name']}",
    args=lambda at: [{"EventBusName": bus} for bus in at.every("events", "list_event_buses", "EventBuses[].Name")])
row("aws:cloudwatch/eventTarget:EventTarget", "events", "list_targets_by_rule", "Targets",
    lambda _, t, of: f"{of[0]}/{of[1]}/{t['Id']}", args=rules)
row("aws:cloudwatch/eventArchive:EventArchive", "events", "list_archives", "Archives", "ArchiveName",
    skip=["EventCount", "SizeBytes", "State"])
row("aws:cloudwatch/eventConnection:EventConnection", "events", "list_connections", "Connections", "Name")
row("aws:cloudwatch/eventApiDestination:EventApiDestination", "events", "list_api_destinations", "ApiDestinations", "Name")


@seed("scheduler")
def schedules(at):
    scheduler = at("scheduler")
    scheduler.create_schedule_group(Name="group.1", Tags=tags(STRICT))
    target = {"Arn": f"arn:aws:sqs:{at.region}:123456789012:queue-1", "RoleArn": at.role, "Input": "é"}
    for group in ("default", "group.1"):
        for n in range(3):
            scheduler.create_schedule(Name=f"s_{n}", GroupName=group, ScheduleExpression="rate(1 day)", Target=target,
                                      FlexibleTimeWindow={"Mode": "OFF"})
    queue = f"arn:aws:sqs:{at.region}:123456789012:queue-"
    at("pipes").create_pipe(Name="pipe", Source=f"{queue}1", Target=f"{queue}2", RoleArn=at.role, Tags=STRICT)


row("aws:scheduler/scheduleGroup:ScheduleGroup", "scheduler", "list_schedule_groups", "ScheduleGroups", "Name")
row("aws:scheduler/schedule:Schedule", "scheduler", "list_schedules", "Schedules", lambda _, s: f"{s['GroupName']}/{s['Name']}",
    skip=["Target"])
row("aws:pipes/pipe:Pipe", "pipes", "list_pipes", "Pipes", "Name", skip=["CurrentState"])


@seed("stepfunctions")
def machines(at):
    client = at("stepfunctions")
    for n in at.many(110):
        client.create_state_machine(name=f"machine-{n}", definition=MACHINE, roleArn=at.role,
                                    tags=tags(STRICT, "key", "value") if n == 0 else [])
    client.create_activity(name="activity", tags=tags(STRICT, "key", "value"))


row("aws:sfn/stateMachine:StateMachine", "stepfunctions", "list_state_machines", "stateMachines", "stateMachineArn")
row("aws:sfn/activity:Activity", "stepfunctions", "list_activities", "activities", "activityArn",
    more=lambda at, a: {"tags": at("stepfunctions").list_tags_for_resource(resourceArn=a["activityArn"])["tags"]})


@seed("sesv2")
def mail(at):
    ses = at("sesv2")
    ses.create_dedicated_ip_pool(PoolName="pool")
    ses.create_contact_list(ContactListName="list")


# Identities and configuration sets: moto answers only at the paths of the newest botocore, and the catalogue asks at those before.
row("aws:sesv2/dedicatedIpPool:DedicatedIpPool", "sesv2", "list_dedicated_ip_pools", "DedicatedIpPools", lambda _, name: name)
row("aws:sesv2/contactList:ContactList", "sesv2", "list_contact_lists", "ContactLists", "ContactListName")
