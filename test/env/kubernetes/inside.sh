#!/bin/bash
# Process 1 of a cluster's namespaces: mounts, network, then every component of Kubernetes, each started again when it ends.
# Environment: STATE (directory with pki/ conf/ run/ log/ ...), NODE (name), CLUSTER (binary), COREDNS and METRICS (binary or
# empty), WITH_NODE (1 or empty). Once the owner has attached the network it writes run/network: NODE_IP, HOST_IP, POD_CIDR.
set -euo pipefail
pki="$STATE/pki" logs="$STATE/log" conf="$STATE/conf"

mount_cgroups() {
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mount -t cgroup2 cgroup /sys/fs/cgroup
    mkdir /sys/fs/cgroup/init
    local process controllers
    for process in $(cat /sys/fs/cgroup/cgroup.procs); do echo "$process" > /sys/fs/cgroup/init/cgroup.procs || true; done
    controllers=$(cat /sys/fs/cgroup/cgroup.controllers)
    for controller in $controllers; do echo "+$controller" > /sys/fs/cgroup/cgroup.subtree_control || true; done
    return
  fi
  mount -t tmpfs cgroup /sys/fs/cgroup
  for controller in cpu cpuacct cpuset memory devices freezer blkio pids; do
    mkdir "/sys/fs/cgroup/$controller"
    mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller"
  done
  mkdir /sys/fs/cgroup/systemd
  mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
  echo 1 > /sys/fs/cgroup/cpuset/cgroup.clone_children || true
}

mount_state() {
  mkdir -p /var/lib/kubelet /var/log/containers /var/log/pods "$logs/containers" "$logs/pods"
  mount -t tmpfs run /run
  mount --bind "$STATE/kubelet" /var/lib/kubelet
  mount --bind "$logs/containers" /var/log/containers
  mount --bind "$logs/pods" /var/log/pods
  mount --make-rshared /
}

join_network() {
  ip link set lo up
  touch "$STATE/run/waiting-for-network"
  until [ -e "$STATE/run/network" ]; do sleep 0.02; done
  . "$STATE/run/network"
  ip addr add "$NODE_IP/30" dev eth0
  ip link set eth0 up
  # services need a route before they are translated; the world outside is refused at once instead of after a timeout
  ip route add 10.96.0.0/16 via "$HOST_IP"
  ip route add unreachable default
  echo 1 > /proc/sys/net/ipv4/ip_forward
}

# a component that ends is started again after half a second, so that a test may kill it
start() {
  local name=$1
  shift
  (
    while :; do
      "$@" >> "$logs/$name.log" 2>&1 &
      echo $! > "$STATE/run/$name.pid"
      wait $! || true
      echo "$(date +%T) $name ended"
      sleep 0.5
    done
  ) &
}

start_control_plane() {
  start etcd "$CLUSTER" etcd --data-dir "$STATE/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
    --initial-cluster default=http://127.0.0.1:2380
  start kube-apiserver "$CLUSTER" kube-apiserver --etcd-servers=http://127.0.0.1:2379 --bind-address=0.0.0.0 \
    --secure-port=6443 --advertise-address="$NODE_IP" --profiling=false --allow-privileged \
    --client-ca-file="$pki/ca.crt" --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$pki/service-account.pub" \
    --service-account-signing-key-file="$pki/service-account.key" \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement --service-cluster-ip-range=10.96.0.0/16 \
    --kubelet-client-certificate="$pki/apiserver-kubelet.crt" --kubelet-client-key="$pki/apiserver-kubelet.key" \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --requestheader-client-ca-file="$pki/ca.crt" --requestheader-allowed-names=front-proxy-client \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
    --requestheader-extra-headers-prefix=X-Remote-Extra- --proxy-client-cert-file="$pki/front-proxy.crt" \
    --proxy-client-key-file="$pki/front-proxy.key" --enable-aggregator-routing
  # the API server's own roles must be there: the controller manager ends at once when it may not read its configuration
  until curl -fsk https://127.0.0.1:6443/readyz > /dev/null 2>&1; do sleep 0.1; done
  start kube-controller-manager "$CLUSTER" kube-controller-manager --kubeconfig="$pki/controller-manager.kubeconfig" \
    --authentication-kubeconfig="$pki/controller-manager.kubeconfig" \
    --authorization-kubeconfig="$pki/controller-manager.kubeconfig" --use-service-account-credentials \
    --service-account-private-key-file="$pki/service-account.key" --root-ca-file="$pki/ca.crt" --leader-elect=false \
    --bind-address=127.0.0.1 --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key" \
    --allocate-node-cidrs --cluster-cidr="$POD_CIDR" --node-cidr-mask-size=24 --service-cluster-ip-range=10.96.0.0/16
  start kube-scheduler "$CLUSTER" kube-scheduler --kubeconfig="$pki/scheduler.kubeconfig" --leader-elect=false \
    --authentication-kubeconfig="$pki/scheduler.kubeconfig" --authorization-kubeconfig="$pki/scheduler.kubeconfig" \
    --bind-address=127.0.0.1
}

start_node() {
  start kubelet "$CLUSTER" kubelet --config="$conf/kubelet.yaml" --kubeconfig="$pki/kubelet.kubeconfig" \
    --hostname-override="$NODE" --node-ip="$NODE_IP"
  start kube-proxy "$CLUSTER" kube-proxy --kubeconfig="$pki/proxy.kubeconfig" --hostname-override="$NODE" \
    --proxy-mode=iptables --cluster-cidr="$POD_CIDR" --conntrack-max-per-core=0 \
    --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0 --metrics-bind-address=127.0.0.1:10249
  if [ -n "$COREDNS" ]; then start coredns "$COREDNS" -conf "$conf/Corefile"; fi
  if [ -n "$METRICS" ]; then
    start metrics-server "$METRICS" --kubeconfig="$pki/admin.kubeconfig" --secure-port=4443 \
      --authentication-kubeconfig="$pki/admin.kubeconfig" --authorization-kubeconfig="$pki/admin.kubeconfig" \
      --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
      --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
      --metric-resolution=10s --kubelet-request-timeout=5s
  fi
}

main() {
  mount --make-rprivate /
  hostname "$NODE"
  mount_cgroups
  mount_state
  join_network
  # the images are imported while the API server starts
  if [ -n "$WITH_NODE" ]; then start containerd containerd -c "$conf/containerd.toml"; fi
  start_control_plane
  if [ -n "$WITH_NODE" ]; then start_node; fi
  trap 'exit 0' TERM INT
  wait
  exit
}

# outside of namespaces of its own, it would mount and rename the machine's own
if [ $$ != 1 ]; then
  echo "inside.sh is run by launch.sh, as process 1 of new namespaces" >&2
  exit 1
fi
main
