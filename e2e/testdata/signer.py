"""One principal writes a line with librdkafka and AWS's signer, is refused when
it reads, and tells boto3's STS who it is: signer.py BOOTSTRAP TOPIC WHO."""

import os
import sys

import boto3
import confluent_kafka as ck
from aws_msk_iam_sasl_signer import MSKAuthTokenProvider

bootstrap, topic, who = sys.argv[1:]
region = os.environ["AWS_REGION"]
profile = os.environ.get("AWS_PROFILE")


def token(_):
    if profile:
        text, expiry_ms = MSKAuthTokenProvider.generate_auth_token_from_profile(region, profile)
    else:
        text, expiry_ms = MSKAuthTokenProvider.generate_auth_token(region)
    return text, expiry_ms / 1000


config = {
    "bootstrap.servers": bootstrap, "security.protocol": "SASL_SSL", "ssl.ca.location": os.environ["MILLRACE_CA_PEM"],
    "sasl.mechanism": "OAUTHBEARER", "oauth_cb": token,
}
failed = []
producer = ck.Producer(config | {"enable.idempotence": True})
producer.produce(topic, f"python {who}", on_delivery=lambda err, _: err and failed.append(err))
assert producer.flush(30) == 0 and not failed, failed

consumer = ck.Consumer(config | {"group.id": "g", "auto.offset.reset": "earliest"})
consumer.assign([ck.TopicPartition(topic, 0, 0)])
message = consumer.poll(20)
code = message.error().code() if message and message.error() else None
assert code in (ck.KafkaError.TOPIC_AUTHORIZATION_FAILED, ck.KafkaError.GROUP_AUTHORIZATION_FAILED), message and (message.value(), message.error())
consumer.close()

print(boto3.client("sts").get_caller_identity()["Arn"])
