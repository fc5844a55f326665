import java.io.FileReader;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * A Flink job that copies a topic exactly once, and fails in the middle: FlinkCopy BOOTSTRAP PROPERTIES FROM TO COUNT.
 * It goes on from its last checkpoint, with the transactions that this names.
 */
public final class FlinkCopy {
    private static final AtomicBoolean failed = new AtomicBoolean();

    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        try (FileReader reader = new FileReader(args[1])) {
            properties.load(reader);
        }
        int count = Integer.parseInt(args[4]);
        Configuration config = new Configuration();
        config.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
        config.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, 3);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(2, config);
        env.enableCheckpointing(300);
        KafkaSource<String> source = KafkaSource.<String>builder().setBootstrapServers(args[0]).setProperties(properties).setTopics(args[2])
            .setGroupId("flink").setStartingOffsets(OffsetsInitializer.earliest()).setBounded(OffsetsInitializer.latest())
            .setValueOnlyDeserializer(new SimpleStringSchema()).build();
        Properties writer = new Properties();
        writer.putAll(properties);
        writer.put("transaction.timeout.ms", "60000");
        KafkaSink<String> sink = KafkaSink.<String>builder().setBootstrapServers(args[0]).setKafkaProducerConfig(writer)
            .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE).setTransactionalIdPrefix("flink")
            .setRecordSerializer(KafkaRecordSerializationSchema.builder().setTopic(args[3]).setValueSerializationSchema(new SimpleStringSchema()).build()).build();
        String fatal = String.format("%04d", count / 2);
        env.fromSource(source, WatermarkStrategy.noWatermarks(), "from").map(line -> {
            Thread.sleep(2); // several checkpoints long
            if (line.endsWith(fatal) && failed.compareAndSet(false, true)) {
                throw new IllegalStateException("fails once, in the middle");
            }
            return line;
        }).sinkTo(sink);
        env.execute("copy");
        System.out.println("copied, failed " + failed);
    }
}
