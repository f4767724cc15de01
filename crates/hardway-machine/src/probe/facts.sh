# Prints what a machine is, one `key value` line each, and its sockets last. Changes nothing.

say() {
    printf '%s %s\n' "$1" "$2"
}

say clock "$(date +%s%N)"
say hostname "$(uname -n)"
say architecture "$(uname -m)"
say kernel "$(uname -r)"
(
    # shellcheck disable=SC1091 # the machine's own
    if [ -r /etc/os-release ]; then . /etc/os-release; else . /usr/lib/os-release; fi
    say os_id "${ID-}"
    say os_version "${VERSION_ID-}"
    say os_name "${PRETTY_NAME-}"
)
say cgroup "$(stat -f -c %T /sys/fs/cgroup)"
if [ -r /sys/fs/cgroup/cgroup.controllers ]; then
    say controllers "$(cat /sys/fs/cgroup/cgroup.controllers)"
fi
say cpus "$(getconf _NPROCESSORS_ONLN)"
while read -r key value _; do
    if [ "$key" = MemTotal: ]; then say memory_kib "$value"; fi
done </proc/meminfo
for folder in /var /opt; do
    df -kP "$folder" 2>/dev/null
done | while read -r _ total _ free _; do
    say disk_kib "$total $free"
done
say user "$(id -u)"
while read -r key value _; do
    if [ "$key" = CapBnd: ]; then say capabilities "$value"; fi
done </proc/1/status

# systemd-resolved's stub answers on the machine's loopback only.
resolv_conf=/etc/resolv.conf
if grep -qs '^nameserver 127\.0\.0\.53' "$resolv_conf" && [ -r /run/systemd/resolve/resolv.conf ]; then
    resolv_conf=/run/systemd/resolve/resolv.conf
fi
say resolv_conf "$resolv_conf"

while read -r route; do say route "$route"; done </proc/net/route

# The ranges of pods that are given out: this machine's own, and where the others' are.
sed -n 's|.*"subnet": "\(.*\)".*|pods \1|p' /etc/cni/net.d/10-bridge.conflist 2>/dev/null
sed -n 's|.* route replace \(.*\) via \(.*\)|pod_route \1 \2|p' /etc/systemd/system/pod-routes.service 2>/dev/null

if command -v ss >/dev/null; then
    ss -Hltnp | while read -r socket; do say ss "$socket"; done
else
    for table in /proc/net/tcp /proc/net/tcp6; do
        if [ -r "$table" ]; then
            while read -r socket; do
                # 0A: listening.
                case $socket in *' 0A '*) say socket "$socket" ;; esac
            done <"$table"
        fi
    done
    find /proc/[0-9]*/fd -lname 'socket:*' -printf 'holder %l %p\n' 2>/dev/null
    for process in /proc/[0-9]*; do
        if read -r name <"$process/comm"; then say process "${process#/proc/} $name"; fi
    done 2>/dev/null
fi
