/** What a source is made with, whichever client it is. Types alone. */

import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import type { ReceiveBudget, SubscriptionType } from "./source.ts";

export interface WireSourceOptions {
  /** `pulsar://host:6650` or `pulsar+ssl://host:6651`; several hosts with commas. */
  readonly serviceUrl: string;
  /** Of the brokers' advertised listeners: the one whose addresses lookups answer. The brokers' default when left out. */
  readonly listenerName?: string | undefined;
  /** Either names, short or full, … */
  readonly topics?: readonly string[] | undefined;
  /** … or a pattern, for example `persistent://public/default/orders-.*`. */
  readonly topicsPattern?: string | undefined;
  /** Topics, short or full, that a pattern does not match whatever it says. */
  readonly exceptTopics?: readonly string[] | undefined;
  readonly subscription: {
    readonly name: string;
    readonly type: SubscriptionType;
    /** Where a subscription that does not exist yet starts. */
    readonly initialPosition: "Earliest" | "Latest";
    /** It was there for all that is consumed: what has none now is new, and is read from its start. False by default. */
    readonly existed?: boolean | undefined;
  };
  /** Null for none. */
  readonly authentication?: Authentication | null | undefined;
  /** Null: what was encrypted end to end is passed on so. */
  readonly decryption?: Decryption | null | undefined;
  readonly tls?: TlsOptions | undefined;
  /** The most messages that one topic-partition may have on their way; 5,000 by default. */
  readonly receiverQueueSize?: number | undefined;
  readonly budget: ReceiveBudget;
  /** Shows in the broker's statistics; the broker makes one up when it is left out. */
  readonly consumerName?: string | undefined;
  /** How often new partitions and topics are looked for, in ms; 60,000 by default. */
  readonly discoveryIntervalMs?: number | undefined;
  /** What one entry may inflate to, or its chunks may add up to; 32 MiB by default. */
  readonly maxUncompressedBytes?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly log: Logger;
}

export interface NativeSourceOptions extends WireSourceOptions {
  /** Null without `spec.pulsar.adminUrl`. */
  readonly admin?: NativeAdmin | null | undefined;
  /** What the process may use; null when nothing limits it. */
  readonly memoryLimitBytes?: number | null | undefined;
}

/** Pulsar's admin REST API: what neither pulsar-client nor the binary protocol tells. */
export interface NativeAdmin {
  /** The parsed answer of a GET. @throws an error that names the URL and the status */
  get(path: string, signal: AbortSignal): Promise<unknown>;
  /** One header of the answer to a GET; null when it is absent. @throws as `get` does */
  header(path: string, name: string, signal: AbortSignal): Promise<string | null>;
}

/**
 * How a client proves who it is. `credentials` is called for every connection and every challenge, and reads its Secret
 * anew each time, so that a rotated Secret is picked up.
 */
export interface Authentication {
  /** Pulsar's name of the method, for example `token`. */
  readonly method: string;
  /** @throws an error with code SecretMissing or SecretKeyMissing, or a SourceError */
  credentials(signal: AbortSignal): Promise<Uint8Array>;
  /** A broker refused them: what is remembered of them is not to be given again. */
  refused?(): void;
}

/** Each reader is called for every connection, so that rotated certificates are picked up. */
export interface TlsOptions {
  /** Trusted certificates, PEM; the system's when left out. */
  readonly ca?: (() => Promise<Uint8Array>) | undefined;
  /** Trust any certificate. Default false. */
  readonly allowInsecure?: boolean | undefined;
  /** Default true. */
  readonly verifyHostname?: boolean | undefined;
  /** Certificate chain and key, PEM. */
  readonly clientCertificate?: (() => Promise<{ readonly cert: Uint8Array; readonly key: Uint8Array }>) | undefined;
}

/** End-to-end decryption. */
export interface Decryption {
  readonly keys: PrivateKeys;
  /** An entry that cannot be decrypted is poison (Fail), or is passed on as it arrived (Consume). */
  readonly onFailure: "Fail" | "Consume";
}

/**
 * The private keys, by the names that producers give to their encryption keys. Everything is read anew on every call, so
 * that it follows a rotation, and at once: the files are small, lie in memory, and are asked for once per data key.
 */
export interface PrivateKeys {
  /** What holds the keys, for messages: `Secret orders-keys`. */
  readonly holder: string;
  /** @throws an error with code SecretMissing when there is no key at all */
  check(): void;
  /** The key in PEM. @throws an error with code SecretMissing or SecretKeyMissing, whose message names the remedy */
  read(name: string): Buffer;
}
