"""A cluster's life through boto3: made, polled, listed, tagged, deleted; and the errors on the way."""

import os
import time

import boto3
from botocore.exceptions import ClientError

kafka = boto3.client("kafka")
subnets = os.environ["MILLRACE_SUBNETS"].split(",")
group = os.environ["MILLRACE_SECURITY_GROUP"]


def refused(code, status, call, **kwargs):
    try:
        call(**kwargs)
    except ClientError as e:
        got = (e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"])
        assert got == (code, status), (got, e)
        assert e.response["Error"]["Message"], e.response
        return
    raise AssertionError(f"{call} with {kwargs} was not refused with {code}")


def active(arn):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        info = kafka.describe_cluster_v2(ClusterArn=arn)["ClusterInfo"]
        if info["State"] == "ACTIVE":
            return info
        assert info["State"] == "CREATING", info
        time.sleep(0.1)
    raise AssertionError(f"{arn} is not ACTIVE after 30 s")


nodes = {"InstanceType": "kafka.m7g.large", "ClientSubnets": subnets, "SecurityGroups": [group],
         "StorageInfo": {"EbsStorageInfo": {"VolumeSize": 100}}}
one = kafka.create_cluster(ClusterName="one", KafkaVersion="3.9.x", NumberOfBrokerNodes=3, BrokerNodeGroupInfo=nodes)
two = kafka.create_cluster_v2(ClusterName="two", Tags={"a": "1"}, Provisioned={
    "KafkaVersion": "3.9.x", "NumberOfBrokerNodes": 3, "BrokerNodeGroupInfo": nodes,
    "ClientAuthentication": {"Sasl": {"Iam": {"Enabled": True}}}})
three = kafka.create_cluster_v2(ClusterName="three", Serverless={
    "VpcConfigs": [{"SubnetIds": subnets, "SecurityGroupIds": [group]}],
    "ClientAuthentication": {"Sasl": {"Iam": {"Enabled": True}}}})
assert (two["ClusterType"], three["ClusterType"]) == ("PROVISIONED", "SERVERLESS")
for made in (one, two, three):
    assert made["State"] == "CREATING", made
    info = active(made["ClusterArn"])
    assert info["ClusterName"] == made["ClusterName"]
    boot = kafka.get_bootstrap_brokers(ClusterArn=made["ClusterArn"])
    assert any(k.startswith("BootstrapBrokerString") for k in boot), boot

info = active(two["ClusterArn"])
assert info["Tags"] == {"a": "1"} and info["Provisioned"]["NumberOfBrokerNodes"] == 3, info
assert info["Provisioned"]["BrokerNodeGroupInfo"]["StorageInfo"]["EbsStorageInfo"]["VolumeSize"] == 100, info
assert info["CreationTime"].tzinfo, info["CreationTime"]
assert "Serverless" in active(three["ClusterArn"])

pages = list(kafka.get_paginator("list_clusters_v2").paginate(PaginationConfig={"PageSize": 1}))
assert sorted(c["ClusterName"] for p in pages for c in p["ClusterInfoList"]) == ["one", "three", "two"], pages
assert len(kafka.list_nodes(ClusterArn=one["ClusterArn"])["NodeInfoList"]) == 3

refused("NotFoundException", 404, kafka.describe_cluster, ClusterArn=one["ClusterArn"].replace("/one/", "/none/"))
refused("ConflictException", 409, kafka.create_cluster_v2, ClusterName="three", Serverless={
    "VpcConfigs": [{"SubnetIds": subnets}], "ClientAuthentication": {"Sasl": {"Iam": {"Enabled": True}}}})
refused("BadRequestException", 400, kafka.create_cluster, ClusterName="-bad-", KafkaVersion="3.9.x", NumberOfBrokerNodes=3, BrokerNodeGroupInfo=nodes)
refused("BadRequestException", 400, kafka.list_clusters_v2, NextToken="nonsense")
stranger = boto3.client("kafka", aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="x" * 40)
try:
    stranger.list_clusters_v2()
    raise AssertionError("a stranger was served")
except ClientError as e:
    assert e.response["ResponseMetadata"]["HTTPStatusCode"] == 403, e.response

assert boto3.client("sts").get_caller_identity()["Account"] == "000000000000"
vpcs = boto3.client("ec2").describe_vpcs()["Vpcs"]
assert os.environ["MILLRACE_VPC"] in [v["VpcId"] for v in vpcs], vpcs

for made in (one, two, three):
    assert kafka.delete_cluster(ClusterArn=made["ClusterArn"])["State"] == "DELETING"
deadline = time.monotonic() + 30
while kafka.list_clusters_v2()["ClusterInfoList"]:
    assert time.monotonic() < deadline, "clusters remain after 30 s"
    time.sleep(0.1)
print("boto3", boto3.__version__, "ok")
