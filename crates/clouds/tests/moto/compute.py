"""What runs: containers, functions, groups of machines, load balancers, batch jobs, clusters."""
import io
import json
import zipfile

from core import SECRET, STRICT, row, seed, tags


def code():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        packed.writestr("a.py", "def h(e, c): pass")
    return made.getvalue()


@seed("lambda")
def functions(at):
    client = at("lambda")
    for n in range(4):
        client.create_function(FunctionName=f"fn_{n}", Runtime="python3.12", Role=at.role, Handler="a.h",
                               Code={"ZipFile": code()}, Environment={"Variables": {"TOKEN": SECRET}}, Tags=STRICT,
                               Publish=True)
    client.create_alias(FunctionName="fn_0", Name="live", FunctionVersion="1")
    client.put_function_event_invoke_config(FunctionName="fn_1", MaximumRetryAttempts=1)
    queue = at("sqs").create_queue(QueueName="for-lambda")["QueueUrl"]
    arn = at("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client.create_event_source_mapping(FunctionName="fn_0", EventSourceArn=arn)
    for _ in range(2):
        client.publish_layer_version(LayerName="layer", Content={"ZipFile": code()})


row("aws:lambda/function:Function", "lambda", "list_functions", "Functions", "FunctionName",
    skip=["Environment", "LastModified"],
    more=lambda at, f: {"Tags": at("lambda").list_tags(Resource=f["FunctionArn"].removesuffix(":$LATEST"))["Tags"]})
row("aws:lambda/alias:Alias", "lambda", "list_aliases", "Aliases", lambda _, a, f: f"{f}/{a['Name']}",
    args=lambda at: [{"FunctionName": f, "_": f} for f in at.every("lambda", "list_functions", "Functions[].FunctionName")])
row("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", "lambda", "list_function_event_invoke_configs",
    "FunctionEventInvokeConfigs", "FunctionArn", args=lambda at: [{"FunctionName": f"fn_{n}"} for n in range(4)])
row("aws:lambda/eventSourceMapping:EventSourceMapping", "lambda", "list_event_source_mappings", "EventSourceMappings", "UUID",
    skip=["LastProcessingResult", "State", "StateTransitionReason"])
row("aws:lambda/layerVersion:LayerVersion", "lambda", "list_layer_versions", "LayerVersions", "LayerVersionArn",
    args=lambda at: [{"LayerName": name} for name in at.every("lambda", "list_layers", "Layers[].LayerName")])


@seed("ecs")
def containers(at):
    ecs = at("ecs")
    for n in range(13):
        ecs.create_cluster(clusterName=f"web-{n}", tags=tags(key="key", value="value"))
    for n in range(3):
        ecs.register_task_definition(family="t", cpu="256", memory="512", containerDefinitions=[
            {"name": "c", "image": "i", "memory": 64, "environment": [{"name": "K", "value": f"{SECRET}{n}"}]}])
    for n in range(12):
        ecs.create_service(cluster="web-0", serviceName=f"api-{n}", taskDefinition="t", desiredCount=0)
    ecs.create_service(cluster="web-1", serviceName="api-0", taskDefinition="t", desiredCount=0)


def clusters(at):
    return at.every("ecs", "list_clusters", "clusterArns")


COUNTS = ["registeredContainerInstancesCount", "runningTasksCount", "pendingTasksCount", "activeServicesCount", "statistics"]
row("aws:ecs/cluster:Cluster", "ecs", "describe_clusters", "clusters", "clusterName", skip=COUNTS,
    args=lambda at: [{"clusters": clusters(at), "include": ["TAGS", "SETTINGS", "CONFIGURATIONS"]}])
row("aws:ecs/service:Service", "ecs", "list_services", "serviceArns", lambda _, arn: "/".join(arn.split("/")[-2:]),
    args=lambda at: [{"cluster": arn} for arn in clusters(at)])
row("aws:ecs/taskDefinition:TaskDefinition", "ecs", "list_task_definitions", "taskDefinitionArns", lambda _, arn: arn)


@seed("ecr")
def images(at):
    ecr = at("ecr")
    for name in ("plain", "team/app", "a/b/c_d.e"):
        ecr.create_repository(repositoryName=name, tags=tags())
    ecr.set_repository_policy(repositoryName="plain", policyText=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Sid": "x", "Effect": "Allow", "Principal": "*", "Action": ["ecr:BatchGetImage"]}]}))
    ecr.put_lifecycle_policy(repositoryName="plain", lifecyclePolicyText=json.dumps({"rules": [
        {"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 5},
         "action": {"type": "expire"}}]}))


row("aws:ecr/repository:Repository", "ecr", "describe_repositories", "repositories", "repositoryName")


@seed("eks")
def kubernetes(at):
    eks = at("eks")
    for n in range(2):
        eks.create_cluster(name=f"k-{n}", roleArn=at.role, resourcesVpcConfig={"subnetIds": at.subnets[:2]}, tags=STRICT)
    eks.create_nodegroup(clusterName="k-0", nodegroupName="nodes", subnets=at.subnets[:1], nodeRole=at.role)
    eks.create_fargate_profile(clusterName="k-0", fargateProfileName="fp", podExecutionRoleArn=at.role,
                               subnets=at.subnets[:1], selectors=[{"namespace": "default"}])


def in_clusters(at):
    return [{"clusterName": c, "_": c} for c in at.every("eks", "list_clusters", "clusters")]


row("aws:eks/cluster:Cluster", "eks", "list_clusters", "clusters", lambda _, name: name,
    more=lambda at, name: {k: v for k, v in at("eks").describe_cluster(name=name)["cluster"].items() if k in ("arn", "tags", "version")})
row("aws:eks/nodeGroup:NodeGroup", "eks", "list_nodegroups", "nodegroups", lambda _, n, c: f"{c}:{n}", args=in_clusters)
row("aws:eks/fargateProfile:FargateProfile", "eks", "list_fargate_profiles", "fargateProfileNames",
    lambda _, n, c: f"{c}:{n}", args=in_clusters)


@seed("autoscaling")
def scaling(at):
    client = at("autoscaling")
    client.create_launch_configuration(LaunchConfigurationName="lc é/1", ImageId=at.image, InstanceType="t3.micro",
                                       UserData=f"#!/bin/sh\n{SECRET}")
    for n in range(2):
        client.create_auto_scaling_group(
            AutoScalingGroupName=f"group {n}", LaunchConfigurationName="lc é/1", MinSize=0, MaxSize=1,
            VPCZoneIdentifier=at.subnets[0],
            Tags=[{"ResourceId": f"group {n}", "ResourceType": "auto-scaling-group", "PropagateAtLaunch": True, **t}
                  for t in tags()])
    client.put_scaling_policy(AutoScalingGroupName="group 0", PolicyName="up & away", AdjustmentType="ChangeInCapacity",
                              ScalingAdjustment=1)
    client.put_scheduled_update_group_action(AutoScalingGroupName="group 0", ScheduledActionName="at night",
                                             Recurrence="0 0 * * *", DesiredCapacity=0)
    client.put_lifecycle_hook(AutoScalingGroupName="group 0", LifecycleHookName="hook",
                              LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING")


row("aws:autoscaling/group:Group", "autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups",
    "AutoScalingGroupName")
row("aws:ec2/launchConfiguration:LaunchConfiguration", "autoscaling", "describe_launch_configurations",
    "LaunchConfigurations", "LaunchConfigurationName", skip=["UserData"])
row("aws:autoscaling/policy:Policy", "autoscaling", "describe_policies", "ScalingPolicies",
    lambda _, p: f"{p['AutoScalingGroupName']}/{p['PolicyName']}")
row("aws:autoscaling/schedule:Schedule", "autoscaling", "describe_scheduled_actions", "ScheduledUpdateGroupActions",
    lambda _, a: f"{a['AutoScalingGroupName']}/{a['ScheduledActionName']}")
row("aws:autoscaling/lifecycleHook:LifecycleHook", "autoscaling", "describe_lifecycle_hooks", "LifecycleHooks",
    lambda _, h: f"{h['AutoScalingGroupName']}/{h['LifecycleHookName']}",
    args=lambda at: [{"AutoScalingGroupName": f"group {n}"} for n in range(2)])


@seed("elb")
def balancers(at):
    at("elb").create_load_balancer(LoadBalancerName="classic", AvailabilityZones=[f"{at.region}a"], Tags=tags(STRICT), Listeners=[
        {"Protocol": "http", "LoadBalancerPort": 80, "InstanceProtocol": "http", "InstancePort": 8080}])
    client = at("elbv2")
    made = client.create_load_balancer(Name="front", Subnets=at.subnets[:2], Tags=tags(STRICT))["LoadBalancers"][0]
    group = client.create_target_group(Name="targets", Protocol="HTTP", Port=80, VpcId=at.vpc,
                                       Tags=tags(STRICT))["TargetGroups"][0]["TargetGroupArn"]
    forward = [{"Type": "forward", "TargetGroupArn": group}]
    listener = client.create_listener(LoadBalancerArn=made["LoadBalancerArn"], Protocol="HTTP", Port=80,
                                      DefaultActions=forward)["Listeners"][0]["ListenerArn"]
    client.create_rule(ListenerArn=listener, Priority=7, Actions=forward,
                       Conditions=[{"Field": "path-pattern", "Values": ["/a&b/*"]}])


def tagged(member):
    """The tags of what has an ARN in this member."""
    def more(at, item):
        return {"Tags": at("elbv2").describe_tags(ResourceArns=[item[member]])["TagDescriptions"][0]["Tags"]}
    return more


def listeners(at):
    balancers = at.every("elbv2", "describe_load_balancers", "LoadBalancers[].LoadBalancerArn")
    return [a for b in balancers for a in at.every("elbv2", "describe_listeners", "Listeners[].ListenerArn", LoadBalancerArn=b)]


row("aws:elb/loadBalancer:LoadBalancer", "elb", "describe_load_balancers", "LoadBalancerDescriptions", "LoadBalancerName",
    more=lambda at, b: {"Tags": at("elb").describe_tags(LoadBalancerNames=[b["LoadBalancerName"]])["TagDescriptions"][0]["Tags"]})
row("aws:lb/loadBalancer:LoadBalancer", "elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerArn",
    more=tagged("LoadBalancerArn"), skip=["State"])
row("aws:lb/targetGroup:TargetGroup", "elbv2", "describe_target_groups", "TargetGroups", "TargetGroupArn",
    more=tagged("TargetGroupArn"))
row("aws:lb/listener:Listener", "elbv2", "describe_listeners", "Listeners", "ListenerArn", args=lambda at: [
    {"LoadBalancerArn": b} for b in at.every("elbv2", "describe_load_balancers", "LoadBalancers[].LoadBalancerArn")])
row("aws:lb/listenerRule:ListenerRule", "elbv2", "describe_rules", "Rules", "RuleArn", keep=lambda _, r: not r["IsDefault"],
    args=lambda at: [{"ListenerArn": arn} for arn in listeners(at)])


@seed("batch")
def batches(at):
    client = at("batch")
    made = client.create_compute_environment(computeEnvironmentName="env", type="UNMANAGED", serviceRole=at.role)
    client.create_job_queue(jobQueueName="queue", state="ENABLED", priority=1, computeEnvironmentOrder=[
        {"order": 1, "computeEnvironment": made["computeEnvironmentArn"]}])
    client.register_job_definition(jobDefinitionName="job", type="container", containerProperties={
        "image": "busybox", "vcpus": 1, "memory": 4, "environment": [{"name": "K", "value": SECRET}]})
    client.create_scheduling_policy(name="fair")


row("aws:batch/computeEnvironment:ComputeEnvironment", "batch", "describe_compute_environments", "computeEnvironments",
    "computeEnvironmentName", skip=["statusReason"])
row("aws:batch/jobQueue:JobQueue", "batch", "describe_job_queues", "jobQueues", "jobQueueArn")
row("aws:batch/jobDefinition:JobDefinition", "batch", "describe_job_definitions", "jobDefinitions", "jobDefinitionArn",
    skip=["containerProperties"])
row("aws:batch/schedulingPolicy:SchedulingPolicy", "batch", "list_scheduling_policies", "schedulingPolicies", "arn")


@seed("emr")
def elastic(at):
    client = at("emr")
    for n in range(2):
        client.run_job_flow(Name=f"cluster {n} é", ReleaseLabel="emr-6.10.0", JobFlowRole="r", ServiceRole="r", Instances={
            "MasterInstanceType": "m5.large", "SlaveInstanceType": "m5.large", "InstanceCount": 2,
            "KeepJobFlowAliveWhenNoSteps": True}, Tags=tags())


row("aws:emr/cluster:Cluster", "emr", "list_clusters", "Clusters", "Id", keep=lambda _, c: "TERMINATED" not in c["Status"]["State"],
    skip=["Status", "NormalizedInstanceHours"])


@seed("codebuild")
def builds(at):
    at("codebuild").create_project(
        name="project", source={"type": "S3", "location": "b/k"}, artifacts={"type": "NO_ARTIFACTS"}, serviceRole=at.role,
        environment={"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL",
                     "environmentVariables": [{"name": "K", "value": SECRET}]}, tags=tags(key="key", value="value"))
    at("codecommit").create_repository(repositoryName="code", repositoryDescription="d & é")
    deploy = at("codedeploy")
    deploy.create_application(applicationName="app", computePlatform="Server")
    deploy.create_deployment_group(applicationName="app", deploymentGroupName="all", serviceRoleArn=at.role)
    store = {"type": "S3", "location": "b"}
    stage = {"name": "Source", "actions": [{"name": "a", "actionTypeId": {
        "category": "Source", "owner": "AWS", "provider": "S3", "version": "1"}, "outputArtifacts": [{"name": "o"}]}]}
    at("codepipeline").create_pipeline(tags=tags(STRICT, "key", "value"), pipeline={
        "name": "pipeline", "roleArn": at.role, "artifactStore": store, "version": 1,
        "stages": [stage, {**stage, "name": "Deploy"}]})


row("aws:codebuild/project:Project", "codebuild", "list_projects", "projects", lambda _, name: name,
    more=lambda at, name: {"tags": at("codebuild").batch_get_projects(names=[name])["projects"][0]["tags"]})
row("aws:codedeploy/application:Application", "codedeploy", "list_applications", "applications", lambda _, name: name)
row("aws:codedeploy/deploymentGroup:DeploymentGroup", "codedeploy", "list_deployment_groups", "deploymentGroups",
    lambda _, name: f"app:{name}", args=lambda at: [{"applicationName": "app"}])
row("aws:codepipeline/pipeline:Pipeline", "codepipeline", "list_pipelines", "pipelines", "name", skip=["version"])
