"""boto3 over CloudWatch Logs, each answer held to the models, and a cluster whose
brokers log there. Run by TestBoto3Logs; exits 1 with everything that was found."""
import json
import sys
import time

import strict
from strict import check, refused

logs = strict.client("logs")
kafka = strict.client("kafka")
GROUP = "/msk/orders"


def groups():
    logs.create_log_group(logGroupName=GROUP, tags={"team": "payments"})
    refused("made twice", "ResourceAlreadyExistsException", 400, logs.create_log_group, logGroupName=GROUP)
    logs.put_retention_policy(logGroupName=GROUP, retentionInDays=7)
    refused("two days", "InvalidParameterException", 400, logs.put_retention_policy, logGroupName=GROUP, retentionInDays=2)
    found = logs.describe_log_groups(logGroupNamePrefix="/msk")["logGroups"]
    check("groups", [(g["logGroupName"], g.get("retentionInDays"), g["arn"][-13:]) for g in found], [(GROUP, 7, "/msk/orders:*")])
    check("tags", logs.list_tags_for_resource(resourceArn=found[0]["logGroupArn"])["tags"], {"team": "payments"})
    refused("an order of a prefix", "InvalidParameterException", 400, logs.describe_log_streams, logGroupName="none", logStreamNamePrefix="a", orderBy="LastEventTime")


def events():
    logs.create_log_stream(logGroupName=GROUP, logStreamName="app")
    now = int(time.time() * 1000)
    out = logs.put_log_events(logGroupName=GROUP, logStreamName="app", logEvents=[
        {"timestamp": now - 20 * 86400000, "message": "old"}, *({"timestamp": now - 1000 + i, "message": json.dumps({"n": i})} for i in range(250))])
    check("rejected", out["rejectedLogEventsInfo"], {"tooOldLogEventEndIndex": 1})
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP, filterPattern="{ $.n >= 100 }", interleaved=True, PaginationConfig={"PageSize": 60})
    check("filtered", [json.loads(e["message"])["n"] for p in pages for e in p["events"]], list(range(100, 250)))
    first = logs.get_log_events(logGroupName=GROUP, logStreamName="app", startFromHead=True, limit=200)
    rest = logs.get_log_events(logGroupName=GROUP, logStreamName="app", startFromHead=True, nextToken=first["nextForwardToken"])
    check("read", [len(first["events"]), len(rest["events"])], [200, 50])
    last = logs.get_log_events(logGroupName=GROUP, logStreamName="app", nextToken=rest["nextForwardToken"])
    check("the end", (last["events"], last["nextForwardToken"]), ([], rest["nextForwardToken"]))
    refused("no such stream", "ResourceNotFoundException", 400, logs.get_log_events, logGroupName=GROUP, logStreamName="none")
    refused("a pattern", "InvalidParameterException", 400, logs.filter_log_events, logGroupName=GROUP, filterPattern="{ $.n")
    big = [{"timestamp": now, "message": "\n" * 60000} for _ in range(17)]
    logs.put_log_events(logGroupName=GROUP, logStreamName="app", logEvents=big)


def brokers(subnets):
    want = {"CloudWatchLogs": {"Enabled": True, "LogGroup": GROUP}}
    nodes = {"InstanceType": "kafka.m5.large", "ClientSubnets": subnets}
    make = dict(ClusterName="orders", KafkaVersion="3.9.x", NumberOfBrokerNodes=len(subnets), BrokerNodeGroupInfo=nodes)
    refused("no log group", "BadRequestException", 400, kafka.create_cluster, **make, LoggingInfo={"BrokerLogs": {"CloudWatchLogs": {"Enabled": True, "LogGroup": "none"}}})
    refused("firehose", "BadRequestException", 400, kafka.create_cluster, **make, LoggingInfo={"BrokerLogs": {"Firehose": {"Enabled": True, "DeliveryStream": "d"}}})
    arn = kafka.create_cluster(**make, LoggingInfo={"BrokerLogs": want})["ClusterArn"]
    stream = "-".join(arn.split("/")[1:]) + "-Broker-1"
    lines = tail(stream, "STARTED")
    check("a line", lines[0][0] == "[" and " INFO " in lines[0] and lines[0].endswith(")"), True)


def tail(prefix, word):
    """What aws logs tail --follow does until a line has the word."""
    since, end = int(time.time() * 1000) - 600000, time.time() + 30
    while time.time() < end:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP, logStreamNamePrefix=prefix, startTime=since, interleaved=True)
        lines = [e["message"] for p in pages for e in p["events"]]
        if any(word in line for line in lines):
            return lines
        time.sleep(0.1)
    check("the brokers' log", lines, f"a line with {word}")
    return lines


groups()
events()
brokers(sys.argv[1:])
logs.delete_log_stream(logGroupName=GROUP, logStreamName="app")
logs.delete_log_group(logGroupName=GROUP)
strict.done()
