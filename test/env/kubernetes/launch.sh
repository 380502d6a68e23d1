#!/bin/bash
# Holds a cluster: makes a cgroup of its own, runs inside.sh in its own mount, pid, network, cgroup, uts and ipc namespaces,
# and removes the cgroups when that ends or when this script is told to end (SIGTERM, also when its owner dies).
# Environment: STATE (directory), NAME (unique), OWNER (process id), and what inside.sh reads.
set -euo pipefail
groups=()

make_cgroups() {
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    for controller in cpuset cpu io memory pids; do echo "+$controller" > /sys/fs/cgroup/cgroup.subtree_control; done || true
    # below the root, the one place where a group may have both processes and controllers
    groups=("/sys/fs/cgroup/$NAME")
    mkdir -p "${groups[0]}"
    return
  fi
  local mine controllers path group
  mine=$(cat /proc/self/cgroup)
  while IFS=: read -r _ controllers path; do
    [ -n "$controllers" ] || continue
    group="/sys/fs/cgroup/${controllers#name=}${path%/}/$NAME"
    mkdir -p "$group"
    if [ "$controllers" = cpuset ]; then
      for file in cpus mems; do cat "${group%/*}/cpuset.$file" > "$group/cpuset.$file"; done
    fi
    groups+=("$group")
  done <<< "$mine"
}

remove_cgroups() {
  local group try
  for group in "${groups[@]}"; do
    for try in $(seq 40); do
      [ -d "$group" ] || break
      find "$group" -depth -type d -exec rmdir {} + 2> /dev/null || sleep 0.05
    done
  done
}

remove_all() {
  # the kernel tells of an owner's death once for each of its threads
  trap '' TERM INT HUP
  remove_cgroups
  # the owner removes the state itself, unless it died
  kill -0 "$OWNER" 2> /dev/null || rm -rf "$STATE"
}

# one function, so that bash has read all of this file before it runs: an edit meanwhile changes nothing
main() {
  trap 'kill -KILL "${child:-}" 2> /dev/null || true' TERM INT HUP
  trap remove_all EXIT
  make_cgroups
  (
    for group in "${groups[@]}"; do echo "$BASHPID" > "$group/cgroup.procs"; done
    # --kill-child: ending unshare ends process 1 of the namespaces, and with it everything
    exec setpriv --pdeathsig KILL unshare --mount --pid --net --cgroup --uts --ipc --fork --kill-child --mount-proc \
      bash "$(dirname "$0")/inside.sh"
  ) &
  child=$!
  echo "$child" > "$STATE/run/unshare.pid"
  while kill -0 "$child" 2> /dev/null; do wait "$child" || true; done
  exit
}

main
