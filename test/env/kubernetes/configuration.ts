import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface NodeLayout {
  /** The cluster's state directory. */
  readonly state: string;
  readonly nodeAddress: string;
  /** The pods' addresses: "198.19.3.0/24". */
  readonly podCidr: string;
  /** containerd's snapshotter; `native` where the file system can't carry overlays. */
  readonly snapshotter: "overlayfs" | "native";
}

/** Writes what containerd, the kubelet and CoreDNS read, under `state`/conf. */
export async function writeNodeConfiguration(layout: NodeLayout): Promise<void> {
  const conf = join(layout.state, "conf");
  await mkdir(join(conf, "cni"), { recursive: true });
  await Promise.all([
    writeFile(join(conf, "containerd.toml"), containerd(layout)),
    writeFile(join(conf, "cni/10-bridge.conflist"), JSON.stringify(podNetwork(layout))),
    writeFile(join(conf, "kubelet.yaml"), JSON.stringify(kubelet(layout))),
    // pods resolve the cluster's names; there is no other name server to ask
    writeFile(join(conf, "resolv.conf"), "nameserver 127.0.0.1\n"),
    writeFile(join(conf, "Corefile"), corefile(layout)),
  ]);
}

function containerd({ state, snapshotter }: NodeLayout): string {
  const unused = ["snapshotter.v1.aufs", "snapshotter.v1.btrfs", "snapshotter.v1.devmapper", "snapshotter.v1.zfs"];
  const disabled = [...unused, "internal.v1.opt", "tracing.processor.v1.otlp"].map((name) => `io.containerd.${name}`);
  const cri = `plugins."io.containerd.grpc.v1.cri"`;
  return `version = 2
root = "${state}/containerd"
state = "/run/containerd"
disabled_plugins = ${JSON.stringify(disabled)}
[grpc]
  address = "${state}/run/containerd.sock"
[${cri}]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
[${cri}.containerd]
  snapshotter = "${snapshotter}"
[${cri}.cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "${state}/conf/cni"
`;
}

function podNetwork({ podCidr }: NodeLayout): object {
  return {
    cniVersion: "0.4.0",
    name: "pods",
    plugins: [
      {
        type: "bridge",
        bridge: "cni0",
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: {
          type: "host-local",
          dataDir: "/run/cni-ipam",
          ranges: [[{ subnet: podCidr }]],
          routes: [{ dst: "0.0.0.0/0" }],
        },
      },
      { type: "portmap", capabilities: { portMappings: true } },
    ],
  };
}

function kubelet({ state, nodeAddress }: NodeLayout): object {
  const pki = join(state, "pki");
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: join(pki, "ca.crt") },
    },
    authorization: { mode: "Webhook" },
    containerRuntimeEndpoint: `unix://${state}/run/containerd.sock`,
    tlsCertFile: join(pki, "kubelet.crt"),
    tlsPrivateKeyFile: join(pki, "kubelet.key"),
    cgroupDriver: "cgroupfs",
    failCgroupV1: false,
    failSwapOn: false,
    clusterDNS: [nodeAddress],
    clusterDomain: "cluster.local",
    resolvConf: join(state, "conf/resolv.conf"),
    // the machine's disk is not the cluster's: evict and collect images only when it is nearly full
    evictionHard: {
      "memory.available": "100Mi",
      "nodefs.available": "1%",
      "imagefs.available": "1%",
      "nodefs.inodesFree": "1%",
    },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    nodeStatusUpdateFrequency: "5s",
    // how soon pods see a changed Secret; a minute by default
    syncFrequency: "10s",
    serializeImagePulls: false,
    maxPods: 110,
  };
}

function corefile({ state }: NodeLayout): string {
  return `.:53 {
  errors
  kubernetes cluster.local in-addr.arpa {
    kubeconfig ${state}/pki/admin.kubeconfig
    pods insecure
  }
  cache 2
}
`;
}
