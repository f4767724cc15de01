# Shims that lost their containerd, and what is mounted for their containers.
for list in /sys/fs/cgroup/system.slice/containerd.service /sys/fs/cgroup/systemd/system.slice/containerd.service; do
    if [ -e "$list/cgroup.procs" ]; then
        while read -r process; do
            kill -KILL "$process" 2>/dev/null || true
        done <"$list/cgroup.procs"
    fi
done
awk '$2 ~ "^/(run|var/lib)/containerd/" { print $2 }' /proc/mounts | sort -r | while read -r path; do
    umount "$path"
done
rm -rf /run/containerd
# The folder itself may be a disk of its own.
find /var/lib/containerd -mindepth 1 -delete 2>/dev/null || true
rmdir /var/lib/containerd 2>/dev/null || true
# It makes these at its start, for programs that it never gets.
rmdir /opt/containerd/bin /opt/containerd/lib /opt/containerd 2>/dev/null || true
