/** The parts of a pod's specification that the Restricted Pod Security Standard speaks of. */
export interface PodSpec {
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly securityContext?: SecurityContext;
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly Readonly<Record<string, unknown>>[];
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly { readonly hostPort?: number }[];
  readonly securityContext?: SecurityContext;
}

interface SecurityContext {
  readonly privileged?: boolean;
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly allowPrivilegeEscalation?: boolean;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  readonly seccompProfile?: { readonly type: string };
}

const VOLUMES = [
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "persistentVolumeClaim",
  "projected",
  "secret",
];

/**
 * What the Restricted Pod Security Standard objects to, a line each.
 * Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
 */
export function restrictedViolations(pod: PodSpec): string[] {
  const violations: string[] = [];
  for (const field of ["hostNetwork", "hostPID", "hostIPC"] as const) if (pod[field]) violations.push(field);
  for (const volume of pod.volumes ?? []) {
    const kind = Object.keys(volume).find((key) => key !== "name") ?? "emptyDir";
    if (!VOLUMES.includes(kind)) violations.push(`volume ${kind}`);
  }
  for (const container of [...pod.containers, ...(pod.initContainers ?? [])]) {
    violations.push(
      ...containerViolations(container, pod.securityContext ?? {}).map((text) => `${container.name}: ${text}`),
    );
  }
  return violations;
}

function containerViolations(container: Container, inherited: SecurityContext): string[] {
  const own = container.securityContext ?? {};
  const context = { ...inherited, ...own };
  const { add = [], drop = [] } = own.capabilities ?? {};
  const faults: [boolean, string][] = [
    [own.privileged === true, "privileged"],
    [own.allowPrivilegeEscalation !== false, "allowPrivilegeEscalation is not false"],
    [!drop.includes("ALL"), "capabilities are not dropped"],
    [add.some((name) => name !== "NET_BIND_SERVICE"), "capabilities are added"],
    [context.runAsNonRoot !== true, "runAsNonRoot is not true"],
    [context.runAsUser === 0, "runs as root"],
    [!["RuntimeDefault", "Localhost"].includes(context.seccompProfile?.type ?? ""), "seccompProfile is not set"],
    [(container.ports ?? []).some((port) => port.hostPort !== undefined), "hostPort"],
  ];
  return faults.filter(([wrong]) => wrong).map(([, text]) => text);
}
