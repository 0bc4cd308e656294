#!/bin/sh
# A machine whose process 1 is the real systemd of this one: container.sh start WORK NODE. WORK/image is what persists on its disk; its
# /usr is this machine's with WORK/image/usr over it, read-only. Everything else is mounted in namespaces that end with it.
set -eu
work=$2
image=$work/image

case $1 in
start)
  # In a mount namespace of its own: nothing has to be unmounted, whatever kills it.
  exec unshare --mount --propagation private sh "$0" group "$work" "$3"
  ;;
group)
  # A cgroup of its own. Mounted here, because where this machine has its own is its own affair.
  mkdir -p "$work/groups"
  mount -t cgroup2 cgroup2 "$work/groups"
  group=$work/groups/$(basename "$work")
  mkdir -p "$group"
  # Process 1 ends by a signal; that is no failure.
  unshare --mount --pid --uts --ipc --net --fork --kill-child sh "$0" join "$work" "$3" || true
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null && break
    sleep 0.1
  done
  ;;
join)
  echo 0 >"$work/groups/$(basename "$work")/cgroup.procs"
  exec unshare --cgroup sh "$0" init "$work" "$3"
  ;;
init)
  mount --bind "$image" "$image"
  cd "$image"
  mount -t overlay overlay -o "ro,lowerdir=$image/usr:/usr" usr
  mount --bind "$(readlink -f "$3")" usr/bin/node
  mount -t proc proc proc
  # What is not in a namespace stays as this machine has it.
  for file in proc/sys proc/sysrq-trigger; do
    [ -e "$file" ] || continue
    mount --bind "$file" "$file"
    mount -o remount,bind,ro "$file"
  done
  # Read-only is also how systemd knows that there is no udev.
  mount -t sysfs sysfs sys -o ro
  mount -t cgroup2 cgroup2 sys/fs/cgroup
  mount -t tmpfs tmpfs dev -o mode=755
  for node in null zero full random urandom tty; do
    : >"dev/$node"
    mount --bind "/dev/$node" "dev/$node"
  done
  mkdir dev/pts dev/shm dev/disk dev/disk/by-id
  mount -t devpts devpts dev/pts -o newinstance,ptmxmode=0666,mode=620
  mount -t tmpfs tmpfs dev/shm
  ln -s pts/ptmx dev/ptmx
  ln -s /proc/self/fd dev/fd
  : >dev/console
  mount --bind "$(tty)" dev/console
  if [ -f "$work/disk" ]; then
    disk=$(cat "$work/disk")
    : >"$image$disk"
    mount --bind "$disk" "$image$disk"
    ln -s "$disk" dev/disk/by-id/google-web-data
  fi
  mount -t tmpfs tmpfs run -o mode=755
  mount -t tmpfs tmpfs tmp -o mode=1777
  mkdir run/old
  pivot_root . run/old
  umount -l run/old
  rmdir run/old
  # systemd does it itself where it is no container; credentials need it.
  mount --make-rshared /
  exec env -i container=moult PATH=/usr/sbin:/usr/bin /usr/lib/systemd/systemd --unit=multi-user.target
  ;;
esac
