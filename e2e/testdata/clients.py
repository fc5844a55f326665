"""One client writes and reads 200 records: clients.py WAY BOOTSTRAP USER PASSWORD."""

import os
import sys
import time

from aws_msk_iam_sasl_signer import MSKAuthTokenProvider

way, bootstrap, user, password = sys.argv[1:]
ca = os.environ["MILLRACE_CA_PEM"]
want = sorted(f"{way}-{i:03d}" for i in range(200))
group = "g-" + way


def token():
    text, expiry_ms = MSKAuthTokenProvider.generate_auth_token(os.environ["AWS_REGION"])
    return text, expiry_ms / 1000


def confluent():
    import confluent_kafka as ck

    config = {"bootstrap.servers": bootstrap, "security.protocol": "SASL_SSL", "ssl.ca.location": ca}
    if way.endswith("-scram"):
        config |= {"sasl.mechanism": "SCRAM-SHA-512", "sasl.username": user, "sasl.password": password}
    else:
        config |= {"sasl.mechanism": "OAUTHBEARER", "oauth_cb": lambda _: token()}
    failed = []
    producer = ck.Producer(config | {"enable.idempotence": True})
    for value in want:
        producer.produce(way, value.encode(), key=value.encode(), on_delivery=lambda err, _: err and failed.append(err))
    assert producer.flush(30) == 0 and not failed, failed
    consumer = ck.Consumer(config | {"group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False})
    consumer.subscribe([way])
    got, deadline = [], time.monotonic() + 30
    while len(got) < len(want) and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is not None:
            assert message.error() is None, message.error()
            got.append(message.value().decode())
    consumer.commit(asynchronous=False)
    committed = consumer.committed([ck.TopicPartition(way, p) for p in range(3)], timeout=10)
    assert sum(max(p.offset, 0) for p in committed) == len(want), committed
    consumer.close()
    return got


def kafka_python():
    import kafka

    config = {"bootstrap_servers": bootstrap, "ssl_cafile": ca, "security_protocol": "SSL"}
    if way.endswith("-iam"):
        config |= {"security_protocol": "SASL_SSL", "sasl_mechanism": "AWS_MSK_IAM"}
    producer = kafka.KafkaProducer(**config, acks="all")
    for future in [producer.send(way, value.encode()) for value in want]:
        future.get(timeout=30)
    producer.close()
    consumer = kafka.KafkaConsumer(way, **config, group_id=group, auto_offset_reset="earliest", consumer_timeout_ms=20000)
    got = []
    for message in consumer:
        got.append(message.value.decode())
        if len(got) == len(want):
            break
    consumer.close()
    return got


got = sorted(confluent() if way.startswith("confluent") else kafka_python())
assert got == want, (len(got), got[:5])
print(way, "ok")
