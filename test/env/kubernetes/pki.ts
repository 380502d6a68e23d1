import { generateKeyPair } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { base64File, type Certificate, createAuthority } from "../certificates.ts";

/** The first address of the services' range: the service `kubernetes`. */
const SERVICE_ADDRESS = "10.96.0.1";
const SERVICE_NAMES = [
  "kubernetes",
  "kubernetes.default",
  "kubernetes.default.svc",
  "kubernetes.default.svc.cluster.local",
];

/** Writes the certificates and kubeconfigs of a cluster with one node into `directory`, under the names inside.sh reads. */
export async function createPki(directory: string, nodeAddress: string, nodeName: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const authority = await createAuthority(directory, "ec", "cluster-ca");
  const addresses = [nodeAddress, SERVICE_ADDRESS, "127.0.0.1"].map((address) => `IP:${address}`);
  const serverNames = [...addresses, "DNS:localhost", ...SERVICE_NAMES.map((name) => `DNS:${name}`)];
  const clients = {
    admin: "/O=system:masters/CN=admin",
    "controller-manager": "/CN=system:kube-controller-manager",
    scheduler: "/CN=system:kube-scheduler",
    proxy: "/CN=system:kube-proxy",
  };
  const kubeconfig = async (name: string, certificate: Certificate): Promise<void> =>
    writeFile(
      join(directory, `${name}.kubeconfig`),
      await kubeconfigText(`https://${nodeAddress}:6443`, authority.certificate, certificate),
      { mode: 0o600 },
    );
  await Promise.all([
    authority.issue({ name: "apiserver", subject: "/CN=kube-apiserver", names: serverNames }),
    authority.issue({ name: "apiserver-kubelet", subject: "/O=system:masters/CN=kube-apiserver-kubelet-client" }),
    authority.issue({ name: "front-proxy", subject: "/CN=front-proxy-client" }),
    ...Object.entries(clients).map(async ([name, subject]) =>
      kubeconfig(name, await authority.issue({ name, subject })),
    ),
    authority
      .issue({
        name: "kubelet",
        subject: `/O=system:nodes/CN=system:node:${nodeName}`,
        names: [`DNS:${nodeName}`, `IP:${nodeAddress}`],
      })
      .then((certificate) => kubeconfig("kubelet", certificate)),
    serviceAccountKeys(directory),
  ]);
}

async function serviceAccountKeys(directory: string): Promise<void> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
  await Promise.all([
    writeFile(join(directory, "service-account.key"), privateKey.export({ type: "pkcs8", format: "pem" }), {
      mode: 0o600,
    }),
    writeFile(join(directory, "service-account.pub"), publicKey.export({ type: "spki", format: "pem" })),
  ]);
}

async function kubeconfigText(server: string, authority: string, client: Certificate): Promise<string> {
  const [ca, certificate, key] = await Promise.all([authority, client.certificate, client.key].map(base64File));
  // JSON is YAML too
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "local", cluster: { server, "certificate-authority-data": ca } }],
    users: [{ name: "local", user: { "client-certificate-data": certificate, "client-key-data": key } }],
    contexts: [{ name: "local", context: { cluster: "local", user: "local" } }],
    "current-context": "local",
  });
}
