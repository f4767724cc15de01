# Containers outlive kubelet and containerd. With them go their mounts and networks.
if systemctl -q is-active containerd.service; then
    end=$(($(date +%s) + 60))
    while tasks=$(ctr -n k8s.io tasks list -q) && [ -n "$tasks" ]; do
        for task in $tasks; do
            ctr -n k8s.io tasks delete --force "$task" >/dev/null || true
        done
        if [ "$(date +%s)" -ge "$end" ]; then
            echo "containers that do not end: $tasks"
            exit 1
        fi
    done
    for container in $(ctr -n k8s.io containers list -q); do
        ctr -n k8s.io containers delete "$container"
    done
fi
awk '$2 ~ "^/var/lib/kubelet/" { print $2 }' /proc/mounts | sort -r | while read -r path; do
    umount "$path"
done
for network in /run/netns/cni-*; do
    if [ -e "$network" ]; then
        umount "$network" 2>/dev/null || true
        rm -f "$network"
    fi
done

# in_calico SCRIPT: run it with the tools of Calico's own image, which no package that hardway installs has. Where the image
# never came, as on a machine whose first run was cut off, Calico never ran either.
in_calico() {
    if [ -n "$calico_image" ] && systemctl -q is-active containerd.service &&
        [ -n "$(ctr -n k8s.io images list -q "name==$calico_image")" ]; then
        ctr -n k8s.io run --rm --privileged --net-host "$calico_image" hardway-clean sh -c "$1"
    fi
}

# Calico's rules in the system's own chains; it marks each with a comment.
# shellcheck disable=SC2016 # the variables are the container's
in_calico '
    for table in raw mangle nat filter; do
        iptables-save -t "$table" | sed -n "/cali:/s/^-A \([A-Z]* \)/-D \1/p" | while read -r rule; do
            eval "iptables -t $table $rule"
        done
    done'

# Rules of kube-proxy, kubelet and Calico: what leads to their chains, then the chains.
if command -v nft >/dev/null; then
    for family in ip ip6; do
        nft delete table "$family" kube-proxy 2>/dev/null || true
        nft list tables "$family" | while read -r _ _ table; do
            nft -a list table "$family" "$table" 2>/dev/null |
                awk -v table="$family $table" -v ours='^(KUBE-|cali-)' '
                    $1 == "chain" { chain = $2; if (chain ~ ours) flush[++chains] = chain }
                    NF > 1 && chain !~ ours && $(NF - 1) == "handle" {
                        for (i = 1; i < NF; i++)
                            if (($i == "jump" || $i == "goto") && $(i + 1) ~ ours)
                                print "delete rule " table " " chain " handle " $NF
                    }
                    END {
                        for (i = 1; i <= chains; i++) print "flush chain " table " " flush[i]
                        for (i = 1; i <= chains; i++) print "delete chain " table " " flush[i]
                    }' | nft -f -
            # A table that only held theirs is not worth keeping: it has no rule and accepts everything.
            if ! nft list table "$family" "$table" | grep -qvE '^(#|table|	chain .*\{$|	\}$|\}$|		type .* policy accept;$|$)'; then
                nft delete table "$family" "$table"
            fi
        done
    done
fi
# shellcheck disable=SC2016 # the variables are the container's
in_calico '
    ipset list -name | while read -r set; do
        case $set in cali4* | cali6*) ipset destroy "$set" ;; esac
    done'

for device in $(ip -o link show | sed -n 's/^[0-9]*: \(cni0\|vxlan\.calico\|cali[^@:]*\).*/\1/p'); do
    ip link delete "$device" 2>/dev/null || true
done
ip route flush table main root "$pod_range"
ip route flush table main type blackhole root "$pod_range"
rm -rf /usr/libexec/kubernetes/kubelet-plugins /run/nri
rmdir /usr/libexec/kubernetes /run/netns 2>/dev/null || true
rm -rf /var/lib/calico /var/lib/cni /run/calico /run/flannel /var/log/calico /var/log/pods /var/log/containers
