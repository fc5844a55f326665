// Writes the golden batches beside it with Kafka's own client library:
//   java -cp 'LIB/*' Golden.java
// where LIB holds org.apache.kafka:kafka-clients:4.3.1 and what it needs.
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.internal.*;

public class Golden {
    public static void main(String[] args) throws Exception {
        for (CompressionType t : CompressionType.values()) {
            SimpleRecord[] records = new SimpleRecord[50];
            for (int i = 0; i < records.length; i++) {
                byte[] key = i % 5 == 0 ? null : ("key-" + i).getBytes(StandardCharsets.UTF_8);
                byte[] value = i % 7 == 0 ? null : ("value-" + i + "-" + "x".repeat(i)).getBytes(StandardCharsets.UTF_8);
                Header[] headers = i % 3 == 0 ? new Header[0]
                    : new Header[] {new RecordHeader("n", Integer.toString(i).getBytes(StandardCharsets.UTF_8)), new RecordHeader("null", (byte[]) null)};
                records[i] = new SimpleRecord(1700000000000L + (i % 10), key, value, headers);
            }
            ByteBuffer b = MemoryRecords.withIdempotentRecords(Compression.of(t).build(), 4242L, (short) 3, 17, records).buffer();
            byte[] bytes = new byte[b.remaining()];
            b.get(bytes);
            Files.write(Path.of(t.name + ".bin"), bytes);
        }
        for (ControlRecordType type : new ControlRecordType[] {ControlRecordType.COMMIT, ControlRecordType.ABORT}) {
            ByteBuffer b = MemoryRecords.withEndTransactionMarker(1700000000000L, 4242L, (short) 3, new EndTransactionMarker(type, 77)).buffer();
            byte[] bytes = new byte[b.remaining()];
            b.get(bytes);
            Files.write(Path.of(type.name().toLowerCase() + ".bin"), bytes);
        }
    }
}
