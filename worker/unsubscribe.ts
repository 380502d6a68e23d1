/** What is left to do once a sink is deleted: its subscription, where the sink asks for that. */
import type { KinesisSink } from "../crds/kinesissink.generated.ts";
import { subscriptionName } from "../crds/subscription.ts";
import type { Clock } from "../runtime/clock.ts";
import { createHttpClient } from "../runtime/http-client.ts";
import type { Logger } from "../runtime/log.ts";
import type { ProxyVariables } from "../runtime/proxy.ts";
import { set } from "./config.ts";
import { pulsarAccess } from "./pulsar-access.ts";
import type { KeyReader } from "./secrets.ts";
import { deleteSubscription } from "./source/wire/delete-subscription.ts";

export interface UnsubscribeOptions {
  readonly manifest: KinesisSink;
  readonly readKey: KeyReader;
  /** The way to an OAuth 2.0 issuer. */
  readonly proxy?: ProxyVariables;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Deletes the sink's subscription. @throws SourceError that says what is to be mended */
export async function unsubscribe({ manifest, readKey, proxy, clock, log, signal }: UnsubscribeOptions): Promise<void> {
  const { deadLetter, pulsar } = manifest.spec;
  const subscription = subscriptionName(manifest);
  const outcome = await deleteSubscription({
    ...pulsarAccess(pulsar, readKey, createHttpClient(proxy)),
    serviceUrl: pulsar.serviceUrl,
    listenerName: set(pulsar.listenerName),
    topics: pulsar.topics,
    topicsPattern: set(pulsar.topicsPattern),
    exceptTopics: deadLetter ? [deadLetter.topic] : [],
    subscription,
    clock,
    log,
    signal,
  });
  log.info("the subscription is deleted", { subscription, ...outcome });
}
