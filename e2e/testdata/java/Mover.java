import java.io.FileReader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * An application of the Java clients, of any version since 2.8: makes topics, asks what tools ask, writes records
 * idempotently, and moves them in transactions as two members of a group, the second of which comes later.
 *
 * <p>Mover BOOTSTRAP PROPERTIES NAME [KEY=VALUE of the group's members]
 */
public final class Mover {
    private static final int RECORDS = 200;
    private static final long LIMIT_MS = 60_000;

    private final Map<String, Object> base = new HashMap<>();
    private final Map<String, Object> member = new HashMap<>();
    private final String name;
    private final String from;
    private final String to;
    private final long deadline = System.currentTimeMillis() + LIMIT_MS;

    private Mover(String[] args) throws Exception {
        Properties properties = new Properties();
        try (FileReader reader = new FileReader(args[1])) {
            properties.load(reader);
        }
        properties.forEach((k, v) -> base.put((String) k, v));
        base.put("bootstrap.servers", args[0]);
        base.put("key.serializer", StringSerializer.class.getName());
        base.put("value.serializer", StringSerializer.class.getName());
        base.put("key.deserializer", StringDeserializer.class.getName());
        base.put("value.deserializer", StringDeserializer.class.getName());
        name = args[2];
        from = name + "-from";
        to = name + "-to";
        for (int i = 3; i < args.length; i++) {
            String[] pair = args[i].split("=", 2);
            member.put(pair[0], pair[1]);
        }
    }

    public static void main(String[] args) throws Exception {
        Mover mover = new Mover(args);
        try (Admin admin = Admin.create(mover.base)) {
            mover.administer(admin);
            mover.produce();
            mover.move();
            mover.check();
            mover.finish(admin);
        }
        System.out.println("moved");
    }

    private Map<String, Object> with(Object... pairs) {
        Map<String, Object> all = new HashMap<>(base);
        for (int i = 0; i < pairs.length; i += 2) {
            all.put((String) pairs[i], pairs[i + 1]);
        }
        return all;
    }

    private void administer(Admin admin) throws Exception {
        admin.createTopics(List.of(new NewTopic(from, 2, (short) 3), new NewTopic(to, 2, (short) 3))).all().get();
        admin.createPartitions(Map.of(from, NewPartitions.increaseTo(4))).all().get();
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, from);
        AlterConfigOp set = new AlterConfigOp(new ConfigEntry("retention.ms", "3600000"), AlterConfigOp.OpType.SET);
        admin.incrementalAlterConfigs(Map.of(topic, List.of(set))).all().get();
        Config config = admin.describeConfigs(List.of(topic)).all().get().get(topic);
        expect("retention.ms", config.get("retention.ms").value(), "3600000");
        expect("brokers", admin.describeCluster().nodes().get().size(), 3);
        expect("topics", admin.listTopics().names().get().containsAll(Set.of(from, to)), true);
        expect("log dirs", admin.describeLogDirs(List.of(1, 2, 3)).allDescriptions().get().size(), 3);
        admin.describeAcls(org.apache.kafka.common.acl.AclBindingFilter.ANY).values().get();
    }

    private void produce() {
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(with("enable.idempotence", true, "acks", "all", "compression.type", "lz4"))) {
            for (String value : values()) {
                producer.send(new ProducerRecord<>(from, value, value));
            }
        }
    }

    private Set<String> values() {
        Set<String> values = new TreeSet<>();
        for (int i = 0; i < RECORDS; i++) {
            values.add(String.format("%s-%03d", name, i));
        }
        return values;
    }

    private void move() {
        int moved = 0;
        List<KafkaConsumer<String, String>> consumers = new ArrayList<>();
        List<KafkaProducer<String, String>> producers = new ArrayList<>();
        Runnable join = () -> {
            String id = name + "-" + consumers.size();
            Map<String, Object> config = with("group.id", name, "client.id", id, "auto.offset.reset", "earliest", "enable.auto.commit", false,
                "isolation.level", "read_committed", "max.poll.records", 20);
            config.putAll(member);
            KafkaConsumer<String, String> consumer = new KafkaConsumer<>(config);
            consumer.subscribe(List.of(from));
            consumers.add(consumer);
            KafkaProducer<String, String> producer = new KafkaProducer<>(with("transactional.id", id));
            producer.initTransactions();
            producers.add(producer);
        };
        join.run();
        boolean[] worked = new boolean[2];
        while (moved < RECORDS) {
            late("moved " + moved);
            for (int i = 0; i < consumers.size(); i++) {
                ConsumerRecords<String, String> records = consumers.get(i).poll(Duration.ofMillis(100));
                if (!records.isEmpty()) {
                    transact(consumers.get(i), producers.get(i), records);
                    moved += records.count();
                }
                worked[i] |= !consumers.get(i).assignment().isEmpty();
            }
            if (worked[0] && consumers.size() == 1) {
                join.run();
            }
        }
        while (!worked[1]) { // all may be moved before the second has partitions
            late("the second member");
            for (KafkaConsumer<String, String> consumer : consumers) {
                consumer.poll(Duration.ofMillis(100));
            }
            worked[1] = !consumers.get(1).assignment().isEmpty();
        }
        consumers.forEach(KafkaConsumer::close);
        producers.forEach(KafkaProducer::close);
    }

    private void transact(KafkaConsumer<String, String> consumer, KafkaProducer<String, String> producer, ConsumerRecords<String, String> records) {
        producer.beginTransaction();
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (ConsumerRecord<String, String> r : records) {
            producer.send(new ProducerRecord<>(to, r.key(), r.value()));
            offsets.put(new TopicPartition(r.topic(), r.partition()), new OffsetAndMetadata(r.offset() + 1));
        }
        producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
        producer.commitTransaction();
    }

    private void check() {
        List<String> got = new ArrayList<>();
        try (KafkaConsumer<String, String> reader = new KafkaConsumer<>(with("isolation.level", "read_committed", "auto.offset.reset", "earliest"))) {
            List<TopicPartition> all = List.of(new TopicPartition(to, 0), new TopicPartition(to, 1));
            reader.assign(all);
            reader.seekToBeginning(all);
            while (got.size() < RECORDS) {
                late("read " + got.size());
                reader.poll(Duration.ofMillis(100)).forEach(r -> got.add(r.value()));
            }
        }
        Collections.sort(got);
        expect("records", got, new ArrayList<>(values()));
    }

    private void finish(Admin admin) throws Exception {
        Map<TopicPartition, OffsetAndMetadata> offsets = admin.listConsumerGroupOffsets(name).partitionsToOffsetAndMetadata().get();
        expect("committed", offsets.values().stream().mapToLong(OffsetAndMetadata::offset).sum(), (long) RECORDS);
        TopicPartition first = new TopicPartition(from, 0);
        long end = admin.listOffsets(Map.of(first, OffsetSpec.latest())).all().get().get(first).offset();
        admin.deleteRecords(Map.of(first, RecordsToDelete.beforeOffset(end))).all().get();
        expect("the group", admin.describeConsumerGroups(List.of(name)).all().get().get(name).members().size(), 0);
        admin.deleteConsumerGroups(List.of(name)).all().get();
        Collection<String> topics = List.of(from, to);
        admin.deleteTopics(topics).all().get();
    }

    private void late(String what) {
        if (System.currentTimeMillis() > deadline) {
            throw new IllegalStateException("too late: " + what);
        }
    }

    private static void expect(String what, Object got, Object want) {
        if (!got.equals(want)) {
            throw new IllegalStateException(what + ": " + got + ", want " + want);
        }
    }
}
