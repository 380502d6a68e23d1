/** The load of a soak as a process of its own: it produces, is the endpoint, and checks. Started by `fork(file, [host])`. */
import type { Answer, Answered, Asked, Counts, Question } from "./channel.ts";
import { openEndpoint } from "./endpoint.ts";
import { type Production, startProduction } from "./production.ts";

const [, , host = "127.0.0.1"] = process.argv;
const endpoint = await openEndpoint(host);
let production: Production | null = null;
let lookedAt = performance.now();
let paused = "";

function counts(faulty: boolean): Counts {
  const now = performance.now();
  const seconds = (now - lookedAt) / 1000;
  lookedAt = now;
  endpoint.collect();
  const { pipelines } = endpoint;
  for (const pipeline of pipelines) pipeline.look(faulty ? 0 : seconds);
  const ofPaused = (name: string): boolean => name === paused || name.startsWith(`${paused}-partition-`);
  return {
    produced: [...(pipelines[0]?.marks.values() ?? [])].reduce((sum, mark) => sum + mark.produced, 0),
    read: pipelines.map(({ read }) => read),
    behind: pipelines.map((pipeline) => pipeline.behind(() => true)),
    pausedBehind: pipelines.reduce((sum, pipeline) => sum + pipeline.behind(ofPaused), 0),
  };
}

async function answer(question: Question): Promise<Answer> {
  switch (question.kind) {
    case "start":
      production = startProduction(question.serviceUrl, question.rate, endpoint.produced);
      return { endpoint: endpoint.url };
    case "counts":
      return counts(question.faulty);
    case "down":
      await endpoint.down();
      break;
    case "up":
      await endpoint.up();
      break;
    case "faults":
      endpoint.setFaults(question.plan);
      break;
    case "reshard":
      endpoint.reshard(question.seed);
      break;
    case "delete stream":
      endpoint.deleteStream(question.mode);
      break;
    case "create stream":
      endpoint.createStream(question.mode, question.shards);
      break;
    case "pause":
      paused = question.topic;
      await production?.pause(question.topic);
      break;
    case "resume":
      paused = "";
      production?.resume(question.topic, question.partitions);
      break;
    case "hostile":
      await production?.hostile(question.topic, question.which);
      break;
    case "stop":
      await production?.stop();
      break;
    case "result":
      endpoint.collect();
      return { pipelines: endpoint.pipelines.map((pipeline) => pipeline.result()) };
  }
  return { done: true };
}

process.on("message", ({ id, question }: Asked) => {
  const reply = (answered: Omit<Answered, "id">): void => void process.send?.({ id, ...answered });
  answer(question).then(
    (said) => reply({ answer: said }),
    (error: unknown) => reply({ error: String(error) }),
  );
});
// Ctrl-C reaches it too, and who started it still asks.
process.on("SIGINT", () => undefined);
process.on("disconnect", () => process.exit());
process.send?.({ url: endpoint.url });
