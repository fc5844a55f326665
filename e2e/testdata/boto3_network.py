"""boto3 over what EC2 serves: a VPC from its making to its end, each answer held
to the model. Run by TestBoto3Network; exits 1 with everything that was found."""
import strict
from strict import check, refused

ec2 = strict.client("ec2")
RULE = {"IpProtocol": "tcp", "FromPort": 9092, "ToPort": 9098, "IpRanges": [{"CidrIp": "10.1.0.0/16", "Description": "clients"}]}


def tagged(id, key="Name"):
    return {t["Key"]: t["Value"] for t in ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [id]}])["Tags"]}.get(key)


def places():
    check("region", [r["RegionName"] for r in ec2.describe_regions(RegionNames=["us-east-1"])["Regions"]], ["us-east-1"])
    ec2.describe_account_attributes()
    check("default VPC", ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["IsDefault"], True)
    refused("a second default VPC", "DefaultVpcAlreadyExists", 400, ec2.create_default_vpc)
    refused("a second default subnet", "DefaultSubnetAlreadyExistsInAvailabilityZone", 400, ec2.create_default_subnet, AvailabilityZone="us-east-1a")


def vpc():
    made = ec2.create_vpc(CidrBlock="10.1.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "apps"}]}])["Vpc"]["VpcId"]
    check("its tag", tagged(made), "apps")
    ec2.modify_vpc_attribute(VpcId=made, EnableDnsHostnames={"Value": True})
    check("names", ec2.describe_vpc_attribute(VpcId=made, Attribute="enableDnsHostnames")["EnableDnsHostnames"]["Value"], True)
    more = ec2.associate_vpc_cidr_block(VpcId=made, CidrBlock="10.2.0.0/16")["CidrBlockAssociation"]["AssociationId"]
    ec2.disassociate_vpc_cidr_block(AssociationId=more)
    six = ec2.associate_vpc_cidr_block(VpcId=made, AmazonProvidedIpv6CidrBlock=True)["Ipv6CidrBlockAssociation"]
    check("IPv6", (six["Ipv6Pool"], ec2.describe_vpcs(VpcIds=[made])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["AssociationId"]), ("Amazon", six["AssociationId"]))
    ec2.describe_dhcp_options()
    ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [made]}])
    ec2.describe_vpc_endpoints()
    ec2.describe_network_interfaces()
    refused("no VPC", "InvalidVpcID.NotFound", 400, ec2.delete_vpc, VpcId="vpc-0123456789abcdef0")
    refused("a block that is none", "InvalidParameterValue", 400, ec2.create_vpc, CidrBlock="10.1.0.0/33")
    return made


def subnets(v):
    made = ec2.create_subnet(VpcId=v, CidrBlock="10.1.1.0/24", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=made, MapPublicIpOnLaunch={"Value": True})
    check("public addresses", ec2.describe_subnets(SubnetIds=[made])["Subnets"][0]["MapPublicIpOnLaunch"], True)
    net = ec2.describe_vpcs(VpcIds=[v])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].replace("::/56", "::/64")
    six = ec2.associate_subnet_cidr_block(SubnetId=made, Ipv6CidrBlock=net)["Ipv6CidrBlockAssociation"]["AssociationId"]
    check("its IPv6 block", ec2.describe_subnets(SubnetIds=[made])["Subnets"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"], net)
    ec2.disassociate_subnet_cidr_block(AssociationId=six)
    refused("a block that is taken", "InvalidSubnet.Conflict", 400, ec2.create_subnet, VpcId=v, CidrBlock="10.1.1.0/25")
    refused("a block of elsewhere", "InvalidSubnet.Range", 400, ec2.create_subnet, VpcId=v, CidrBlock="192.168.0.0/24")
    return made


def routes(v, subnet):
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=v)
    check("attached", ec2.describe_internet_gateways(InternetGatewayIds=[gateway])["InternetGateways"][0]["Attachments"][0]["VpcId"], v)
    table = ec2.create_route_table(VpcId=v)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.replace_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    to = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    other = ec2.create_route_table(VpcId=v)["RouteTable"]["RouteTableId"]
    to = ec2.replace_route_table_association(AssociationId=to, RouteTableId=other)["NewAssociationId"]
    check("tables", len(ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [v]}])["RouteTables"]), 3)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    check("address", [a["AllocationId"] for a in ec2.describe_addresses()["Addresses"]], [address])
    ec2.describe_addresses_attribute(AllocationIds=[address], Attribute="domain-name")
    refused("no association", "InvalidAssociationID.NotFound", 400, ec2.disassociate_address, AssociationId="eipassoc-0123456789abcdef0")
    nat = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    check("NAT", ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]["SubnetId"], subnet)
    ec2.delete_nat_gateway(NatGatewayId=nat)
    ec2.release_address(AllocationId=address)
    ec2.disassociate_route_table(AssociationId=to)
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    for t in (table, other):
        ec2.delete_route_table(RouteTableId=t)
    refused("a gateway in use", "DependencyViolation", 400, ec2.delete_internet_gateway, InternetGatewayId=gateway)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=v)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)


def groups(v):
    group = ec2.create_security_group(GroupName="brokers", Description="of brokers", VpcId=v)["GroupId"]
    refused("twice", "InvalidGroup.Duplicate", 400, ec2.create_security_group, GroupName="brokers", Description="x", VpcId=v)
    rule = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[RULE])["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    refused("a rule that is there", "InvalidPermission.Duplicate", 400, ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[RULE])
    ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=[{"SecurityGroupRuleId": rule, "SecurityGroupRule": {
        "IpProtocol": "tcp", "FromPort": 9098, "ToPort": 9098, "CidrIpv4": "10.1.0.0/16"}}])
    ec2.update_security_group_rule_descriptions_ingress(GroupId=group, SecurityGroupRuleDescriptions=[{"SecurityGroupRuleId": rule, "Description": "IAM"}])
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    check("in", [(r["FromPort"], r["Description"]) for r in rules if not r["IsEgress"]], [(9098, "IAM")])
    out = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    to = ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[out])["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    ec2.update_security_group_rule_descriptions_egress(GroupId=group, SecurityGroupRuleDescriptions=[{"SecurityGroupRuleId": to, "Description": "web"}])
    ec2.revoke_security_group_egress(GroupId=group, SecurityGroupRuleIds=[to])
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule])
    check("no rules in", ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"], [])
    ec2.create_tags(Resources=[group], Tags=[{"Key": "Name", "Value": "b"}])
    check("tag", tagged(group), "b")
    ec2.delete_tags(Resources=[group], Tags=[{"Key": "Name"}])
    check("no tag", tagged(group), None)
    return group


places()
v = vpc()
s = subnets(v)
routes(v, s)
g = groups(v)
refused("a VPC in use", "DependencyViolation", 400, ec2.delete_vpc, VpcId=v)
ec2.delete_security_group(GroupId=g)
ec2.delete_subnet(SubnetId=s)
ec2.delete_vpc(VpcId=v)
refused("no VPC any more", "InvalidVpcID.NotFound", 400, ec2.describe_vpcs, VpcIds=[v])
strict.done()
