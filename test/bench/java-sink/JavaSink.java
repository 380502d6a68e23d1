import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import java.lang.reflect.Proxy;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.pulsar.client.api.Consumer;
import org.apache.pulsar.client.api.Message;
import org.apache.pulsar.client.api.PulsarClient;
import org.apache.pulsar.client.api.Schema;
import org.apache.pulsar.client.api.SubscriptionInitialPosition;
import org.apache.pulsar.client.api.SubscriptionType;
import org.apache.pulsar.client.api.schema.GenericRecord;
import org.apache.pulsar.client.api.schema.GenericObject;
import org.apache.pulsar.functions.api.Record;
import org.apache.pulsar.io.core.SinkContext;
import org.apache.pulsar.io.kinesis.KinesisSink;

/**
 * Runs Pulsar's own Kinesis sink without the functions runtime: one consumer, one thread that writes, an acknowledgement
 * for each message, as the runtime does it. Argument: JSON with serviceUrl, topic, subscription, ordered, port and config,
 * the sink's own properties. Answers /metrics, /livez and /readyz on that port as a worker does.
 */
public final class JavaSink {
    /**
     * Messages on their way. The broker holds Shared consumers to it (maxUnackedMessagesPerConsumer); without it the sink,
     * which has no back-pressure, would take a whole backlog into memory in the other case.
     */
    private static final int OUTSTANDING = 50_000;

    private final Semaphore outstanding = new Semaphore(OUTSTANDING);
    private final AtomicLong delivered = new AtomicLong();

    public static void main(String[] args) throws Exception {
        new JavaSink().run(new ObjectMapper().readValue(args[0], Map.class));
    }

    private void run(Map<String, Object> task) throws Exception {
        KinesisSink sink = new KinesisSink();
        @SuppressWarnings("unchecked")
        Map<String, Object> config = (Map<String, Object>) task.get("config");
        sink.open(config, context());
        PulsarClient client = PulsarClient.builder().serviceUrl((String) task.get("serviceUrl")).build();
        Consumer<GenericRecord> consumer = client.newConsumer(Schema.AUTO_CONSUME())
                .topic((String) task.get("topic"))
                .subscriptionName((String) task.get("subscription"))
                .subscriptionType((Boolean) task.get("ordered") ? SubscriptionType.Failover : SubscriptionType.Shared)
                .subscriptionInitialPosition(SubscriptionInitialPosition.Earliest)
                .subscribe();
        serve((Integer) task.get("port"));
        while (true) {
            for (Message<GenericRecord> message : consumer.batchReceive()) {
                outstanding.acquire();
                sink.write(new Received(consumer, message));
            }
        }
    }

    /** Only what the sink calls: no secrets, no metrics. */
    private static SinkContext context() {
        return (SinkContext) Proxy.newProxyInstance(
                JavaSink.class.getClassLoader(), new Class<?>[] {SinkContext.class}, (proxy, method, arguments) -> null);
    }

    private void serve(int port) throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.createContext("/", exchange -> {
            byte[] text = ("kinesis_sink_messages_delivered_total " + delivered.get() + "\n").getBytes();
            exchange.sendResponseHeaders(200, text.length);
            exchange.getResponseBody().write(text);
            exchange.close();
        });
        server.start();
    }

    private final class Received implements Record<GenericObject> {
        private final Consumer<GenericRecord> consumer;
        private final Message<GenericRecord> message;

        Received(Consumer<GenericRecord> consumer, Message<GenericRecord> message) {
            this.consumer = consumer;
            this.message = message;
        }

        @Override
        public Optional<String> getTopicName() {
            return Optional.of(message.getTopicName());
        }

        @Override
        public Optional<String> getKey() {
            return Optional.ofNullable(message.getKey());
        }

        @Override
        public GenericObject getValue() {
            return message.getValue();
        }

        @Override
        public Optional<Long> getEventTime() {
            return message.getEventTime() == 0 ? Optional.empty() : Optional.of(message.getEventTime());
        }

        @Override
        public Map<String, String> getProperties() {
            return message.getProperties();
        }

        @Override
        @SuppressWarnings("unchecked")
        public Optional<Message<GenericObject>> getMessage() {
            return Optional.of((Message<GenericObject>) (Message<?>) message);
        }

        @Override
        public void ack() {
            consumer.acknowledgeAsync(message.getMessageId());
            delivered.incrementAndGet();
            outstanding.release();
        }

        @Override
        public void fail() {
            consumer.negativeAcknowledge(message.getMessageId());
            outstanding.release();
        }
    }
}
