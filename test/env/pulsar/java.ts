import { join } from "node:path";

export interface JavaOptions {
  /** Heap and direct memory, in MiB each. */
  readonly memory: number;
  /** Compile fully, for load; otherwise start quickly (the first compiler tier only). */
  readonly optimize: boolean;
  readonly loggingFile: string;
  /** Where the broker may leave temporary files. */
  readonly temporary: string;
  /** A class data archive: to start from, which halves the time to start, or to write when the broker ends. */
  readonly classes?: { readonly archive: string; readonly write: boolean } | undefined;
}

const OPENED = [
  "java.base/java.io",
  "java.base/java.util.zip",
  "java.base/java.nio",
  "java.base/jdk.internal.misc",
  "java.base/jdk.internal.platform",
  "java.management/sun.management",
  "jdk.management/com.sun.management.internal",
];

/** The command line of the standalone broker up to, and without, its own arguments. */
export function standaloneCommand(home: string, options: JavaOptions): string[] {
  const drivers = "org.apache.pulsar.metadata.bookkeeper.PulsarMetadata";
  return [
    "java",
    "-Xms64m",
    `-Xmx${options.memory}m`,
    `-XX:MaxDirectMemorySize=${options.memory}m`,
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
    ...(options.classes === undefined ? [] : archiveFlags(options.classes)),
    `-Djava.io.tmpdir=${options.temporary}`,
    ...(options.optimize ? [] : ["-XX:TieredStopAtLevel=1"]),
    "-Djava.net.preferIPv4Stack=true",
    ...OPENED.flatMap((name) => ["--add-opens", `${name}=ALL-UNNAMED`]),
    "-Dio.netty.tryReflectionSetAccessible=true",
    `-Dlog4j.configurationFile=${options.loggingFile}`,
    "-Dlog4j2.is.webapp=false",
    "-Dlog4j.shutdownHookEnabled=false",
    `-Dbookkeeper.metadata.bookie.drivers=${drivers}BookieDriver`,
    `-Dbookkeeper.metadata.client.drivers=${drivers}ClientDriver`,
    "-cp",
    join(home, "lib", "*"),
    "org.apache.pulsar.PulsarStandaloneStarter",
  ];
}

function archiveFlags({ archive, write }: NonNullable<JavaOptions["classes"]>): string[] {
  // an archive of another Java is ignored, and that is not worth a line of log
  return write ? [`-XX:ArchiveClassesAtExit=${archive}`] : [`-XX:SharedArchiveFile=${archive}`, "-Xlog:cds=off"];
}
