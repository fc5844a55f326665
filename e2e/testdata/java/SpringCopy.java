import java.io.FileReader;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.DeadLetterPublishingRecoverer;
import org.springframework.kafka.listener.DefaultAfterRollbackProcessor;
import org.springframework.kafka.listener.MessageListener;
import org.springframework.kafka.transaction.KafkaTransactionManager;
import org.springframework.util.backoff.FixedBackOff;

/**
 * A listener container of Spring for Apache Kafka copies a topic in transactions, with two threads; what fails is tried
 * again and then goes to FROM-dlt: SpringCopy BOOTSTRAP PROPERTIES FROM TO COUNT.
 */
public final class SpringCopy {
    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        try (FileReader reader = new FileReader(args[1])) {
            properties.load(reader);
        }
        Map<String, Object> config = new HashMap<>();
        properties.forEach((k, v) -> config.put((String) k, v));
        config.put("bootstrap.servers", args[0]);
        config.put("key.serializer", StringSerializer.class);
        config.put("value.serializer", StringSerializer.class);
        config.put("key.deserializer", StringDeserializer.class);
        config.put("value.deserializer", StringDeserializer.class);
        config.put("auto.offset.reset", "earliest");
        config.put("isolation.level", "read_committed");
        DefaultKafkaProducerFactory<String, String> producers = new DefaultKafkaProducerFactory<>(config);
        producers.setTransactionIdPrefix("spring-");
        KafkaTemplate<String, String> template = new KafkaTemplate<>(producers);

        int count = Integer.parseInt(args[4]);
        CountDownLatch done = new CountDownLatch(count);
        AtomicInteger refused = new AtomicInteger();
        ContainerProperties container = new ContainerProperties(args[2]);
        container.setGroupId("spring");
        container.setKafkaAwareTransactionManager(new KafkaTransactionManager<>(producers));
        container.setMessageListener((MessageListener<String, String>) (ConsumerRecord<String, String> record) -> {
            template.send(args[3], record.value());
            if (record.value().endsWith("13")) { // its copies are rolled back
                refused.incrementAndGet();
                throw new IllegalStateException("refused");
            }
            done.countDown();
        });
        ConcurrentMessageListenerContainer<String, String> listener =
            new ConcurrentMessageListenerContainer<>(new DefaultKafkaConsumerFactory<>(config), container);
        listener.setConcurrency(2);
        listener.setAfterRollbackProcessor(new DefaultAfterRollbackProcessor<>(
            new DeadLetterPublishingRecoverer(template) {
                @Override
                protected void publish(org.apache.kafka.clients.producer.ProducerRecord<Object, Object> out,
                    org.springframework.kafka.core.KafkaOperations<Object, Object> to, ConsumerRecord<?, ?> in) {
                    super.publish(out, to, in);
                    done.countDown();
                }
            }, new FixedBackOff(10, 2), template, true));
        listener.start();
        if (!done.await(90, TimeUnit.SECONDS)) {
            throw new IllegalStateException(done.getCount() + " records are left");
        }
        listener.stop();
        producers.destroy();
        System.out.println("copied, refused " + refused);
        System.exit(0);
    }
}
