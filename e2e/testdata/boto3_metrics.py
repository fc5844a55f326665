"""boto3 reads a cluster's metrics from a Millrace, in each protocol that SDKs
speak with CloudWatch, and puts some of its own. Run by TestBoto3Metrics with
the cluster's name; exits 1 at the first surprise."""
import datetime
import sys
import time

import boto3
import botocore.model
from botocore.exceptions import ClientError

CLUSTER = sys.argv[1]
DEADLINE = time.time() + 60


def client(protocol):
    botocore.model.PRIORITY_ORDERED_SUPPORTED_PROTOCOLS = (protocol,)
    made = boto3.client("cloudwatch")
    if made.meta.service_model.resolved_protocol != protocol:
        sys.exit(f"speaks {made.meta.service_model.resolved_protocol}, not {protocol}")
    return made


def window():
    now = datetime.datetime.now(datetime.timezone.utc)
    return {"StartTime": now - datetime.timedelta(minutes=10), "EndTime": now + datetime.timedelta(minutes=1)}


def stat(name, **dimensions):
    dims = {"Cluster Name": CLUSTER, **dimensions}
    return {
        "Metric": {"Namespace": "AWS/Kafka", "MetricName": name, "Dimensions": [{"Name": n, "Value": v} for n, v in dims.items()]},
        "Period": 60,
        "Stat": "Maximum",
    }


def kafka_metrics(cw):
    """The greatest value of each metric, over the brokers."""
    queries, group = [], {"Consumer Group": "g", "Topic": "t"}
    for name in ["BytesInPerSec", "MessagesInPerSec", "ConnectionCount"]:
        queries += [{"Id": f"{name[0].lower()}{b}", "Label": name, "MetricStat": stat(name, **{"Broker ID": str(b)})} for b in (1, 2, 3)]
    queries += [{"Id": "lag", "Label": "SumOffsetLag", "MetricStat": stat("SumOffsetLag", **group)}]
    queries += [{"Id": "all", "Label": "all", "Expression": "SUM([m1, m2, m3])"}]
    values = {}
    for r in cw.get_metric_data(MetricDataQueries=queries, **window())["MetricDataResults"]:
        if any(not isinstance(t, datetime.datetime) for t in r["Timestamps"]):
            sys.exit(f"timestamps {r['Timestamps']}")
        values[r["Label"]] = max([values.get(r["Label"], 0.0), *r["Values"]])
    return values


def check(cw):
    while not all(kafka_metrics(cw).get(n, 0) > 0 for n in ("BytesInPerSec", "MessagesInPerSec", "ConnectionCount", "SumOffsetLag", "all")):
        if time.time() > DEADLINE:
            sys.exit(f"metrics do not come: {kafka_metrics(cw)}")
        time.sleep(0.2)
    names = {m["MetricName"] for page in cw.get_paginator("list_metrics").paginate(Namespace="AWS/Kafka") for m in page["Metrics"]}
    if not {"ActiveControllerCount", "CpuIdle", "MaxOffsetLag"} <= names:
        sys.exit(f"metrics are {sorted(names)}")
    points = cw.get_metric_statistics(
        Namespace="AWS/Kafka", MetricName="ActiveControllerCount", Dimensions=[{"Name": "Cluster Name", "Value": CLUSTER}],
        Period=60, Statistics=["Maximum", "SampleCount"], ExtendedStatistics=["p50"], **window())["Datapoints"]
    if not points or points[0]["Maximum"] != 1.0 or points[0]["Unit"] != "Count" or points[0]["SampleCount"] < 3:
        sys.exit(f"ActiveControllerCount: {points}")


def own(cw, namespace):
    """Data of one's own: so many that botocore compresses them."""
    now = datetime.datetime.now(datetime.timezone.utc)
    data = [{"MetricName": f"m{i}", "Timestamp": now, "Unit": "Seconds", "Dimensions": [{"Name": "Host", "Value": "a" * 60}], "Values": [1.5, 2.5], "Counts": [1.0, 3.0]} for i in range(150)]
    cw.put_metric_data(Namespace=namespace, MetricData=data)
    got = cw.get_metric_statistics(Namespace=namespace, MetricName="m149", Dimensions=data[0]["Dimensions"], Period=60, Statistics=["Sum"], Unit="Seconds", **window())
    if [p["Sum"] for p in got["Datapoints"]] != [9.0]:
        sys.exit(f"data of my own: {got}")


def refused(cw):
    for code, call, args in [
        ("InvalidParameterValue", cw.put_metric_data, {"Namespace": "AWS/Kafka", "MetricData": [{"MetricName": "m", "Value": 1.0}]}),
        ("InvalidParameterCombination", cw.get_metric_statistics, {
            "Namespace": "N", "MetricName": "m", "Period": 60, "Statistics": ["Sum"],
            "StartTime": datetime.datetime(2026, 1, 1), "EndTime": datetime.datetime(2026, 2, 1)}),
        ("ValidationError", cw.get_metric_data, {"MetricDataQueries": [{"Id": "a", "Expression": "b +"}], **window()}),
        ("ValidationError", cw.list_metrics, {"Namespace": ":x"}),
    ]:
        try:
            sys.exit(f"accepted: {call(**args)}")
        except ClientError as e:
            if e.response["Error"]["Code"] != code or e.response["ResponseMetadata"]["HTTPStatusCode"] != 400:
                sys.exit(f"refused by {e.response['Error']}, want {code}")


def alarmed(cw, protocol):
    """An alarm over data of the minute before this one."""
    name, namespace = "too many " + protocol, "Alarmed/" + protocol
    then = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=1)
    cw.put_metric_data(Namespace=namespace, MetricData=[{"MetricName": "m", "Timestamp": then, "Value": 7.0}])
    cw.put_metric_alarm(
        AlarmName=name, Namespace=namespace, MetricName="m", Statistic="Maximum", Period=60, EvaluationPeriods=1, Threshold=5.0,
        ComparisonOperator="GreaterThanThreshold", AlarmActions=["arn:aws:sns:us-east-1:000000000000:pager"], Tags=[{"Key": "team", "Value": "a"}])
    while True:
        alarm = cw.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
        if alarm["StateValue"] == "ALARM":
            break
        if time.time() > DEADLINE:
            sys.exit(f"no alarm: {alarm}")
        time.sleep(0.2)
    if not isinstance(alarm["StateUpdatedTimestamp"], datetime.datetime) or alarm["Threshold"] != 5.0 or "[7.0 (" not in alarm["StateReason"]:
        sys.exit(f"the alarm: {alarm}")
    cw.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="tried")
    cw.disable_alarm_actions(AlarmNames=[name])
    cw.enable_alarm_actions(AlarmNames=[name])
    history = [i["HistorySummary"] for page in cw.get_paginator("describe_alarm_history").paginate(AlarmName=name, ScanBy="TimestampAscending") for i in page["AlarmHistoryItems"]]
    if history[:4] != [f'Alarm "{name}" created', "Alarm updated from INSUFFICIENT_DATA to ALARM", "Failed to execute action arn:aws:sns:us-east-1:000000000000:pager", "Alarm updated from ALARM to OK"]:
        sys.exit(f"the history: {history}")
    arn = {"ResourceARN": alarm["AlarmArn"]}
    cw.tag_resource(Tags=[{"Key": "more", "Value": "b"}], **arn)
    cw.untag_resource(TagKeys=["team"], **arn)
    if cw.list_tags_for_resource(**arn)["Tags"] != [{"Key": "more", "Value": "b"}]:
        sys.exit("the alarm's tags")
    cw.delete_alarms(AlarmNames=[name])
    try:
        cw.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="gone")
        sys.exit("a deleted alarm has a state")
    except ClientError as e:
        if e.response["Error"]["Code"] != "ResourceNotFound":
            sys.exit(f"a deleted alarm: {e.response['Error']}")


for protocol in ["smithy-rpc-v2-cbor", "json", "query"]:
    cw = client(protocol)
    check(cw)
    own(cw, "Mine/" + protocol)
    refused(cw)
    alarmed(cw, protocol)
    print(protocol, kafka_metrics(cw))
