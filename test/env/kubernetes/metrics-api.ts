/** The manifests that make metrics-server, which runs beside the other components on the node, the API metrics.k8s.io. */
export function metricsApi(nodeAddress: string): string {
  const metadata = { name: "metrics-server", namespace: "kube-system" };
  const port = { name: "https", port: 4443, protocol: "TCP" };
  return JSON.stringify({
    apiVersion: "v1",
    kind: "List",
    items: [
      { apiVersion: "v1", kind: "Service", metadata, spec: { ports: [{ ...port, port: 443, targetPort: port.port }] } },
      {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { ...metadata, labels: { "kubernetes.io/service-name": metadata.name } },
        addressType: "IPv4",
        ports: [port],
        endpoints: [{ addresses: [nodeAddress], conditions: { ready: true } }],
      },
      {
        apiVersion: "apiregistration.k8s.io/v1",
        kind: "APIService",
        metadata: { name: "v1beta1.metrics.k8s.io" },
        spec: {
          group: "metrics.k8s.io",
          version: "v1beta1",
          groupPriorityMinimum: 100,
          versionPriority: 100,
          insecureSkipTLSVerify: true,
          service: metadata,
        },
      },
    ],
  });
}
