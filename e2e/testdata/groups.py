"""A Python client works in groups and transactions: groups.py WAY BOOTSTRAP USER PASSWORD.

WAY is aiokafka, confluent or confluent-848, with -scram, -iam or -plain behind it. Each makes topics, asks what tools
ask, writes 200 records, and moves them in transactions as two members of a group, the second of which comes later.
"""

import asyncio
import os
import ssl
import sys
import time
import traceback

from aws_msk_iam_sasl_signer import MSKAuthTokenProvider

way, bootstrap, user, password = sys.argv[1:]
source, target, group = way + "-from", way + "-to", "g-" + way
want = [f"{way}-{i:03d}" for i in range(200)]
LIMIT = 45  # seconds


async def aiokafka():
    import aiokafka as ak
    from aiokafka.abc import AbstractTokenProvider
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic
    from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

    class Tokens(AbstractTokenProvider):
        async def token(self):
            return MSKAuthTokenProvider.generate_auth_token(os.environ["AWS_REGION"])[0]

    config = {"bootstrap_servers": bootstrap}
    if not way.endswith("-plain"):
        config |= {"ssl_context": ssl.create_default_context(cafile=os.environ["MILLRACE_CA_PEM"]), "security_protocol": "SASL_SSL"}
    if way.endswith("-scram"):
        config |= {"sasl_mechanism": "SCRAM-SHA-512", "sasl_plain_username": user, "sasl_plain_password": password}
    elif way.endswith("-iam"):
        config |= {"sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token_provider": Tokens()}

    admin = AIOKafkaAdminClient(**config)
    await admin.start()
    made = await admin.create_topics([NewTopic(t, 4, 3) for t in (source, target)])
    assert all(error[1] == 0 for error in made.topic_errors), made
    cluster = await admin.describe_cluster()
    assert len(cluster["brokers"]) == 3, cluster
    topics = await admin.describe_topics([source])
    assert len(topics[0]["partitions"]) == 4, topics
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, source, configs={"retention.ms": "3600000"})])
    await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, source)])

    async with ak.AIOKafkaProducer(**config, enable_idempotence=True, compression_type="gzip") as producer:
        sent = [await producer.send(source, v.encode(), key=v.encode(), headers=[("way", way.encode())]) for v in want]
        await asyncio.gather(*sent)

    moved, members = [], []

    async def member(name):
        consumer = ak.AIOKafkaConsumer(source, **config, group_id=group, client_id=name, auto_offset_reset="earliest", enable_auto_commit=False)
        await consumer.start()
        producer = ak.AIOKafkaProducer(**config, transactional_id=f"{way}-{name}")
        await producer.start()
        try:
            while len(moved) < len(want):
                for partition, batch in (await consumer.getmany(timeout_ms=500, max_records=20)).items():
                    async with producer.transaction():
                        for record in batch:
                            await producer.send(target, record.value)
                        await producer.send_offsets_to_transaction({partition: batch[-1].offset + 1}, group)
                    moved.extend(batch)
                await asyncio.sleep(0)
        finally:
            await producer.stop()
            await consumer.stop()

    members.append(asyncio.create_task(member("a")))
    while not moved:
        await asyncio.sleep(0.05)
    members.append(asyncio.create_task(member("b")))
    await asyncio.wait_for(asyncio.gather(*members), LIMIT)

    got = []
    reader = ak.AIOKafkaConsumer(target, **config, auto_offset_reset="earliest", isolation_level="read_committed")
    async with reader:
        while len(got) < len(want):
            got.append((await asyncio.wait_for(reader.getone(), LIMIT)).value.decode())
    groups = [name for name, _ in await admin.list_consumer_groups()]
    assert group in groups, groups
    offsets = await admin.list_consumer_group_offsets(group)
    assert sum(o.offset for o in offsets.values()) == len(want), offsets
    await admin.delete_topics([source, target])
    await admin.close()
    return got


def confluent():
    import confluent_kafka as ck
    from confluent_kafka import admin as cka

    config = {"bootstrap.servers": bootstrap}
    if not way.endswith("-plain"):
        config |= {"security.protocol": "SASL_SSL", "ssl.ca.location": os.environ["MILLRACE_CA_PEM"]}
    if way.endswith("-scram"):
        config |= {"sasl.mechanism": "SCRAM-SHA-512", "sasl.username": user, "sasl.password": password}
    elif way.endswith("-iam"):
        def token(_):
            text, expiry_ms = MSKAuthTokenProvider.generate_auth_token(os.environ["AWS_REGION"])
            return text, expiry_ms / 1000

        config |= {"sasl.mechanism": "OAUTHBEARER", "oauth_cb": token}
    admin = cka.AdminClient(config)
    admin.poll(0)
    for future in admin.create_topics([cka.NewTopic(t, 4, 3) for t in (source, target)]).values():
        future.result(LIMIT)
    assert len(admin.describe_cluster().result(LIMIT).nodes) == 3
    resource = cka.ConfigResource(cka.ConfigResource.Type.TOPIC, source, incremental_configs=[
        cka.ConfigEntry("retention.ms", "3600000", incremental_operation=cka.AlterConfigOpType.SET)])
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(LIMIT)
    (configs,) = [f.result(LIMIT) for f in admin.describe_configs([cka.ConfigResource(cka.ConfigResource.Type.TOPIC, source)]).values()]
    assert configs["retention.ms"].value == "3600000", configs["retention.ms"]
    for future in admin.list_offsets({ck.TopicPartition(source, 0): cka.OffsetSpec.latest()}).values():
        assert future.result(LIMIT).offset == 0

    failed = []
    producer = ck.Producer(config | {"enable.idempotence": True, "compression.type": "zstd", "linger.ms": 5})
    for v in want:
        producer.produce(source, v.encode(), key=v.encode(), headers={"way": way}, on_delivery=lambda err, _: err and failed.append(err))
    assert producer.flush(LIMIT) == 0 and not failed, failed

    protocol = {"group.protocol": "consumer"} if "-848" in way else {"partition.assignment.strategy": "cooperative-sticky", "heartbeat.interval.ms": 300}

    def member(name):
        consumer = ck.Consumer(config | protocol | {
            "group.id": group, "client.id": name, "auto.offset.reset": "earliest", "enable.auto.commit": False})
        writer = ck.Producer(config | {"transactional.id": f"{way}-{name}"})
        writer.init_transactions(LIMIT)
        consumer.subscribe([source])
        return consumer, writer

    moved, members, deadline = 0, [member("a")], time.monotonic() + LIMIT
    while moved < len(want):
        assert time.monotonic() < deadline, moved
        for consumer, writer in members:
            records = consumer.consume(20, 0.2)
            for r in records:
                assert r.error() is None, r.error()
            if not records:
                continue
            writer.begin_transaction()
            for r in records:
                writer.produce(target, r.value())
            try:
                writer.send_offsets_to_transaction(consumer.position(consumer.assignment()), consumer.consumer_group_metadata(), LIMIT)
                writer.commit_transaction(LIMIT)
                moved += len(records)
            except ck.KafkaException as e:  # the group has rebalanced since the records were read
                assert e.args[0].txn_requires_abort(), e
                writer.abort_transaction(LIMIT)
                for p in consumer.committed(consumer.assignment(), LIMIT):
                    consumer.seek(ck.TopicPartition(p.topic, p.partition, max(p.offset, 0)))
        if moved and len(members) == 1:
            members.append(member("b"))
    while not all(consumer.assignment() for consumer, _ in members):  # librdkafka does not leave while it is joining
        assert time.monotonic() < deadline, "the second member has no partitions"
        for consumer, _ in members:
            assert not consumer.consume(20, 0.1)
    described = admin.describe_consumer_groups([group])[group].result(LIMIT)
    assert described.type == (ck.ConsumerGroupType.CONSUMER if "-848" in way else ck.ConsumerGroupType.CLASSIC), described.type
    for consumer, _ in members:
        consumer.close()

    got = []
    reader = ck.Consumer(config | {"group.id": group + "-reader", "auto.offset.reset": "earliest", "isolation.level": "read_committed"})
    reader.assign([ck.TopicPartition(target, p, ck.OFFSET_BEGINNING) for p in range(4)])
    while len(got) < len(want):
        assert time.monotonic() < deadline, len(got)
        record = reader.poll(0.5)
        if record is not None:
            assert record.error() is None, record.error()
            got.append(record.value().decode())
    reader.close()
    for future in admin.list_consumer_group_offsets([ck.ConsumerGroupTopicPartitions(group)]).values():
        assert sum(max(p.offset, 0) for p in future.result(LIMIT).topic_partitions) == len(want)
    for future in admin.delete_records([ck.TopicPartition(source, 0, 1)]).values():
        future.result(LIMIT)
    for future in admin.delete_consumer_groups([group]).values():
        future.result(LIMIT)
    for future in admin.delete_topics([source, target]).values():
        future.result(LIMIT)
    return got


try:
    got = sorted(asyncio.run(aiokafka()) if way.startswith("aiokafka") else confluent())
    assert got == want, (len(got), got[:5])
except BaseException:
    traceback.print_exc()
    sys.stderr.flush()
    os._exit(1)  # clients that were not closed do not let the interpreter end
print(way, "ok")
