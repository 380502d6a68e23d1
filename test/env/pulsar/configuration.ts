import type { Certificate } from "../certificates.ts";

export interface Ports {
  readonly broker: number;
  readonly web: number;
  readonly bookie: number;
  readonly brokerTls: number;
  readonly webTls: number;
}

export interface BrokerLayout {
  /** The address that clients reach the broker at. */
  readonly host: string;
  readonly ports: Ports;
  readonly auth?: { readonly publicKey: string; readonly adminToken: string; readonly passwords: string } | undefined;
  readonly tls?:
    | { readonly authority: string; readonly server: Certificate; readonly clientCertificateRequired: boolean }
    | undefined;
  /** The user's own settings, which win. */
  readonly overrides: Readonly<Record<string, string>>;
}

const PROVIDERS = ["Token", "Tls", "Basic"].map(
  (name) => `org.apache.pulsar.broker.authentication.AuthenticationProvider${name}`,
);

/** The broker settings that differ from the distribution's standalone.conf; a later key wins over an earlier one. */
export function brokerConfiguration(layout: BrokerLayout): Record<string, string> {
  return { ...base(layout), ...security(layout), ...layout.overrides };
}

function base({ host, ports }: BrokerLayout): Record<string, string> {
  return {
    bindAddress: host,
    advertisedAddress: host,
    // the bookie, which the broker alone talks to, would bind every address of the machine
    listeningInterface: "lo",
    brokerServicePort: String(ports.broker),
    webServicePort: String(ports.web),
    webSocketServiceEnabled: "true",
    webSocketNumIoThreads: "2",
    webSocketConnectionsPerBroker: "1",
    numIOThreads: "2",
    numHttpServerThreads: "8",
    brokerShutdownTimeoutMs: "3000",
    brokerDeleteInactiveTopicsEnabled: "false",
    allowAutoTopicCreation: "true",
    defaultNumberOfNamespaceBundles: "1",
    acknowledgmentAtBatchIndexLevelEnabled: "true",
    forceDeleteNamespaceAllowed: "true",
    forceDeleteTenantAllowed: "true",
    // durable against a killed broker, not against a machine that loses power
    journalSyncData: "false",
    journalWriteData: "true",
    dbStorage_writeCacheMaxSizeMb: "64",
    dbStorage_readAheadCacheMaxSizeMb: "32",
    dbStorage_rocksDB_blockCacheSize: "16777216",
    managedLedgerCacheSizeMB: "64",
  };
}

function security({ auth, tls, ports }: BrokerLayout): Record<string, string> {
  return {
    ...(auth && {
      authenticationEnabled: "true",
      authenticationProviders: PROVIDERS.join(","),
      tokenPublicKey: `file://${auth.publicKey}`,
      basicAuthConf: `file://${auth.passwords}`,
      authorizationEnabled: "true",
      superUserRoles: "admin",
      brokerClientAuthenticationPlugin: "org.apache.pulsar.client.impl.auth.AuthenticationToken",
      brokerClientAuthenticationParameters: `file://${auth.adminToken}`,
    }),
    ...(tls && {
      brokerServicePortTls: String(ports.brokerTls),
      webServicePortTls: String(ports.webTls),
      tlsCertificateFilePath: tls.server.certificate,
      tlsKeyFilePath: tls.server.key,
      tlsTrustCertsFilePath: tls.authority,
      tlsRequireTrustedClientCertOnConnect: String(tls.clientCertificateRequired),
      brokerClientTrustCertsFilePath: tls.authority,
      webServiceTlsProvider: "",
    }),
  };
}

/** The text to append to standalone.conf: java.util.Properties keeps the last value of a key. */
export function propertiesText(settings: Readonly<Record<string, string>>): string {
  return `\n${Object.entries(settings)
    .map(([key, value]) => `${key}=${value}\n`)
    .join("")}`;
}

/** Logging to the daemon's own output, at `level`. */
export function loggingText(level: string): string {
  return [
    "status = error",
    "appender.out.type = Console",
    "appender.out.name = out",
    "appender.out.layout.type = PatternLayout",
    "appender.out.layout.pattern = %d{ISO8601} [%t] %-5level %logger{1} - %msg%n",
    `rootLogger.level = ${level}`,
    "rootLogger.appenderRef.out.ref = out",
    "",
  ].join("\n");
}
