"""EC2: networks and machines."""
from core import ACCOUNT, SECRET, row, seed, tags


def marks(kind, **more):
    """Tags of what is made."""
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags()}], **more}


@seed("ec2")
def vpcs(at):
    ec2 = at("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16", **marks("vpc"))["Vpc"]["VpcId"]
    other = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.1.0/24", **marks("subnet"))["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="odd name (1)", Description="a & b < c", VpcId=vpc,
                                      **marks("security-group"))["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "in"}],
         "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
        {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}])
    table = ec2.create_route_table(VpcId=vpc, **marks("route-table"))["RouteTable"]["RouteTableId"]
    gateway = ec2.create_internet_gateway(**marks("internet-gateway"))["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    acl = ec2.create_network_acl(VpcId=vpc, **marks("network-acl"))["NetworkAcl"]["NetworkAclId"]
    ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=100, Protocol="6", RuleAction="allow", Egress=False,
                                 CidrBlock="10.0.0.0/8", PortRange={"From": 22, "To": 22})
    ec2.create_egress_only_internet_gateway(VpcId=vpc)
    ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=other)
    ec2.create_dhcp_options(DhcpConfigurations=[{"Key": "domain-name", "Values": ["corp.example"]}], **marks("dhcp-options"))
    ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=f"com.amazonaws.{at.region}.s3", RouteTableIds=[table])
    ec2.create_managed_prefix_list(PrefixListName="list & more", MaxEntries=2, AddressFamily="IPv4",
                                   Entries=[{"Cidr": "10.0.0.0/8", "Description": "d"}])
    ec2.create_flow_logs(ResourceIds=[vpc], ResourceType="VPC", TrafficType="ALL", LogDestinationType="s3",
                         LogDestination=f"arn:aws:s3:::dotted.{at.region}-0")
    ec2.create_carrier_gateway(VpcId=vpc)
    address = ec2.allocate_address(Domain="vpc", **marks("elastic-ip"))["AllocationId"]
    ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address, **marks("natgateway"))
    ec2.create_network_interface(SubnetId=subnet, Groups=[group], Description="eth é")


@seed("ec2")
def machines(at):
    ec2 = at("ec2")
    ec2.create_key_pair(KeyName="key pair + é")
    made = ec2.run_instances(ImageId=at.image, MinCount=3, MaxCount=3, InstanceType="t3.micro", KeyName="key pair + é",
                             UserData=f"#!/bin/sh\n{SECRET}", **marks("instance"))["Instances"]
    ec2.terminate_instances(InstanceIds=[made[2]["InstanceId"]])
    volume = ec2.create_volume(Size=1, AvailabilityZone=f"{at.region}a", **marks("volume"))["VolumeId"]
    ec2.create_snapshot(VolumeId=volume, Description="snap <1>")
    ec2.create_image(InstanceId=made[0]["InstanceId"], Name="image é", Description="d & d")
    ec2.create_launch_template(LaunchTemplateName="template", LaunchTemplateData={
        "ImageId": at.image, "InstanceType": "t3.micro", "UserData": "UExBTlRFRC1TRUNSRVQ="})
    ec2.allocate_hosts(AvailabilityZone=f"{at.region}a", InstanceType="m5.large", Quantity=1)
    config = {"ImageId": at.image, "InstanceType": "t3.micro", "SubnetId": at.subnets[0]}
    ec2.request_spot_fleet(SpotFleetRequestConfig={
        "IamFleetRole": at.role, "TargetCapacity": 1, "SpotPrice": "0.1", "AllocationStrategy": "lowestPrice", "LaunchSpecifications": [config]})
    template = ec2.describe_launch_templates()["LaunchTemplates"][0]["LaunchTemplateId"]
    ec2.create_fleet(TargetCapacitySpecification={"TotalTargetCapacity": 1, "DefaultTargetCapacityType": "on-demand"},
                     LaunchTemplateConfigs=[{"LaunchTemplateSpecification": {"LaunchTemplateId": template, "Version": "1"}}])


@seed("ec2")
def edges(at):
    ec2 = at("ec2")
    gateway = ec2.create_customer_gateway(BgpAsn=65000, PublicIp="198.51.100.7", Type="ipsec.1",
                                          **marks("customer-gateway"))["CustomerGateway"]["CustomerGatewayId"]
    vpn = ec2.create_vpn_gateway(Type="ipsec.1", **marks("vpn-gateway"))["VpnGateway"]["VpnGatewayId"]
    ec2.create_vpn_connection(CustomerGatewayId=gateway, VpnGatewayId=vpn, Type="ipsec.1")
    transit = ec2.create_transit_gateway(Description="t é", **marks("transit-gateway"))["TransitGateway"]["TransitGatewayId"]
    other = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    ec2.create_transit_gateway_route_table(TransitGatewayId=transit)
    ec2.create_transit_gateway_vpc_attachment(TransitGatewayId=transit, VpcId=at.vpc, SubnetIds=at.subnets[:1])
    ec2.create_transit_gateway_peering_attachment(TransitGatewayId=transit, PeerTransitGatewayId=other,
                                                  PeerAccountId=ACCOUNT, PeerRegion=at.region)
    balancer = at("elbv2").create_load_balancer(Name="mirror", Type="network", Subnets=at.subnets[:1])["LoadBalancers"][0]
    ec2.create_vpc_endpoint_service_configuration(NetworkLoadBalancerArns=[balancer["LoadBalancerArn"]])
    mirror = ec2.create_traffic_mirror_filter(Description="f é")["TrafficMirrorFilter"]["TrafficMirrorFilterId"]
    to = ec2.create_traffic_mirror_target(NetworkLoadBalancerArn=balancer["LoadBalancerArn"])
    interface = at.every("ec2", "describe_network_interfaces", "NetworkInterfaces")[0]["NetworkInterfaceId"]
    ec2.create_traffic_mirror_session(NetworkInterfaceId=interface, SessionNumber=1, TrafficMirrorFilterId=mirror,
                                      TrafficMirrorTargetId=to["TrafficMirrorTarget"]["TrafficMirrorTargetId"])


def mine(*ends, member="State"):
    """Items that are not at an end."""
    return lambda _, item: (item.get(member) or {}).get("Code", "") not in ends if isinstance(item.get(member), dict) \
        else item.get(member) not in ends


OWN = lambda at: [{"Owners": ["self"]}]  # noqa: E731
OWN_SNAPSHOTS = lambda at: [{"OwnerIds": ["self"]}]  # noqa: E731
EC2 = [
    ("vpc:Vpc", "describe_vpcs", "Vpcs", "VpcId", {}),
    ("subnet:Subnet", "describe_subnets", "Subnets", "SubnetId", {"skip": ["AvailableIpAddressCount"]}),
    ("securityGroup:SecurityGroup", "describe_security_groups", "SecurityGroups", "GroupId", {}),
    ("routeTable:RouteTable", "describe_route_tables", "RouteTables", "RouteTableId", {}),
    ("networkAcl:NetworkAcl", "describe_network_acls", "NetworkAcls[?!IsDefault]", "NetworkAclId", {}),
    ("defaultNetworkAcl:DefaultNetworkAcl", "describe_network_acls", "NetworkAcls[?IsDefault]", "NetworkAclId", {}),
    ("internetGateway:InternetGateway", "describe_internet_gateways", "InternetGateways", "InternetGatewayId", {}),
    ("egressOnlyInternetGateway:EgressOnlyInternetGateway", "describe_egress_only_internet_gateways",
     "EgressOnlyInternetGateways", "EgressOnlyInternetGatewayId", {}),
    ("natGateway:NatGateway", "describe_nat_gateways", "NatGateways", "NatGatewayId", {}),
    ("eip:Eip", "describe_addresses", "Addresses", "AllocationId", {}),
    ("networkInterface:NetworkInterface", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId", {}),
    ("ami:Ami", "describe_images", "Images", "ImageId", {"args": OWN}),
    ("keyPair:KeyPair", "describe_key_pairs", "KeyPairs", "KeyName", {}),
    ("launchTemplate:LaunchTemplate", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId", {}),
    ("dedicatedHost:DedicatedHost", "describe_hosts", "Hosts", "HostId", {}),
    ("vpcEndpoint:VpcEndpoint", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId", {}),
    ("vpcEndpointService:VpcEndpointService", "describe_vpc_endpoint_service_configurations", "ServiceConfigurations",
     "ServiceId", {}),
    ("vpcPeeringConnection:VpcPeeringConnection", "describe_vpc_peering_connections", "VpcPeeringConnections",
     "VpcPeeringConnectionId", {}),
    ("vpcDhcpOptions:VpcDhcpOptions", "describe_dhcp_options", "DhcpOptions", "DhcpOptionsId", {}),
    ("flowLog:FlowLog", "describe_flow_logs", "FlowLogs", "FlowLogId", {}),
    ("managedPrefixList:ManagedPrefixList", "describe_managed_prefix_lists", f"PrefixLists[?OwnerId=='{ACCOUNT}']",
     "PrefixListId", {}),
    ("customerGateway:CustomerGateway", "describe_customer_gateways", "CustomerGateways", "CustomerGatewayId", {}),
    ("vpnGateway:VpnGateway", "describe_vpn_gateways", "VpnGateways", "VpnGatewayId", {}),
    ("vpnConnection:VpnConnection", "describe_vpn_connections", "VpnConnections", "VpnConnectionId",
     {"skip": ["CustomerGatewayConfiguration", "Options"]}),
    ("carrierGateway:CarrierGateway", "describe_carrier_gateways", "CarrierGateways", "CarrierGatewayId", {}),
    ("trafficMirrorFilter:TrafficMirrorFilter", "describe_traffic_mirror_filters", "TrafficMirrorFilters",
     "TrafficMirrorFilterId", {}),
    ("trafficMirrorSession:TrafficMirrorSession", "describe_traffic_mirror_sessions", "TrafficMirrorSessions",
     "TrafficMirrorSessionId", {}),
    ("trafficMirrorTarget:TrafficMirrorTarget", "describe_traffic_mirror_targets", "TrafficMirrorTargets",
     "TrafficMirrorTargetId", {}),
    ("spotFleetRequest:SpotFleetRequest", "describe_spot_fleet_requests", "SpotFleetRequestConfigs", "SpotFleetRequestId",
     {"skip": ["SpotFleetRequestConfig.FulfilledCapacity"]}),
    ("fleet:Fleet", "describe_fleets", "Fleets", "FleetId", {"skip": ["FulfilledCapacity", "FulfilledOnDemandCapacity"]}),
]
for token, op, items, name, more in EC2:
    row(f"aws:ec2/{token}", "ec2", op, items, name, **more)
for token, op, items, name, more in [
    ("transitGateway:TransitGateway", "describe_transit_gateways", "TransitGateways", "TransitGatewayId", {}),
    ("routeTable:RouteTable", "describe_transit_gateway_route_tables", "TransitGatewayRouteTables",
     "TransitGatewayRouteTableId", {}),
    ("vpcAttachment:VpcAttachment", "describe_transit_gateway_vpc_attachments", "TransitGatewayVpcAttachments",
     "TransitGatewayAttachmentId", {}),
    ("peeringAttachment:PeeringAttachment", "describe_transit_gateway_peering_attachments",
     "TransitGatewayPeeringAttachments", "TransitGatewayAttachmentId", {}),
]:
    row(f"aws:ec2transitgateway/{token}", "ec2", op, items, name, **more)
row("aws:ec2/instance:Instance", "ec2", "describe_instances", "Reservations[].Instances[]", "InstanceId",
    keep=lambda _, i: i["State"]["Name"] != "terminated", skip=["UserData"])
row("aws:ebs/volume:Volume", "ec2", "describe_volumes", "Volumes", "VolumeId")
row("aws:ebs/snapshot:Snapshot", "ec2", "describe_snapshots", "Snapshots", "SnapshotId", args=OWN_SNAPSHOTS,
    skip=["Progress", "State"])
for token, out in [("securityGroupIngressRule:SecurityGroupIngressRule", False),
                   ("securityGroupEgressRule:SecurityGroupEgressRule", True)]:
    row(f"aws:vpc/{token}", "ec2", "describe_security_group_rules", "SecurityGroupRules", "SecurityGroupRuleId",
        keep=lambda _, r, out=out: r["IsEgress"] == out)
