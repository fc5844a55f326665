"""boto3 against a Millrace: from where clients may connect to a cluster, and VPC
connections of another account, whose access key and secret are the arguments.
Run by TestBoto3Connectivity; exits 1 at the first surprise."""
import os
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

QUIET = Config(retries={"max_attempts": 0}, parameter_validation=False)
PEER = dict(aws_access_key_id=sys.argv[1], aws_secret_access_key=sys.argv[2], config=QUIET)
ours, theirs = boto3.client("kafka", config=QUIET), boto3.client("kafka", **PEER)
NOBODY = "00000000-0000-0000-0000-000000000000"


def check(what, got, want):
    if got != want:
        sys.exit(f"{what}: got {got!r}, want {want!r}")


def refused(what, code, text, call, **args):
    try:
        got = call(**args)
    except ClientError as e:
        check(what, e.response["Error"]["Code"], code)
        if text not in e.response["Error"]["Message"]:
            sys.exit(f"{what}: {e.response['Error']['Message']!r} lacks {text!r}")
        return
    sys.exit(f"{what}: accepted: {got}")


def until(what, done):
    for _ in range(1200):
        if got := done():
            return got
        time.sleep(0.05)
    sys.exit(f"{what}: it does not come")


def cluster():
    arn = ours.create_cluster(
        ClusterName="orders", KafkaVersion="3.9.x.kraft", NumberOfBrokerNodes=2,
        BrokerNodeGroupInfo={"ClientSubnets": os.environ["MILLRACE_SUBNETS"].split(",")[:2], "InstanceType": "kafka.m5.large"},
        ClientAuthentication={"Sasl": {"Iam": {"Enabled": True}}})["ClusterArn"]
    until("ACTIVE", lambda: info(arn)["State"] == "ACTIVE")
    return arn


def info(arn):
    return ours.describe_cluster(ClusterArn=arn)["ClusterInfo"]


def connectivity(arn):
    return info(arn)["BrokerNodeGroupInfo"]["ConnectivityInfo"]


def update(arn, **what):
    o = ours.update_connectivity(ClusterArn=arn, CurrentVersion=info(arn)["CurrentVersion"], **what)["ClusterOperationArn"]
    done = until("the operation", lambda: (x := ours.describe_cluster_operation(ClusterOperationArn=o)["ClusterOperationInfo"]).get("EndTime") and x)
    check("operation", (done["OperationType"], done["OperationState"]), ("UPDATE_CONNECTIVITY", "UPDATE_COMPLETE"))
    return done


def private(**schemes):
    return {"VpcConnectivity": {"ClientAuthentication": {"Sasl": {k: {"Enabled": v} for k, v in schemes.items()}}}}


def public(kind):
    return {"PublicAccess": {"Type": kind}}


def boot(client, arn):
    got = client.get_bootstrap_brokers(ClusterArn=arn)
    return sorted(k.removeprefix("BootstrapBrokerString") for k in got if k.startswith("Bootstrap"))


def reached(arn):
    args = dict(ClusterArn=arn, CurrentVersion=info(arn)["CurrentVersion"])
    call = ours.update_connectivity
    refused("stale", "BadRequestException", "isn't current", call, ClusterArn=arn, CurrentVersion="K1", ConnectivityInfo=public("SERVICE_PROVIDED_EIPS"))
    refused("same", "BadRequestException", "identical to the current value", call, **args, ConnectivityInfo=public("DISABLED"))
    refused("nothing", "BadRequestException", "Specify one of", call, **args)
    refused("scheme", "BadRequestException", "SASL/SCRAM is off", call, **args, ConnectivityInfo=private(Scram=True))
    refused("ZooKeeper", "BadRequestException", "no ZooKeeper nodes", call, **args, ZookeeperAccess={"Enabled": False})
    refused("unknown", "NotFoundException", "", call, ClusterArn=arn.rsplit("/", 1)[0] + f"/{NOBODY}-1", CurrentVersion="K1", ConnectivityInfo=public("DISABLED"))
    refused("stranger", "AccessDeniedException", "kafka:UpdateConnectivity", theirs.update_connectivity, **args, ConnectivityInfo=public("DISABLED"))
    refused("public at creation", "BadRequestException", "the only valid value for the Type parameter in PublicAccess is DISABLED", ours.create_cluster,
            ClusterName="c", KafkaVersion="3.9.x.kraft", NumberOfBrokerNodes=2, BrokerNodeGroupInfo={
                "ClientSubnets": os.environ["MILLRACE_SUBNETS"].split(",")[:2], "InstanceType": "kafka.m5.large", "ConnectivityInfo": public("SERVICE_PROVIDED_EIPS")})
    refused("two settings", "BadRequestException", "update multiple connectivity settings", call, **args, ConnectivityInfo=public("SERVICE_PROVIDED_EIPS") | private(Iam=True))
    refused("dual-stack", "BadRequestException", "has no IPv6 CIDR block", call, **args, ConnectivityInfo={"NetworkType": "DUAL"})
    update(arn, ConnectivityInfo=public("SERVICE_PROVIDED_EIPS"))
    done = update(arn, ConnectivityInfo=private(Iam=True))
    check("source", done["SourceClusterInfo"]["ConnectivityInfo"]["VpcConnectivity"]["ClientAuthentication"]["Sasl"]["Iam"]["Enabled"], False)
    check("target", done["TargetClusterInfo"]["ConnectivityInfo"], connectivity(arn))
    check("described", connectivity(arn), public("SERVICE_PROVIDED_EIPS") | {"VpcConnectivity": {"ClientAuthentication": {
        "Sasl": {"Iam": {"Enabled": True}, "Scram": {"Enabled": False}}, "Tls": {"Enabled": False}}}})
    check("addresses", boot(ours, arn), ["PublicSaslIam", "SaslIam", "VpcConnectivitySaslIam"])
    update(arn, ConnectivityInfo=public("DISABLED"))
    check("addresses", boot(ours, arn), ["SaslIam", "VpcConnectivitySaslIam"])


def connections(arn):
    ec2 = boto3.client("ec2", **PEER)
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    subnets = sorted(ec2.describe_subnets()["Subnets"], key=lambda s: s["AvailabilityZoneId"])[:2]
    args = dict(TargetClusterArn=arn, Authentication="SASL_IAM", VpcId=vpc, ClientSubnets=[s["SubnetId"] for s in subnets],
                SecurityGroups=[ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]])
    create = theirs.create_vpc_connection
    refused("no policy", "AccessDeniedException", "kafka:CreateVpcConnection", create, **args)
    me = boto3.client("sts", **PEER).get_caller_identity()["Account"]
    ours.put_cluster_policy(ClusterArn=arn, Policy='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"%s"},"Action":["kafka:CreateVpcConnection","kafka:GetBootstrapBrokers"],"Resource":"%s"}]}' % (me, arn))
    refused("scheme", "BadRequestException", "not turned on for TLS", create, **args | {"Authentication": "TLS"})
    refused("zones", "BadRequestException", "Availability Zones of the cluster", create, **args | {"ClientSubnets": args["ClientSubnets"][:1]})
    refused("group", "BadRequestException", "'sg-1' does not exist", create, **args | {"SecurityGroups": ["sg-1"]})
    refused("VPC", "BadRequestException", "does not belong to the VPC", create, **args | {"VpcId": "vpc-1"})
    refused("no cluster", "AccessDeniedException", "", create, **args | {"TargetClusterArn": arn.rsplit("/", 1)[0] + f"/{NOBODY}-1"})
    made = create(**args, Tags={"team": "risk"})
    c = made["VpcConnectionArn"]
    check("made", (made["State"], made["Tags"], c.rsplit("/", 1)[0]), ("CREATING", {"team": "risk"}, f"arn:aws:kafka:us-east-1:{me}:vpc-connection/{arn.split(':')[4]}/orders"))
    refused("twice", "BadRequestException", "already", create, **args)
    got = theirs.describe_vpc_connection(Arn=c)
    check("described", (got["State"], got["TargetClusterArn"], got["VpcId"], got["Subnets"], got["SecurityGroups"], got["Authentication"]),
          ("AVAILABLE", arn, vpc, args["ClientSubnets"], args["SecurityGroups"], "SASL_IAM"))
    if "VpcConnectivitySaslIam" not in boot(theirs, arn):
        sys.exit("another account is not told where it may connect")
    nobody = c.rsplit("/", 1)[0] + "/" + NOBODY
    for what, call in (("describe", theirs.describe_vpc_connection), ("delete", theirs.delete_vpc_connection)):
        refused(what + " unknown", "NotFoundException", "", call, Arn=nobody)
        refused(what + " nonsense", "BadRequestException", "Invalid VPC connection ARN", call, Arn="arn:aws:kafka:us-east-1:%s:vpc-connection/x" % me)
    refused("describe a stranger's", "AccessDeniedException", "kafka:DescribeVpcConnection", ours.describe_vpc_connection, Arn=c)
    theirs.tag_resource(ResourceArn=c, Tags={"more": "yes"})
    theirs.untag_resource(ResourceArn=c, TagKeys=["team"])
    check("tags", theirs.list_tags_for_resource(ResourceArn=c)["Tags"], {"more": "yes"})
    check("theirs", [(v["VpcConnectionArn"], v["State"]) for v in theirs.list_vpc_connections()["VpcConnections"]], [(c, "AVAILABLE")])
    refused("page", "BadRequestException", "", theirs.list_vpc_connections, NextToken="x")
    listed = ours.list_client_vpc_connections(ClusterArn=arn)["ClientVpcConnections"]
    check("ours", [(v["VpcConnectionArn"], v["Owner"], v["State"]) for v in listed], [(c, me, "AVAILABLE")])
    gone = arn.rsplit("/", 1)[0] + f"/{NOBODY}-1"
    refused("list of no cluster", "BadRequestException", "", ours.list_client_vpc_connections, ClusterArn=gone)
    reject = ours.reject_client_vpc_connection
    refused("reject as a stranger", "AccessDeniedException", "", theirs.reject_client_vpc_connection, ClusterArn=arn, VpcConnectionArn=c)
    refused("reject unknown", "BadRequestException", "", reject, ClusterArn=arn, VpcConnectionArn=nobody)
    refused("reject of no cluster", "BadRequestException", "", reject, ClusterArn=gone, VpcConnectionArn=c)
    reject(ClusterArn=arn, VpcConnectionArn=c)
    refused("reject again", "BadRequestException", "in REJECTED state", reject, ClusterArn=arn, VpcConnectionArn=c)
    check("rejected", theirs.describe_vpc_connection(Arn=c)["State"], "REJECTED")
    check("deleted", theirs.delete_vpc_connection(Arn=c)["State"], "DELETING")
    check("nothing left", theirs.list_vpc_connections()["VpcConnections"], [])
    done = [o for o in ours.list_cluster_operations(ClusterArn=arn)["ClusterOperationInfoList"] if "VpcConnectionInfo" in o]
    check("operations", [(o["OperationType"], o["OperationState"], o["VpcConnectionInfo"]["VpcConnectionArn"], o["VpcConnectionInfo"]["Owner"]) for o in done],
          [(kind + "_VPC_CONNECTION", "UPDATE_COMPLETE", c, me) for kind in ("DELETE", "CREATE")])
    c = create(**args)["VpcConnectionArn"]
    update(arn, ConnectivityInfo=private(Iam=False))
    check("turned off", theirs.describe_vpc_connection(Arn=c)["State"], "INACTIVE")


arn = cluster()
reached(arn)
connections(arn)
print("ok")
