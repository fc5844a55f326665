"""boto3 against a Millrace: configurations and the operations of a running
cluster, whose ARN is the argument. Run by TestBoto3Updates; exits 1 at the
first surprise."""
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

kafka = boto3.client("kafka", config=Config(retries={"max_attempts": 0}, parameter_validation=False))
CLUSTER = sys.argv[1]


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


def version():
    return kafka.describe_cluster(ClusterArn=CLUSTER)["ClusterInfo"]["CurrentVersion"]


def ended(arn):
    for _ in range(1200):
        o = kafka.describe_cluster_operation(ClusterOperationArn=arn)["ClusterOperationInfo"]
        if "EndTime" in o:
            return o
        time.sleep(0.05)
    sys.exit(f"{arn} does not end: {o}")


def configurations():
    text = b"# a comment\nauto.create.topics.enable = true\nnum.io.threads=16\n"
    made = kafka.create_configuration(Name="sales", Description="first", KafkaVersions=["3.9.x"], ServerProperties=text)
    check("state", (made["State"], made["LatestRevision"]["Revision"]), ("ACTIVE", 1))
    arn = made["Arn"]
    refused("twice", "ConflictException", "already exists", kafka.create_configuration, Name="sales", ServerProperties=b"")
    refused("key", "BadRequestException", '"name" : "broker.id"', kafka.create_configuration, Name="x", ServerProperties=b"broker.id=1")
    refused("name", "BadRequestException", "not valid", kafka.create_configuration, Name="x_y", ServerProperties=b"")
    refused("version", "BadRequestException", "Unsupported KafkaVersion [9]", kafka.create_configuration, Name="x", KafkaVersions=["9"], ServerProperties=b"")
    two = kafka.update_configuration(Arn=arn, Description="second", ServerProperties=b"num.io.threads=12")
    check("second revision", two["LatestRevision"]["Revision"], 2)
    got = kafka.describe_configuration(Arn=arn)
    check("described", (got["Name"], got["Description"], got["KafkaVersions"], got["LatestRevision"]["Revision"]), ("sales", "first", ["3.9.x"], 2))
    check("text", kafka.describe_configuration_revision(Arn=arn, Revision=1)["ServerProperties"], text)
    check("revisions", [r["Revision"] for r in kafka.list_configuration_revisions(Arn=arn)["Revisions"]], [1, 2])
    check("list", [c["Name"] for c in kafka.list_configurations()["Configurations"]], ["sales"])
    refused("unknown", "BadRequestException", "Configuration ARN does not exist.", kafka.describe_configuration,
            Arn=arn.rsplit("/", 1)[0] + "/00000000-0000-0000-0000-000000000000-1")
    refused("not an ARN", "BadRequestException", "Invalid Configuration ARN.", kafka.describe_configuration, Arn="arn:x")
    return arn


def operations(configuration):
    info = {"Arn": configuration, "Revision": 1}
    before = version()
    refused("stale", "BadRequestException", "isn't current", kafka.update_cluster_configuration, ClusterArn=CLUSTER, CurrentVersion="K1", ConfigurationInfo=info)
    o = kafka.update_cluster_configuration(ClusterArn=CLUSTER, CurrentVersion=before, ConfigurationInfo=info)["ClusterOperationArn"]
    refused("second", "BadRequestException", "You can't update cluster in UPDATING state.", kafka.update_monitoring,
            ClusterArn=CLUSTER, CurrentVersion=before, EnhancedMonitoring="PER_BROKER")
    refused("deletion", "BadRequestException", "You can't delete cluster in UPDATING state.", kafka.delete_cluster, ClusterArn=CLUSTER)
    done = ended(o)
    check("configuration", (done["OperationState"], done["OperationType"]), ("UPDATE_COMPLETE", "UPDATE_CLUSTER_CONFIGURATION"))
    check("source", done["SourceClusterInfo"], {})
    check("target", done["TargetClusterInfo"]["ConfigurationInfo"], info)
    if version() == before:
        sys.exit("the version of the cluster is the same after an update")
    refused("in use", "BadRequestException", "in use", kafka.delete_configuration, Arn=configuration)
    o = kafka.reboot_broker(ClusterArn=CLUSTER, BrokerIds=["1"])["ClusterOperationArn"]
    check("reboot", ended(o)["OperationState"], "REBOOT_COMPLETE")
    v2 = kafka.describe_cluster_operation_v2(ClusterOperationArn=o)["ClusterOperationInfo"]
    check("v2", (v2["ClusterType"], v2["OperationType"], v2["Provisioned"]), ("PROVISIONED", "REBOOT_NODE", {}))
    check("v1 list", [x["OperationType"] for x in kafka.list_cluster_operations(ClusterArn=CLUSTER)["ClusterOperationInfoList"]], ["REBOOT_NODE", "UPDATE_CLUSTER_CONFIGURATION"])
    pages = kafka.get_paginator("list_cluster_operations_v2").paginate(ClusterArn=CLUSTER, PaginationConfig={"PageSize": 1})
    arns = [x["OperationArn"] for page in pages for x in page["ClusterOperationInfoList"]]
    check("v2 list", (len(arns), arns), (2, sorted(arns)))
    refused("unknown operation", "NotFoundException", "", kafka.describe_cluster_operation,
            ClusterOperationArn=o.rsplit("/", 1)[0] + "/00000000-0000-0000-0000-000000000000")
    refused("open to everybody", "BadRequestException", "unauthenticated access must be off", kafka.update_connectivity, ClusterArn=CLUSTER, CurrentVersion=version(),
            ConnectivityInfo={"PublicAccess": {"Type": "SERVICE_PROVIDED_EIPS"}})


operations(configurations())
unused = kafka.create_configuration(Name="unused", ServerProperties=b"")["Arn"]
check("deleted", kafka.delete_configuration(Arn=unused)["State"], "DELETING")
print("ok")
