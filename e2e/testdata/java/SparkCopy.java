import java.io.FileReader;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.Trigger;

/**
 * Spark structured streaming copies what a topic has since its checkpoint, then counts the copy with SQL:
 * SparkCopy BOOTSTRAP PROPERTIES FROM TO CHECKPOINT.
 */
public final class SparkCopy {
    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        try (FileReader reader = new FileReader(args[1])) {
            properties.load(reader);
        }
        Map<String, String> kafka = new HashMap<>();
        kafka.put("kafka.bootstrap.servers", args[0]);
        properties.forEach((k, v) -> kafka.put("kafka." + k, (String) v));
        SparkSession spark = SparkSession.builder().master("local[2]").appName("copy").config("spark.driver.host", "127.0.0.1")
            .config("spark.ui.enabled", false).config("spark.sql.shuffle.partitions", 2).getOrCreate();
        Dataset<Row> stream = spark.readStream().format("kafka").options(kafka).option("subscribe", args[2]).option("startingOffsets", "earliest")
            .option("maxOffsetsPerTrigger", 300).option("includeHeaders", true).load();
        stream.selectExpr("key", "value", "headers").writeStream().format("kafka").options(kafka).option("topic", args[3])
            .option("checkpointLocation", args[4]).trigger(Trigger.AvailableNow()).start().awaitTermination();
        Dataset<Row> all = spark.read().format("kafka").options(kafka).option("subscribe", args[3]).option("includeHeaders", true).load();
        Row counts = all.selectExpr("count(*)", "count(distinct cast(value as string))").first();
        System.out.println("copied " + counts.getLong(0) + " of " + counts.getLong(1));
        spark.stop();
    }
}
