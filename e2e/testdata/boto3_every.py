"""boto3 over every operation of MSK that is served: success, the errors that the
model has, pages, a stale version, a wrong state, each answer held to the model.
Run by TestBoto3EveryOperation; exits 1 with everything that was found."""
import base64
import json
import os
import sys
import time

import strict
from strict import check, refused

kafka = strict.client("kafka")
kms = strict.client("kms")
ec2 = strict.client("ec2")
secrets = strict.client("secretsmanager")
SUBNETS = os.environ["MILLRACE_SUBNETS"].split(",")
NOBODY = "arn:aws:kafka:us-east-1:000000000000:cluster/nobody/3b8a5e0c-1a6e-4c7d-9d0e-2b0c1d2e3f40-18"
BAD, LOST, TAKEN = ("BadRequestException", 400), ("NotFoundException", 404), ("ConflictException", 409)


def provisioned(**more):
    return {
        "KafkaVersion": "3.8.x", "NumberOfBrokerNodes": 3,
        "BrokerNodeGroupInfo": {"InstanceType": "kafka.m5.large", "ClientSubnets": SUBNETS[:3]},
        "ClientAuthentication": {"Sasl": {"Iam": {"Enabled": True}, "Scram": {"Enabled": True}}}, **more,
    }


def wait(arn):
    for _ in range(1200):
        info = kafka.describe_cluster_v2(ClusterArn=arn)["ClusterInfo"]
        if info["State"] != "CREATING":
            check("state of " + arn, info["State"], "ACTIVE")
            return
        time.sleep(0.05)
    raise SystemExit(arn + " is not active")


def version(arn):
    return kafka.describe_cluster(ClusterArn=arn)["ClusterInfo"]["CurrentVersion"]


def update(arn, call, **args):
    """An operation: a stale version is refused, and what it begins is carried to its end."""
    if call != kafka.reboot_broker:
        refused("stale version", *BAD, call, ClusterArn=arn, CurrentVersion="K1", **args)
        args["CurrentVersion"] = version(arn)
    o = call(ClusterArn=arn, **args)["ClusterOperationArn"]
    for _ in range(1200):
        info = kafka.describe_cluster_operation(ClusterOperationArn=o)["ClusterOperationInfo"]
        if "EndTime" in info:
            check(f"{call.__name__}: {info.get('ErrorInfo')}", info["OperationState"].endswith("_COMPLETE"), True)
            kafka.describe_cluster_operation_v2(ClusterOperationArn=o)
            return
        time.sleep(0.02)
    raise SystemExit(f"{o} does not end: {info}")


def paged(call, key, total=None, **args):
    """A list in pages of one has what the whole list has, and a token of another is refused."""
    whole = call(**args)[key]
    if total is not None:
        check(f"{call.__name__}: how many", len(whole), total)
    parts, token = [], None
    while True:
        got = call(MaxResults=1, **args, **({"NextToken": token} if token else {}))
        parts += got[key]
        token = got.get("NextToken")
        if not token:
            break
    check(f"{call.__name__} in pages", parts, whole)
    refused(f"{call.__name__} with a token", *BAD, call, NextToken="nonsense", **args)
    refused(f"{call.__name__} with too many", *BAD, call, MaxResults=101, **args)
    return whole


def make():
    key = kms.create_key()["KeyMetadata"]["Arn"]
    at_rest = {"EncryptionAtRest": {"DataVolumeKMSKeyId": key}}
    v1 = kafka.create_cluster(ClusterName="one", EncryptionInfo=at_rest, **provisioned())["ClusterArn"]
    nodes = {"InstanceType": "express.m7g.large", "ClientSubnets": SUBNETS[:3]}
    fast = kafka.create_cluster(ClusterName="fast", KafkaVersion="3.9.x.kraft", NumberOfBrokerNodes=3, BrokerNodeGroupInfo=nodes,
                                ClientAuthentication={"Sasl": {"Iam": {"Enabled": True}}})["ClusterArn"]
    v2 = kafka.create_cluster_v2(ClusterName="two", Provisioned=provisioned(), Tags={"a": "b"})["ClusterArn"]
    less = kafka.create_cluster_v2(ClusterName="less", Serverless={
        "VpcConfigs": [{"SubnetIds": SUBNETS[:2]}], "ClientAuthentication": {"Sasl": {"Iam": {"Enabled": True}}}})["ClusterArn"]
    refused("the same name", *TAKEN, kafka.create_cluster, ClusterName="one", **provisioned())
    refused("the same name", *TAKEN, kafka.create_cluster_v2, ClusterName="one", Provisioned=provisioned())
    refused("no such key", *BAD, kafka.create_cluster, ClusterName="x", EncryptionInfo={"EncryptionAtRest": {"DataVolumeKMSKeyId": key[:-1] + ("1" if key[-1] == "0" else "0")}}, **provisioned())
    for arn in (v1, v2, less, fast):
        wait(arn)
    check("its key", kafka.describe_cluster(ClusterArn=v1)["ClusterInfo"]["EncryptionInfo"]["EncryptionAtRest"]["DataVolumeKMSKeyId"], key)
    return v1, v2, less, fast, key


def reads(arn):
    paged(kafka.list_clusters, "ClusterInfoList", 3)
    paged(kafka.list_clusters_v2, "ClusterInfoList", 4)
    paged(kafka.list_nodes, "NodeInfoList", 3, ClusterArn=arn)
    paged(kafka.list_kafka_versions, "KafkaVersions")
    kafka.get_bootstrap_brokers(ClusterArn=arn)
    kafka.get_compatible_kafka_versions()
    for call in (kafka.describe_cluster, kafka.describe_cluster_v2, kafka.list_nodes, kafka.delete_cluster, kafka.get_cluster_policy,
                 kafka.list_scram_secrets):
        refused("no such cluster", *LOST, call, ClusterArn=NOBODY)
        refused("no ARN", *BAD, call, ClusterArn="nonsense")
    refused("no such cluster", *LOST, kafka.get_compatible_kafka_versions, ClusterArn=NOBODY)


def tags(arn):
    kafka.tag_resource(ResourceArn=arn, Tags={"team": "flow"})
    check("tags", kafka.list_tags_for_resource(ResourceArn=arn)["Tags"], {"team": "flow"})
    kafka.untag_resource(ResourceArn=arn, TagKeys=["team"])
    for call, more in ((kafka.tag_resource, {"Tags": {"a": "b"}}), (kafka.untag_resource, {"TagKeys": ["a"]}), (kafka.list_tags_for_resource, {})):
        refused("no such cluster", *LOST, call, ResourceArn=NOBODY, **more)
    refused("a reserved tag", *BAD, kafka.tag_resource, ResourceArn=arn, Tags={"aws:x": "1"})


def policies(arn):
    refused("no policy", *LOST, kafka.get_cluster_policy, ClusterArn=arn)
    text = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                                                              "Action": "kafka:DescribeCluster", "Resource": arn}]})
    put = kafka.put_cluster_policy(ClusterArn=arn, Policy=text)["CurrentVersion"]
    check("policy version", kafka.get_cluster_policy(ClusterArn=arn)["CurrentVersion"], put)
    refused("a policy that was not seen", *BAD, kafka.put_cluster_policy, ClusterArn=arn, Policy=text)
    refused("a stale policy", *BAD, kafka.put_cluster_policy, ClusterArn=arn, Policy=text, CurrentVersion="K1")
    for what, a, b in (("another cluster", arn, NOBODY), ("a role that does not exist", "arn:aws:iam::111122223333:root", "arn:aws:iam::%s:role/none" % arn.split(":")[4])):
        refused(what, *BAD, kafka.put_cluster_policy, ClusterArn=arn, Policy=text.replace(a, b), CurrentVersion=put)
    refused("no policy's text", *BAD, kafka.put_cluster_policy, ClusterArn=arn, Policy="{", CurrentVersion=put)
    kafka.delete_cluster_policy(ClusterArn=arn)
    refused("no policy any more", *LOST, kafka.get_cluster_policy, ClusterArn=arn)


def configurations():
    made = kafka.create_configuration(Name="sales", KafkaVersions=["3.8.x", "3.9.x", "3.9.x.kraft"], ServerProperties=b"num.io.threads=16")["Arn"]
    kafka.update_configuration(Arn=made, ServerProperties=b"num.io.threads=12")
    kafka.create_configuration(Name="other", ServerProperties=b"")
    paged(kafka.list_configurations, "Configurations", 2)
    paged(kafka.list_configuration_revisions, "Revisions", 2, Arn=made)
    kafka.describe_configuration(Arn=made)
    check("text", kafka.describe_configuration_revision(Arn=made, Revision=1)["ServerProperties"], b"num.io.threads=16")
    refused("the same name", *TAKEN, kafka.create_configuration, Name="sales", ServerProperties=b"")
    unknown = made.rsplit("/", 1)[0] + "/00000000-0000-0000-0000-000000000000-1"
    for call in (kafka.describe_configuration, kafka.delete_configuration, kafka.list_configuration_revisions):
        check("unknown", refused("unknown configuration", *BAD, call, Arn=unknown), "Configuration ARN does not exist.")
    refused("unknown", *BAD, kafka.update_configuration, Arn=unknown, ServerProperties=b"")
    refused("no such revision", *BAD, kafka.describe_configuration_revision, Arn=made, Revision=9)
    return made


def scram(arn, key, less):
    alice = secrets.create_secret(Name="AmazonMSK_alice", KmsKeyId=key, SecretString='{"username":"alice","password":"wonder"}')["ARN"]
    wrong = secrets.create_secret(Name="alice", SecretString="x")["ARN"]
    got = kafka.batch_associate_scram_secret(ClusterArn=arn, SecretArnList=[alice, wrong])["UnprocessedScramSecrets"]
    check("unprocessed", [u["SecretArn"] for u in got], [wrong])
    check("secrets", paged(kafka.list_scram_secrets, "SecretArnList", 1, ClusterArn=arn), [alice])
    check("back", kafka.batch_disassociate_scram_secret(ClusterArn=arn, SecretArnList=[alice])["UnprocessedScramSecrets"], [])
    for call in (kafka.batch_associate_scram_secret, kafka.batch_disassociate_scram_secret):
        refused("no such cluster", *LOST, call, ClusterArn=NOBODY, SecretArnList=[alice])
        refused("serverless", *BAD, call, ClusterArn=less, SecretArnList=[alice])
        refused("no secrets", *BAD, call, ClusterArn=arn, SecretArnList=[])


def topics(arn, less):
    encoded = lambda text: base64.b64encode(text.encode()).decode()
    for name in ("a", "b"):
        kafka.create_topic(ClusterArn=arn, TopicName=name, PartitionCount=3, ReplicationFactor=3, Configs=encoded("retention.ms=1000"))
    kafka.update_topic(ClusterArn=arn, TopicName="a", PartitionCount=4)
    kafka.update_topic(ClusterArn=arn, TopicName="a", Configs=encoded('{"retention.ms":"2000"}'))
    got = kafka.describe_topic(ClusterArn=arn, TopicName="a")
    check("a", (got["PartitionCount"], got["ReplicaIds"], json.loads(base64.b64decode(got["Configs"]))["retention.ms"]), (4, [1, 2, 3], "2000"))
    paged(kafka.list_topics, "Topics", 2, ClusterArn=arn)
    paged(kafka.describe_topic_partitions, "Partitions", 4, ClusterArn=arn, TopicName="a")
    some = dict(ClusterArn=arn, TopicName="a", PartitionCount=1, ReplicationFactor=3)
    refused("twice", "TopicExistsException", 409, kafka.create_topic, **some)
    refused("too many replicas", "KafkaRequestException", 400, kafka.create_topic, **{**some, "TopicName": "c", "ReplicationFactor": 9})
    refused("not there", *LOST, kafka.describe_topic, ClusterArn=arn, TopicName="c")
    refused("not there", "UnknownTopicOrPartitionException", 404, kafka.update_topic, ClusterArn=arn, TopicName="c", PartitionCount=9)
    refused("not there", "UnknownTopicOrPartitionException", 404, kafka.delete_topic, ClusterArn=arn, TopicName="c")
    refused("serverless", *BAD, kafka.list_topics, ClusterArn=less)
    kafka.delete_topic(ClusterArn=arn, TopicName="b")


def operations(arn, configuration, less):
    info = {"Arn": configuration, "Revision": 1}
    first = kafka.update_monitoring(ClusterArn=arn, CurrentVersion=version(arn), EnhancedMonitoring="PER_BROKER")["ClusterOperationArn"]
    while "EndTime" not in kafka.describe_cluster_operation(ClusterOperationArn=first)["ClusterOperationInfo"]:
        time.sleep(0.02)
    update(arn, kafka.update_cluster_configuration, ConfigurationInfo=info)
    update(arn, kafka.update_cluster_kafka_version, TargetKafkaVersion="3.9.x", ConfigurationInfo={"Arn": configuration, "Revision": 2})
    refused("access to ZooKeeper", *BAD, kafka.update_cluster_kafka_version, ClusterArn=arn, CurrentVersion=version(arn), TargetKafkaVersion="3.9.x.kraft")
    update(arn, kafka.update_connectivity, ZookeeperAccess={"Enabled": False})
    update(arn, kafka.update_cluster_kafka_version, TargetKafkaVersion="3.9.x.kraft")
    check("controllers", [n["NodeType"] for n in kafka.list_nodes(ClusterArn=arn)["NodeInfoList"]].count("CONTROLLER"), 3)
    refused("a way back", *BAD, kafka.update_cluster_kafka_version, ClusterArn=arn, CurrentVersion=version(arn), TargetKafkaVersion="3.9.x")
    update(arn, kafka.update_broker_storage, TargetBrokerEBSVolumeInfo=[{"KafkaBrokerNodeId": "All", "VolumeSizeGB": 1200}])
    update(arn, kafka.update_broker_type, TargetInstanceType="kafka.m5.xlarge")
    update(arn, kafka.update_broker_count, TargetNumberOfBrokerNodes=6)
    update(arn, kafka.update_monitoring, EnhancedMonitoring="DEFAULT")
    update(arn, kafka.update_security, ClientAuthentication={"Sasl": {"Scram": {"Enabled": False}}})
    update(arn, kafka.reboot_broker, BrokerIds=["1"])
    paged(kafka.list_cluster_operations, "ClusterOperationInfoList", 11, ClusterArn=arn)
    paged(kafka.list_cluster_operations_v2, "ClusterOperationInfoList", 11, ClusterArn=arn)
    refused("in use", *BAD, kafka.delete_configuration, Arn=configuration)
    gone = first.rsplit("/", 1)[0] + "/00000000-0000-0000-0000-000000000000"
    for call in (kafka.describe_cluster_operation, kafka.describe_cluster_operation_v2):
        refused("no such operation", *LOST, call, ClusterOperationArn=gone)
    refused("no such broker", *BAD, kafka.reboot_broker, ClusterArn=arn, BrokerIds=["9"])
    refused("serverless", *BAD, kafka.update_broker_count, ClusterArn=less, CurrentVersion="K1", TargetNumberOfBrokerNodes=6)


def express(arn):
    update(arn, kafka.update_rebalancing, Rebalancing={"Status": "PAUSED"})
    refused("paused already", *BAD, kafka.update_rebalancing, ClusterArn=arn, CurrentVersion=version(arn), Rebalancing={"Status": "PAUSED"})
    check("rebalancing", kafka.describe_cluster_v2(ClusterArn=arn)["ClusterInfo"]["Provisioned"]["Rebalancing"], {"Status": "PAUSED"})


BOTH = "kafka.m5.large,express.m7g.large"
TYPE = {"AssessmentType": "UPDATE_BROKER_TYPE"}


def ended(call, **args):
    """An assessment or a topic reassignment when it is no longer under way."""
    for _ in range(1200):
        got = call(**args)
        if got["Status"] not in ("PENDING", "IN_PROGRESS", "STOPPING"):
            return got
        time.sleep(0.02)
    raise SystemExit(f"it does not end: {got}")


def assessments(arn, less):
    kafka.create_topic(ClusterArn=arn, TopicName="orders", PartitionCount=2, ReplicationFactor=2)
    refused("no type", *BAD, kafka.create_assessment, ClusterArn=arn)
    refused("an unknown type", *BAD, kafka.create_assessment, ClusterArn=arn, AssessmentType="WEATHER")
    refused("a standard type", *BAD, kafka.create_assessment, ClusterArn=arn, AssessmentParameters={"TargetInstanceType": "kafka.m5.large"}, **TYPE)
    refused("serverless", *BAD, kafka.create_assessment, ClusterArn=less, **TYPE)
    refused("no such cluster", *LOST, kafka.create_assessment, ClusterArn=NOBODY, **TYPE)
    first = {"ClusterArn": arn, "AssessmentArn": kafka.create_assessment(ClusterArn=arn, Tags={"team": "data"}, **TYPE)["AssessmentArn"]}
    summary = ended(kafka.describe_assessment, **first)["Summary"]
    check("summary", (summary["TotalFindings"], summary["BySeverity"]["ERROR"], summary["HasBlockingFindings"], summary["FindingsCapped"]), (2, 1, True, False))
    whole = kafka.list_assessment_findings(**first)["Findings"]
    check("findings", [(f["Category"], f.get("Resource")) for f in whole], [("CAPACITY", None), ("TOPIC_CONFIGURATION", "orders")])
    one = kafka.list_assessment_findings(MaxResults=1, **first)
    check("findings in pages", one["Findings"] + kafka.list_assessment_findings(MaxResults=1, NextToken=one["NextToken"], **first)["Findings"], whole)
    check("findings by severity", kafka.list_assessment_findings(Severity="INFO", **first)["Findings"], whole[:1])
    for bad in ({"Severity": "LOUD"}, {"Category": "WEATHER"}, {"MaxResults": 501}, {"NextToken": "nonsense"}, {"NextToken": one["NextToken"], "Severity": "INFO"}):
        refused(f"findings {bad}", *BAD, kafka.list_assessment_findings, **first, **bad)
    second = {"ClusterArn": arn, "AssessmentArn": kafka.create_assessment(ClusterArn=arn, AssessmentParameters={"TargetInstanceType": "express.m7g.large"}, **TYPE)["AssessmentArn"]}
    ended(kafka.describe_assessment, **second)
    again = kafka.list_assessment_findings(**second)["Findings"]
    check("the same problem has the same id", [f["FindingId"] for f in again], [whole[1]["FindingId"]])
    paged(kafka.list_assessments, "Assessments", 2, ClusterArn=arn)
    refused("assessments of a type", *BAD, kafka.list_assessments, ClusterArn=arn, AssessmentType="WEATHER")
    check("deleted", kafka.delete_assessment(**first)["Status"], "DELETING")
    for call in (kafka.describe_assessment, kafka.delete_assessment, kafka.list_assessment_findings):
        refused("deleted", *LOST, call, **first)
        refused("of nobody", *LOST, call, ClusterArn=NOBODY, AssessmentArn=first["AssessmentArn"])


def upgrade(less):
    """Standard brokers become Express brokers in place."""
    arn = kafka.create_cluster(ClusterName="up", **{**provisioned(), "KafkaVersion": "3.9.x.kraft"})["ClusterArn"]
    wait(arn)
    assessments(arn, less)
    refused("not ready", *BAD, kafka.update_broker_type, ClusterArn=arn, CurrentVersion=version(arn), TargetInstanceType=BOTH)
    kafka.delete_topic(ClusterArn=arn, TopicName="orders")
    kafka.create_topic(ClusterArn=arn, TopicName="orders", PartitionCount=2, ReplicationFactor=3)
    moves = {"ClusterArn": arn, "TargetInstanceType": "express.m7g.large", "TopicsToInclude": [".*"]}
    refused("of one kind", *BAD, kafka.start_topic_reassignment, **moves)
    refused("at once", *BAD, kafka.update_broker_type, ClusterArn=arn, CurrentVersion=version(arn), TargetInstanceType="express.m7g.large")
    refused("an unknown mode", *BAD, kafka.update_broker_type, ClusterArn=arn, CurrentVersion=version(arn), TargetInstanceType=BOTH, TopicReassignment="SOMETIMES")
    update(arn, kafka.update_broker_type, TargetInstanceType=BOTH, TopicReassignment="MANUAL")
    kinds = [n["BrokerNodeInfo"]["BrokerNodeType"] for n in kafka.list_nodes(ClusterArn=arn)["NodeInfoList"] if "BrokerNodeInfo" in n]
    check("kinds", kinds, ["STANDARD"] * 3 + ["EXPRESS"] * 3)
    for bad in ({"TopicsToInclude": []}, {"TopicsToInclude": ["a"] * 11}, {"TopicsToExclude": ["("]}, {"TopicsToInclude": ["a" * 257]}, {"TargetInstanceType": "kafka.m5.xlarge"}, {"ClientToken": ""}):
        refused(f"reassignment {bad}", *BAD, kafka.start_topic_reassignment, **{**moves, **bad})
    first = kafka.start_topic_reassignment(ClientToken="one", **moves)["TopicReassignmentOperationArn"]
    check("the same token", kafka.start_topic_reassignment(ClientToken="one", **moves)["TopicReassignmentOperationArn"], first)
    done = ended(kafka.describe_topic_reassignment, ClusterArn=arn, TopicReassignmentOperationArn=first)
    check("moved", (done["Status"], done["MigratedPartitions"], done["CompletedTopics"]), ("COMPLETE", done["TotalPartitions"], done["TotalTopics"]))
    check("replicas", kafka.describe_topic(ClusterArn=arn, TopicName="orders")["ReplicaIds"], [4, 5, 6])
    refused("ended", *BAD, kafka.stop_topic_reassignment, ClusterArn=arn, TopicReassignmentOperationArn=first)
    second = kafka.start_topic_reassignment(**{**moves, "TargetInstanceType": "kafka.m5.large", "TopicsToInclude": ["nothing"]})["TopicReassignmentOperationArn"]
    ended(kafka.describe_topic_reassignment, ClusterArn=arn, TopicReassignmentOperationArn=second)
    paged(kafka.list_topic_reassignments, "Reassignments", 2, ClusterArn=arn)
    check("by status", len(kafka.list_topic_reassignments(ClusterArn=arn, StatusFilter="COMPLETE")["Reassignments"]), 2)
    refused("an unknown status", *BAD, kafka.list_topic_reassignments, ClusterArn=arn, StatusFilter="LATE")
    for call in (kafka.describe_topic_reassignment, kafka.stop_topic_reassignment):
        refused("no such reassignment", *LOST, call, ClusterArn=arn, TopicReassignmentOperationArn=first[:-36] + "00000000-0000-0000-0000-000000000000")
    stop = kafka.start_topic_reassignment(**{**moves, "TargetInstanceType": "kafka.m5.large"})["TopicReassignmentOperationArn"]
    try:
        check("stopping", kafka.stop_topic_reassignment(ClusterArn=arn, TopicReassignmentOperationArn=stop)["Status"], "STOPPING")
    except kafka.exceptions.BadRequestException:
        pass  # it was faster
    ended(kafka.describe_topic_reassignment, ClusterArn=arn, TopicReassignmentOperationArn=stop)
    update(arn, kafka.update_broker_type, TargetInstanceType=BOTH, TopicReassignment="AUTO")
    operations = kafka.list_cluster_operations(ClusterArn=arn)["ClusterOperationInfoList"]
    auto = operations[0]["BrokerTypeUpgradeInfo"]
    ended(kafka.describe_topic_reassignment, ClusterArn=arn, TopicReassignmentOperationArn=auto["TopicReassignmentOperationArn"])
    refused("in AUTO", *BAD, kafka.update_broker_type, ClusterArn=arn, CurrentVersion=version(arn), TargetInstanceType="express.m7g.large")
    update(arn, kafka.update_broker_type, TargetInstanceType=BOTH, TopicReassignment="MANUAL")
    update(arn, kafka.update_broker_type, TargetInstanceType="express.m7g.large")
    group = kafka.describe_cluster(ClusterArn=arn)["ClusterInfo"]["BrokerNodeGroupInfo"]
    check("after", (group["InstanceType"], "StorageInfo" in group), ("express.m7g.large", False))
    refused("assessed after", *BAD, kafka.create_assessment, ClusterArn=arn, **TYPE)
    return arn


def connections(arn):
    update(arn, kafka.update_connectivity, ConnectivityInfo={"VpcConnectivity": {"ClientAuthentication": {"Sasl": {"Iam": {"Enabled": True}}}}})
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    args = dict(TargetClusterArn=arn, Authentication="SASL_IAM", VpcId=vpc, ClientSubnets=SUBNETS[:3], SecurityGroups=[group])
    made = kafka.create_vpc_connection(**args)["VpcConnectionArn"]
    refused("twice", *BAD, kafka.create_vpc_connection, **args)
    while kafka.describe_vpc_connection(Arn=made)["State"] == "CREATING":
        time.sleep(0.02)
    paged(kafka.list_vpc_connections, "VpcConnections", 1)
    paged(kafka.list_client_vpc_connections, "ClientVpcConnections", 1, ClusterArn=arn)
    kafka.reject_client_vpc_connection(ClusterArn=arn, VpcConnectionArn=made)
    refused("rejected", *BAD, kafka.reject_client_vpc_connection, ClusterArn=arn, VpcConnectionArn=made)
    kafka.delete_vpc_connection(Arn=made)
    for call in (kafka.describe_vpc_connection, kafka.delete_vpc_connection):
        refused("no ARN", *BAD, call, Arn="nonsense")
        refused("not there", *LOST, call, Arn=made.rsplit("/", 1)[0] + "/00000000-0000-0000-0000-000000000000")


def busy():
    """While a cluster is not ACTIVE, nothing begins and nothing is deleted: on a
    server where things take their time."""
    arn = kafka.create_cluster(ClusterName="slow", **provisioned())["ClusterArn"]
    for call, more in (
        (kafka.update_broker_count, {"TargetNumberOfBrokerNodes": 6}), (kafka.update_broker_type, {"TargetInstanceType": "kafka.m5.xlarge"}),
        (kafka.update_broker_storage, {"TargetBrokerEBSVolumeInfo": [{"KafkaBrokerNodeId": "All", "VolumeSizeGB": 1200}]}),
        (kafka.update_storage, {"VolumeSizeGB": 1200}), (kafka.update_cluster_kafka_version, {"TargetKafkaVersion": "3.9.x"}),
        (kafka.update_monitoring, {"EnhancedMonitoring": "PER_BROKER"}), (kafka.update_security, {"ClientAuthentication": {"Sasl": {"Scram": {"Enabled": False}}}}),
        (kafka.reboot_broker, {"BrokerIds": ["1"]}), (kafka.delete_cluster, {}), (kafka.get_bootstrap_brokers, {}),
        (kafka.create_topic, {"TopicName": "late", "PartitionCount": 1, "ReplicationFactor": 3}), (kafka.list_topics, {}),
        (kafka.batch_associate_scram_secret, {"SecretArnList": ["arn:aws:secretsmanager:us-east-1:000000000000:secret:AmazonMSK_x-abcdef"]}),
    ):
        stamp = {"CurrentVersion": "K1"} if call.__name__.startswith("update_") else {}
        check(f"{call.__name__} says the state", "CREATING state" in refused(call.__name__, *BAD, call, ClusterArn=arn, **more, **stamp), True)


def end(arns, configuration):
    for arn in arns:
        refused("a stale deletion", *BAD, kafka.delete_cluster, ClusterArn=arn, CurrentVersion="K1")
        kafka.delete_cluster(ClusterArn=arn)
    while kafka.list_clusters_v2()["ClusterInfoList"]:
        time.sleep(0.02)
    kafka.delete_configuration(Arn=configuration)


strict.control(kafka)
if sys.argv[1:] == ["busy"]:
    busy()
    strict.done()
    sys.exit()
one, two, less, fast, key = make()
reads(one)
tags(one)
policies(one)
configuration = configurations()
scram(one, key, less)
topics(one, less)
operations(one, configuration, less)
update(two, kafka.update_storage, VolumeSizeGB=2000)
tiered = dict(ClusterArn=two, TopicName="tiered", PartitionCount=1, ReplicationFactor=3, Configs=base64.b64encode(b"remote.storage.enable=true").decode())
refused("a tiered topic on a cluster that is not", "KafkaRequestException", 400, kafka.create_topic, **tiered)
update(two, kafka.update_storage, StorageMode="TIERED")
kafka.create_topic(**tiered)
check("storage mode", kafka.describe_cluster(ClusterArn=two)["ClusterInfo"]["StorageMode"], "TIERED")
connections(two)
express(fast)
up = upgrade(less)
end((one, two, less, fast, up), configuration)
strict.unserved(kafka, "kafka")
strict.done()
