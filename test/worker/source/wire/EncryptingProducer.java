import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.apache.pulsar.client.api.BatcherBuilder;
import org.apache.pulsar.client.api.CompressionType;
import org.apache.pulsar.client.api.Producer;
import org.apache.pulsar.client.api.ProducerBuilder;
import org.apache.pulsar.client.api.PulsarClient;
import org.apache.pulsar.client.impl.DefaultCryptoKeyReader;

/**
 * Publishes encrypted messages with the official client, as the lines of its input say, and answers each with a line:
 * TOPIC KIND COMPRESSION COUNT-OR-BYTES KEY-NAME=PUBLIC-KEY-FILE...
 * KIND: batched, by-key (one batch for each key), single, chunked (one message of so many bytes).
 */
class EncryptingProducer {
    public static void main(String[] args) throws Exception {
        var input = new BufferedReader(new InputStreamReader(System.in));
        try (var client = PulsarClient.builder().serviceUrl(args[0]).build()) {
            for (var line = input.readLine(); line != null; line = input.readLine()) {
                produce(client, line.split(" "));
                System.out.println("done");
            }
        }
    }

    private static void produce(PulsarClient client, String[] words) throws Exception {
        var kind = words[1];
        var count = Integer.parseInt(words[3]);
        var reader = DefaultCryptoKeyReader.builder();
        ProducerBuilder<byte[]> builder = client.newProducer().topic(words[0]);
        builder.compressionType(CompressionType.valueOf(words[2]));
        for (int index = 4; index < words.length; index++) {
            var parts = words[index].split("=", 2);
            reader.publicKey(parts[0], "file://" + parts[1]);
            builder.addEncryptionKey(parts[0]);
        }
        builder.cryptoKeyReader(reader.build());
        builder.enableBatching(kind.equals("batched") || kind.equals("by-key"));
        if (kind.equals("by-key")) builder.batcherBuilder(BatcherBuilder.KEY_BASED);
        if (kind.equals("chunked")) builder.enableChunking(true);
        builder.batchingMaxPublishDelay(1, TimeUnit.SECONDS);
        try (Producer<byte[]> producer = builder.create()) {
            if (kind.equals("chunked")) producer.newMessage().key("large").value(large(count)).send();
            else numbered(producer, count);
        }
    }

    private static void numbered(Producer<byte[]> producer, int count) throws Exception {
        for (int number = 0; number < count; number++) {
            var text = "message " + number + " " + "x".repeat(200);
            producer.newMessage()
                .key("key-" + number % 7)
                .property("number", String.valueOf(number))
                .value(text.getBytes(StandardCharsets.UTF_8))
                .sendAsync();
        }
        producer.flush();
    }

    /** Bytes that hardly compress, which the reader can make too: a linear congruential generator. */
    private static byte[] large(int size) {
        var bytes = new byte[size];
        int state = 1;
        for (int index = 0; index < size; index++) {
            state = state * 1103515245 + 12345;
            bytes[index] = (byte) (state >>> 16);
        }
        return bytes;
    }
}
