"""boto3 against a Millrace: every kafka, sts and ec2 call that is served, and
the errors as botocore names them. Run by TestBoto3Calls; exits 1 at the first
surprise."""
import os
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

CONFIG = Config(retries={"max_attempts": 0}, parameter_validation=False)
kafka = boto3.client("kafka", config=CONFIG)
SUBNETS = os.environ["MILLRACE_SUBNETS"].split(",")


def check(what, got, want):
    if got != want:
        sys.exit(f"{what}: got {got!r}, want {want!r}")


def refused(what, code, status, call, **args):
    try:
        got = call(**args)
    except ClientError as e:
        got = (e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"])
        check(what, got, (code, status))
        return e.response
    sys.exit(f"{what}: accepted: {got}")


def provisioned(**more):
    return {
        "KafkaVersion": "3.9.x",
        "NumberOfBrokerNodes": 3,
        "BrokerNodeGroupInfo": {"InstanceType": "kafka.m5.large", "ClientSubnets": SUBNETS[:3]},
        "ClientAuthentication": {"Sasl": {"Iam": {"Enabled": True}}},
        **more,
    }


def serverless():
    return {
        "VpcConfigs": [{"SubnetIds": SUBNETS[:2]}],
        "ClientAuthentication": {"Sasl": {"Iam": {"Enabled": True}}},
    }


def wait(arn):
    for _ in range(600):
        info = kafka.describe_cluster_v2(ClusterArn=arn)["ClusterInfo"]
        if info["State"] != "CREATING":
            check("state of " + arn, info["State"], "ACTIVE")
            return info
        time.sleep(0.05)
    sys.exit(arn + " is not active after 30 s")


def lifecycle():
    v1 = kafka.create_cluster(ClusterName="one-v1", **provisioned())
    check("v1 state", (v1["State"], v1["ClusterName"]), ("CREATING", "one-v1"))
    v2 = kafka.create_cluster_v2(ClusterName="one-v2", Provisioned=provisioned(), Tags={"a": "1"})
    check("v2 type", v2["ClusterType"], "PROVISIONED")
    sl = kafka.create_cluster_v2(ClusterName="two-serverless", Serverless=serverless())
    check("serverless type", sl["ClusterType"], "SERVERLESS")
    arns = [c["ClusterArn"] for c in (v1, v2, sl)]
    for arn in arns:
        wait(arn)
    return arns


def describe(v1, v2, sl):
    info = kafka.describe_cluster(ClusterArn=v1)["ClusterInfo"]
    check("brokers", info["NumberOfBrokerNodes"], 3)
    check("version", info["CurrentBrokerSoftwareInfo"]["KafkaVersion"], "3.9.x")
    check("subnets", info["BrokerNodeGroupInfo"]["ClientSubnets"], SUBNETS[:3])
    check("iam", info["ClientAuthentication"]["Sasl"]["Iam"]["Enabled"], True)
    info = kafka.describe_cluster_v2(ClusterArn=v2)["ClusterInfo"]
    check("v2 tags", info["Tags"], {"a": "1"})
    check("v2 version", info["Provisioned"]["CurrentBrokerSoftwareInfo"]["KafkaVersion"], "3.9.x")
    info = kafka.describe_cluster_v2(ClusterArn=sl)["ClusterInfo"]
    check("serverless vpc", info["Serverless"]["VpcConfigs"][0]["SubnetIds"], SUBNETS[:2])
    refused("describe v1 of serverless", "BadRequestException", 400, kafka.describe_cluster, ClusterArn=sl)

    nodes = kafka.list_nodes(ClusterArn=v2)["NodeInfoList"]
    check("broker ids", sorted(int(n["BrokerNodeInfo"]["BrokerId"]) for n in nodes), [1, 2, 3])
    check("addresses", {n["BrokerNodeInfo"]["ClientVpcIpAddress"] for n in nodes}, {"127.0.0.1"})
    check("node types", {n["NodeType"] for n in nodes}, {"BROKER"})
    boot = kafka.get_bootstrap_brokers(ClusterArn=v2)
    check("bootstrap", boot["BootstrapBrokerStringSaslIam"].count(","), 2)
    check("plaintext bootstrap", "BootstrapBrokerString" in boot, False)
    boot = kafka.get_bootstrap_brokers(ClusterArn=sl)
    check("serverless bootstrap", boot["BootstrapBrokerStringSaslIam"].count(","), 0)


def listing():
    names = lambda r: [c["ClusterName"] for c in r["ClusterInfoList"]]
    check("list v1", sorted(names(kafka.list_clusters())), ["one-v1", "one-v2"])
    check("list v2", sorted(names(kafka.list_clusters_v2())), ["one-v1", "one-v2", "two-serverless"])
    check("prefix", sorted(names(kafka.list_clusters_v2(ClusterNameFilter="one-"))), ["one-v1", "one-v2"])
    check("type", names(kafka.list_clusters_v2(ClusterTypeFilter="SERVERLESS")), ["two-serverless"])
    seen, token = [], None
    for _ in range(3):
        page = kafka.list_clusters_v2(MaxResults=1, **({"NextToken": token} if token else {}))
        check("page size", len(page["ClusterInfoList"]), 1)
        seen, token = seen + names(page), page.get("NextToken")
        if not token:
            break
    check("pages", (sorted(seen), token), (["one-v1", "one-v2", "two-serverless"], None))
    pages = kafka.get_paginator("list_clusters_v2").paginate(PaginationConfig={"PageSize": 2})
    check("paginator", sum(len(p["ClusterInfoList"]) for p in pages), 3)
    refused("bad token", "BadRequestException", 400, kafka.list_clusters_v2, NextToken="nonsense")


def tags(arn):
    kafka.tag_resource(ResourceArn=arn, Tags={"team": "flow", "stage": "test"})
    check("tags", kafka.list_tags_for_resource(ResourceArn=arn)["Tags"], {"team": "flow", "stage": "test"})
    kafka.untag_resource(ResourceArn=arn, TagKeys=["team"])
    check("untagged", kafka.list_tags_for_resource(ResourceArn=arn)["Tags"], {"stage": "test"})


def versions(arn):
    known = {v["Version"]: v["Status"] for v in kafka.list_kafka_versions()["KafkaVersions"]}
    check("3.9.x", known.get("3.9.x"), "ACTIVE")
    pages = kafka.get_paginator("list_kafka_versions").paginate(PaginationConfig={"PageSize": 5})
    check("versions by page", sum(len(p["KafkaVersions"]) for p in pages), len(known))
    compatible = kafka.get_compatible_kafka_versions(ClusterArn=arn)["CompatibleKafkaVersions"]
    check("compatible", [c["SourceVersion"] for c in compatible], ["3.9.x"])
    check("compatible with all", len(kafka.get_compatible_kafka_versions()["CompatibleKafkaVersions"]) > 5, True)


def neighbours():
    who = boto3.client("sts", config=CONFIG).get_caller_identity()
    check("root", who["Arn"], f"arn:aws:iam::{who['Account']}:root")
    ec2 = boto3.client("ec2", config=CONFIG)
    subnets = ec2.describe_subnets()["Subnets"]
    check("subnets", [s["SubnetId"] for s in subnets], SUBNETS)
    vpc = ec2.describe_vpcs()["Vpcs"][0]
    check("vpc", (vpc["VpcId"], vpc["IsDefault"]), (os.environ["MILLRACE_VPC"], True))
    groups = ec2.describe_security_groups(GroupIds=[os.environ["MILLRACE_SECURITY_GROUP"]])["SecurityGroups"]
    check("group", groups[0]["VpcId"], vpc["VpcId"])
    zones = {z["ZoneName"] for z in ec2.describe_availability_zones()["AvailabilityZones"]}
    check("zones", {s["AvailabilityZone"] for s in subnets} <= zones, True)
    refused("unknown subnet", "InvalidSubnetID.NotFound", 400, ec2.describe_subnets, SubnetIds=["subnet-0123456789abcdef0"])


def errors(arn):
    other = arn.rsplit("/", 2)[0] + "/other/00000000-0000-0000-0000-000000000000-1"
    refused("unknown ARN", "NotFoundException", 404, kafka.describe_cluster, ClusterArn=other)
    refused("unknown ARN v2", "NotFoundException", 404, kafka.describe_cluster_v2, ClusterArn=other)
    e = refused("no ARN", "BadRequestException", 400, kafka.describe_cluster, ClusterArn="cluster")
    check("its parameter", e.get("InvalidParameter", e.get("invalidParameter")), "clusterArn")
    refused("same name", "ConflictException", 409, kafka.create_cluster_v2, ClusterName="one-v2", Provisioned=provisioned())
    refused("bad name", "BadRequestException", 400, kafka.create_cluster_v2, ClusterName="a b!", Provisioned=provisioned())
    nowhere = {"InstanceType": "kafka.m5.large", "ClientSubnets": ["subnet-0123456789abcdef0", SUBNETS[1], SUBNETS[2]]}
    refused("unknown subnet", "BadRequestException", 400, kafka.create_cluster_v2,
            ClusterName="nowhere", Provisioned=provisioned(BrokerNodeGroupInfo=nowhere))
    refused("brokers over zones", "BadRequestException", 400, kafka.create_cluster_v2,
            ClusterName="four", Provisioned=provisioned(NumberOfBrokerNodes=4))
    refused("unbuilt", "NotImplementedException", 501, kafka.list_replicators)
    wrong = boto3.client("kafka", config=CONFIG, aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"], aws_secret_access_key="wrong")
    refused("wrong secret", "InvalidSignatureException", 403, wrong.list_clusters_v2)
    unknown = boto3.client("kafka", config=CONFIG, aws_access_key_id="AKIAUNKNOWN000000000", aws_secret_access_key="wrong")
    refused("unknown key", "UnrecognizedClientException", 403, unknown.list_clusters_v2)


def delete(arns):
    for arn in arns:
        check("deleting", kafka.delete_cluster(ClusterArn=arn)["State"], "DELETING")
    for _ in range(600):
        if not kafka.list_clusters_v2()["ClusterInfoList"]:
            break
        time.sleep(0.05)
    for arn in arns:
        refused("deleted", "NotFoundException", 404, kafka.describe_cluster_v2, ClusterArn=arn)


v1, v2, sl = lifecycle()
describe(v1, v2, sl)
listing()
tags(v1)
versions(v2)
neighbours()
errors(v1)
delete([v1, v2, sl])
print("ok: lifecycle, describe, list, tags, versions, sts, ec2, errors, delete")
